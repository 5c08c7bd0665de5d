"""Child rows: which child an id means, locking them, what is known of them, merging and splitting them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import msgspec
from common.academic import parse_year
from common.arrays import array
from common.db import Transaction
from common.events.registers import FlagSpan, PupilFacts
from common.lineage import Link

from absence_engine.domain.flags import Flagged, flagged

SURVIVORS = """
select pupil_id::text, survivor::text from unnest($1::text::uuid[]) as wanted (pupil_id) join child using (pupil_id)
"""
ADD = "insert into child (pupil_id) select unnest($1::text::uuid[]) order by 1 on conflict do nothing"
FLAGS = """
case when flags <> '{}' or flag_spans <> '[]' then flags end, case when flag_spans <> '[]' then flag_spans::text end
"""
LOCK = f"""
select pupil_id::text, survivor::text, date_of_birth, {FLAGS}, parent::text, identity_version, apart
from unnest($1::text::uuid[]) as wanted (pupil_id) join child using (pupil_id)
order by pupil_id for update of child
"""  # noqa: S608 (constants)
FACTS = f"select pupil_id::text, date_of_birth, {FLAGS} from child where pupil_id = any($1::uuid[])"  # noqa: S608
DEAD_IDS = """
select child.pupil_id::text, survivor::text, parent::text, identity_version, apart
from unnest($1::text::uuid[]) as wanted (pupil_id) join child on survivor = wanted.pupil_id where survivor is not null
"""
MEANINGS = """
select pupil_id::text, coalesce(survivor, pupil_id)::text, coalesce(parent, survivor)::text, told from child
where (parent is not null or survivor is not null) and ($1::uuid is null or pupil_id > $1) order by pupil_id limit $2
"""
LINK = """
update child set parent = t.parent, identity_version = t.version, apart = t.apart
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bool[]) as t (pupil_id, parent, version, apart)
where child.pupil_id = t.pupil_id
"""
MEAN = """
update child set survivor = nullif(t.living, t.pupil_id), told = greatest(told, $3) + 1
from unnest($1::uuid[], $2::uuid[]) as t (pupil_id, living) where child.pupil_id = t.pupil_id
returning child.pupil_id::text, told
"""
TELL = """
update child set version = t.version, date_of_birth = t.born, year_group = t.year_group,
    year_group_in = t.year_group_in, flags = array(select jsonb_array_elements_text(t.flags)), flag_spans = t.spans
from unnest($1::uuid[], $2::bigint[], $3::date[], $4::smallint[], $5::jsonb[], $6::jsonb[], $7::smallint[])
    as t (pupil_id, version, born, year_group, flags, spans, year_group_in)
where child.pupil_id = t.pupil_id and child.version < t.version
returning child.pupil_id::text
"""


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A locked row, as the newest transaction left it."""

    pupil_id: str
    survivor: str | None
    date_of_birth: date | None
    flags: tuple[Flagged, ...]
    link: Link | None


EPOCH_BITS = 32
"""Below these bits of what is `told` is the count within an epoch."""


class Meaning(NamedTuple):
    """An id and the child that it means, itself or another one: until now, or once, it was `before`. `told` rises with
    each change.
    """

    pupil_id: str
    living: str
    before: str
    told: int


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
            locked[row[0]] = ChildRow(row[0], row[1], row[2], _flags(row[3], row[4]), _link(*row[5:]))
        todo = {row.survivor for row in locked.values() if row.survivor is not None} - locked.keys()
    return locked


async def facts(tx: Transaction, pupil_ids: Sequence[str]) -> dict[str, tuple[date | None, tuple[Flagged, ...]]]:
    """When children were born, as far as that is known, and their flags."""
    return {row[0]: (row[1], _flags(row[2], row[3])) for row in await tx.fetch(FACTS, pupil_ids)}


async def survivors(tx: Transaction, pupil_ids: Iterable[str]) -> set[str]:
    """The living children that some ids mean."""
    return {row[1] or row[0] for row in await tx.fetch(SURVIVORS, array(pupil_ids))}


async def dead_ids(tx: Transaction, living: Iterable[str]) -> dict[str, str]:
    """The ids that died into these children, and the child of each."""
    return {row[0]: row[1] for row in await tx.fetch(DEAD_IDS, array(living))}


async def dead_links(tx: Transaction, living: Iterable[str]) -> dict[str, Link | None]:
    """The ids that died into these children, and the link of each."""
    return {row[0]: _link(*row[2:]) for row in await tx.fetch(DEAD_IDS, array(living))}


async def meanings(tx: Transaction, after: str | None, limit: int) -> list[Meaning]:
    """Ids that were ever merged, in order, from `after` on."""
    return [Meaning(*row) for row in await tx.fetch(MEANINGS, after, limit)]


async def keep_links(tx: Transaction, links: Mapping[str, Link]) -> None:
    """Notes whom ids were merged into or split from."""
    if links:
        its = links.values()
        apart = [link.apart for link in its]
        await tx.execute(LINK, list(links), [link.parent for link in its], [link.version for link in its], apart)


async def mean(tx: Transaction, living: Mapping[str, str], before: Mapping[str, str], epoch: int) -> list[Meaning]:
    """Makes ids mean these children from now on, and counts it: from anew in each epoch, higher than in the last."""
    if not living:
        return []
    rows = await tx.fetch(MEAN, list(living), list(living.values()), epoch << EPOCH_BITS)
    told = {row[0]: row[1] for row in rows}
    return [Meaning(id, child, before[id], told[id]) for id, child in sorted(living.items())]


def _flags(flags: list[str] | None, spans: str | None) -> tuple[Flagged, ...]:
    """Most children have none."""
    if flags is None:
        return ()
    return flagged(flags, [] if spans is None else msgspec.json.decode(spans, type=list[FlagSpan]))


def _link(parent: str | None, version: int, apart: bool) -> Link | None:
    return None if parent is None else Link(parent, version, apart)


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
        [msgspec.json.encode(fact.flag_spans).decode() for fact in facts],
        [None if fact.year_group_in is None else parse_year(fact.year_group_in) for fact in facts],
    )
    return {row[0] for row in rows}
