"""Child rows: which child an id means, locking them, what is known of them, merging them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from common.arrays import array
from common.db import Transaction
from common.events.registers import PupilFacts

SURVIVORS = """
select pupil_id::text, survivor::text from unnest($1::text::uuid[]) as wanted (pupil_id) join child using (pupil_id)
"""
ADD = "insert into child (pupil_id) select unnest($1::text::uuid[]) order by 1 on conflict do nothing"
LOCK = """
select pupil_id::text, survivor::text, date_of_birth
from unnest($1::text::uuid[]) as wanted (pupil_id) join child using (pupil_id)
order by pupil_id for update of child
"""
DEAD_IDS = """
select child.pupil_id::text, survivor::text from unnest($1::text::uuid[]) as wanted (pupil_id)
join child on survivor = wanted.pupil_id where survivor is not null
"""
ALIASES = """
select pupil_id::text, survivor::text from child
where survivor is not null and ($1::uuid is null or pupil_id > $1) order by pupil_id limit $2
"""
MERGE = "update child set survivor = $2 where pupil_id = any($1::uuid[])"
TELL = """
update child set version = t.version, date_of_birth = t.born, year_group = t.year_group,
    flags = array(select jsonb_array_elements_text(t.flags))
from unnest($1::uuid[], $2::bigint[], $3::date[], $4::smallint[], $5::jsonb[])
    as t (pupil_id, version, born, year_group, flags)
where child.pupil_id = t.pupil_id and child.version < t.version
returning child.pupil_id::text
"""


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A locked row, as the newest transaction left it."""

    pupil_id: str
    survivor: str | None
    date_of_birth: date | None


async def lock(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, ChildRow]:
    """Locks these ids and the children that they mean until the transaction ends, making rows for new ones.

    Rows are locked in id order; a merge that was committed while we waited may add some at the end.
    """
    wanted = set(pupil_ids)
    known = {row[0]: row[1] for row in await tx.fetch(SURVIVORS, array(wanted))}
    if missing := sorted(wanted - known.keys()):
        await tx.execute(ADD, array(missing))
    locked: dict[str, ChildRow] = {}
    todo = wanted | {survivor for survivor in known.values() if survivor is not None}
    while todo:
        for row in await tx.fetch(LOCK, array(todo)):
            locked[row[0]] = ChildRow(row[0], row[1], row[2])
        todo = {row.survivor for row in locked.values() if row.survivor is not None} - locked.keys()
    return locked


async def dead_ids(tx: Transaction, living: Iterable[str]) -> dict[str, str]:
    """The ids that died into these children, and the child of each."""
    return {row[0]: row[1] for row in await tx.fetch(DEAD_IDS, array(living))}


async def aliases(tx: Transaction, after: str | None, limit: int) -> list[tuple[str, str]]:
    """Dead ids in order, from `after` on, with the living child of each."""
    return [(row[0], row[1]) for row in await tx.fetch(ALIASES, after, limit)]


async def merge(tx: Transaction, dead: Sequence[str], survivor: str) -> None:
    """Makes ids mean another child from now on."""
    await tx.execute(MERGE, dead, survivor)


async def tell(tx: Transaction, facts: Sequence[PupilFacts]) -> set[str]:
    """Keeps what is newer than what we know; the ids for which it was. Their rows must be locked."""
    if not facts:
        return set()
    rows = await tx.fetch(
        TELL,
        [fact.pupil_id for fact in facts],
        [fact.pupil_version for fact in facts],
        [None if fact.date_of_birth is None else date.fromisoformat(fact.date_of_birth) for fact in facts],
        [fact.year_group for fact in facts],
        [msgspec.json.encode(fact.flags).decode() for fact in facts],
    )
    return {row[0] for row in rows}
