"""Marks N that stand, and what was said of them (table `chased`)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from common.db import Transaction

from registers.domain.reasons import Known, Said, Slot, slots
from registers.store.marks import columns

ENDS = "select urn, last_number from school order by urn"
STANDING = """
select urn, date, session, pupil_id::text from mark
where urn = any($1::int[]) and standing and code = 'N' and date < $2 order by urn, date, session, pupil_id
"""
SAID = "select urn, date, session, pupil_id::text, state, due_on from chased where urn = any($1::int[])"
SCHOOL_DAYS = """
select urn, date
from unnest($1::int[], $2::date[]) as first(urn, day)
join calendar_day using (urn) where date > first.day and (am or pm) order by urn, date
"""
CODES = """
select m.date, m.session, m.pupil_id::text, m.code
from unnest($2::date[], $3::smallint[], $4::uuid[]) as s(date, session, pupil_id)
join mark as m using (date, session, pupil_id) where m.urn = $1 and m.standing and m.code is not null
"""
SAY = """
insert into chased (urn, date, session, pupil_id, state, due_on)
select $1, s.* from unnest($2::date[], $3::smallint[], $4::uuid[], $5::text[], $6::date[]) as s
on conflict (urn, date, session, pupil_id) do update set state = excluded.state, due_on = excluded.due_on
"""
FORGET = """
delete from chased as c using unnest($2::date[], $3::smallint[], $4::uuid[]) as s(date, session, pupil_id)
where c.urn = $1 and c.date = s.date and c.session = s.session and c.pupil_id = s.pupil_id
"""


async def ledger_ends(tx: Transaction) -> dict[int, int]:
    """Where the ledger of each school ends: whoever knows what it was can tell whether anything happened."""
    return {row["urn"]: row["last_number"] for row in await tx.fetch(ENDS)}


async def known(tx: Transaction, urns: Collection[int], today: date) -> dict[int, Known]:
    """What matters of some schools."""
    listed = sorted(urns)
    standing: dict[int, list[tuple[date, int, str]]] = defaultdict(list)
    for row in await tx.fetch(STANDING, listed, today):
        standing[row[0]].append((row[1], row[2], row[3]))
    said: dict[int, dict[Slot, Said]] = defaultdict(dict)
    for row in await tx.fetch(SAID, listed):
        (slot,) = slots([(row[1], row[2], row[3])])
        said[row[0]][slot] = Said(row[4], row[5])
    days: dict[int, list[date]] = defaultdict(list)
    firsts = {urn: of_school[0][0] for urn, of_school in standing.items()}
    for row in await tx.fetch(SCHOOL_DAYS, list(firsts), list(firsts.values())) if firsts else ():
        days[row[0]].append(row[1])
    return {urn: Known(slots(standing[urn]), said[urn], days[urn]) for urn in listed}


async def codes(tx: Transaction, urn: int, of: Sequence[Slot]) -> dict[Slot, str]:
    """The codes that stand in some slots of a school."""
    rows = await tx.fetch(CODES, urn, *columns(of, 3)) if of else ()
    return {slot: row[3] for row in rows for slot in slots([(row[0], row[1], row[2])])}


async def say(tx: Transaction, urn: int, said: Mapping[Slot, Said], settled: Sequence[Slot]) -> None:
    """Keeps what was said of some Ns of a school, and forgets those that are settled."""
    if said:
        rows = [(*slot, *what) for slot, what in said.items()]
        await tx.execute(SAY, urn, *columns(rows, 5))
    if settled:
        await tx.execute(FORGET, urn, *columns(settled, 3))
