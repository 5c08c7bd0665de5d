"""Schools, their calendars, and who is enrolled where."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from common.arrays import array
from common.db import Transaction
from common.events.registers import SchoolChanged

from absence_engine.domain.records import Calendars, Enrolment

KEEP_SCHOOLS = """
insert into school (urn, name, la_code, phase, trust, locality)
select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) on conflict (urn) do update
set name = excluded.name, la_code = excluded.la_code, phase = excluded.phase, trust = excluded.trust,
    locality = excluded.locality
"""
MOVES = """
select school.la_code, told.la_code from school join unnest($1::int[], $2::text[]) as told (urn, la_code) using (urn)
where school.la_code <> told.la_code
"""
FORGET_LAS = "delete from school_la where urn = any($1::int[])"
KEEP_LAS = """
insert into school_la (urn, from_date, la_code) select * from unnest($1::int[], $2::date[], $3::text[])
"""
KEEP_CALENDARS = """
insert into calendar (urn, year, sessions) select * from unnest($1::int[], $2::smallint[], $3::bytea[])
on conflict (urn, year) do update set sessions = excluded.sessions
"""
KEEP_RECALCULATING = """
update school set recalculating = told.recalculating from unnest($1::int[], $2::bool[]) as told (urn, recalculating)
where school.urn = told.urn
"""
CALENDARS = "select urn, year, sessions from calendar where urn = any($1::int[])"
FORGET_ENROLMENTS = """
delete from enrolment using unnest($1::text::int[], $2::text::uuid[]) as t (urn, pupil_id)
where enrolment.urn = t.urn and enrolment.pupil_id = t.pupil_id
"""
ADD_ENROLMENTS = """
insert into enrolment (urn, pupil_id, from_date, to_date, kind, registration_group)
select * from unnest($1::text::int[], $2::text::uuid[], $3::date[], $4::date[], $5::text[], $6::text[])
"""
ENROLMENTS = """
select pupil_id::text, urn, from_date, to_date, kind, registration_group
from unnest($1::text::uuid[]) as wanted (pupil_id) join enrolment using (pupil_id)
order by urn, from_date
"""
ENROLLED = "select distinct urn, pupil_id::text from enrolment where urn = any($1::int[])"


async def moves(tx: Transaction, schools: Sequence[SchoolChanged]) -> set[tuple[str, str]]:
    """The authorities from which, and to which, schools move that are known."""
    if not schools:
        return set()
    rows = await tx.fetch(MOVES, [school.urn for school in schools], [school.la_code for school in schools])
    return {(row[0], row[1]) for row in rows}


async def keep_schools(tx: Transaction, schools: Sequence[SchoolChanged]) -> None:
    """Adds or replaces schools, each named once, with the authorities that they have had."""
    if not schools:
        return
    columns = zip(*((s.urn, s.name, s.la_code, s.phase, s.trust, s.locality) for s in schools), strict=True)
    await tx.execute(KEEP_SCHOOLS, *(list(column) for column in columns))
    await tx.execute(FORGET_LAS, [s.urn for s in schools])
    if history := [(s.urn, la) for s in schools for la in s.la_history]:
        first = [date.min if la.from_ is None else date.fromisoformat(la.from_) for _, la in history]
        await tx.execute(KEEP_LAS, [urn for urn, _ in history], first, [la.la_code for _, la in history])


async def keep_calendars(tx: Transaction, grids: Mapping[tuple[int, int], bytes]) -> None:
    """Adds or replaces calendars: 732 bytes (1 = open) per (URN, year)."""
    if grids:
        keys = list(grids)
        await tx.execute(KEEP_CALENDARS, [urn for urn, _ in keys], [year for _, year in keys], list(grids.values()))


async def keep_recalculating(tx: Transaction, told: Mapping[int, bool]) -> None:
    """Notes of schools whether their recalculation is under way."""
    if told:
        await tx.execute(KEEP_RECALCULATING, list(told), list(told.values()))


async def calendars(tx: Transaction, urns: Collection[int]) -> Calendars:
    """All calendars of some schools."""
    rows = await tx.fetch(CALENDARS, sorted(urns))
    return Calendars.of({(row[0], row[1]): row[2] for row in rows})


async def replace_enrolments(tx: Transaction, told: Mapping[tuple[int, str], Sequence[Enrolment]]) -> None:
    """Replaces all enrolments of each (URN, id of the ledger)."""
    if not told:
        return
    keys = list(told)
    await tx.execute(FORGET_ENROLMENTS, array(urn for urn, _ in keys), array(pupil_id for _, pupil_id in keys))
    stays = [(urn, pupil_id, stay) for (urn, pupil_id), its in told.items() for stay in its]
    if stays:
        await tx.execute(
            ADD_ENROLMENTS,
            array(urn for urn, _, _ in stays),
            array(pupil_id for _, pupil_id, _ in stays),
            [stay.from_ for _, _, stay in stays],
            [stay.to for _, _, stay in stays],
            [stay.kind for _, _, stay in stays],
            [stay.registration_group for _, _, stay in stays],
        )


async def enrolments(tx: Transaction, pupil_ids: Iterable[str]) -> list[tuple[str, Enrolment]]:
    """The enrolments of some ids of the ledger, by school and time."""
    rows = await tx.fetch(ENROLMENTS, array(pupil_ids))
    return [(row[0], Enrolment(row[1], row[2], row[3], row[4], row[5])) for row in rows]


async def on_roll(tx: Transaction, urns: Collection[int]) -> dict[int, set[str]]:
    """By school the ids of the ledger that have, or had, an enrolment there."""
    found: dict[int, set[str]] = {urn: set() for urn in urns}
    for row in await tx.fetch(ENROLLED, sorted(urns)) if urns else ():
        found[row[0]].add(row[1])
    return found
