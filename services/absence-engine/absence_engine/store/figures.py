"""What the API reads: children as they stand, and the sheets of a school or an area.

Most children have one stay at the schools asked about and one sheet of the year: those come in one statement, row by
row (`stays`), which tells as well who the others are. Those, movers and merged children, come with all that is known of
them (`records`). The statement groups stays and sheets instead of joining them: a join by the living id, of which there
are no statistics, is planned as a loop within a loop while a school is new, and then a school of 2,000 takes ten
seconds.
All statements of one answer run in one snapshot, so that its figures and their freshness agree.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date
from typing import NamedTuple

import asyncpg
from common.db import Transaction

from absence_engine.domain.areas import Member
from absence_engine.domain.records import ChildRecord, Enrolment, Sheet
from absence_engine.store import children, schools, sheets
from absence_engine.store.packing import unpack

SNAPSHOT = "set transaction isolation level repeatable read, read only"
LIVING = "select coalesce(survivor, pupil_id)::text from child where pupil_id = $1"
SCHOOL = "select name, la_code, phase from school where urn = $1"
AREA = """
select urn, phase, from_date, to_date from (
    select s.urn, s.phase, coalesce(la.la_code, s.la_code) as la_code, la.from_date,
        lead(la.from_date) over (partition by s.urn order by la.from_date) - 1 as to_date
    from school as s left join school_la as la using (urn)
) as member where la_code = $1 order by urn, from_date
"""
STAYS = """
    select coalesce(child.survivor, pupil_id) as living, urn, from_date, to_date, kind, date_of_birth as born
    from enrolment join child using (pupil_id)
    where urn = any($1::int[]) and from_date <= $4 and (to_date is null or to_date >= $3)
"""
MARKS = """
    select coalesce(child.survivor, pupil_id) as living, urn, marks
    from sheet join child using (pupil_id) where year = $2 and ($5::int[] is null or urn = any($5::int[]))
"""
FOUND = f"""
select living::text, count(kind) > 1 or count(marks) > 1 or coalesce(max(urn) <> max(marked_at), false) as is_other,
    max(urn), max(from_date), max(to_date), max(kind), case when count(marks) = 1 then string_agg(marks, '') end,
    max(born)
from (
    select living, urn, from_date, to_date, kind, born, null::int as marked_at, null::bytea as marks
    from ({STAYS}) as stay
    union all
    select living, null, null, null, null, null, urn, marks from ({MARKS}) as sheet
) as found group by living having count(kind) > 0
"""  # noqa: S608 (constants)
CHUNK = 5000


class SchoolRow(NamedTuple):
    """A school as its ledger tells it."""

    name: str
    la_code: str
    phase: str


class PlainStay(NamedTuple):
    """A child's only stay at the schools asked about, with its only sheet of the year, if there is one."""

    pupil_id: str
    stay: Enrolment
    codes: bytes | None
    born: date | None


async def snapshot(tx: Transaction) -> None:
    """Makes all statements of this transaction see one moment; must be its first."""
    await tx.execute(SNAPSHOT)


async def living(tx: Transaction, pupil_id: str) -> str | None:
    """The living child that an id means; None when no ledger ever named it."""
    return await tx.fetchval(LIVING, pupil_id)


async def records(tx: Transaction, living_ids: Sequence[str]) -> list[ChildRecord]:
    """All that the ledgers say of living children, in the order asked for."""
    owner = {pupil_id: pupil_id for pupil_id in living_ids} | await children.dead_ids(tx, living_ids)
    facts = await children.facts(tx, living_ids)
    stays: dict[str, list[Enrolment]] = {pupil_id: [] for pupil_id in living_ids}
    marks: dict[str, list[Sheet]] = {pupil_id: [] for pupil_id in living_ids}
    for pupil_id, stay in await schools.enrolments(tx, owner):
        stays[owner[pupil_id]].append(stay)
    for sheet in await sheets.load(tx, owner):
        marks[owner[sheet.pupil_id]].append(sheet)
    return [ChildRecord(id, facts[id][0], tuple(stays[id]), tuple(marks[id]), flags=facts[id][1]) for id in living_ids]


async def school(tx: Transaction, urn: int) -> SchoolRow | None:
    """A school, or None when its ledger has not told of it."""
    row = await tx.fetchrow(SCHOOL, urn)
    return None if row is None else SchoolRow(*row)


async def members(tx: Transaction, la_code: str) -> dict[int, Member]:
    """The schools that are, or were, of a local authority, by URN."""
    found: dict[int, Member] = {}
    for urn, phase, first, last in await tx.fetch(AREA, la_code):
        before = found.get(urn, Member(phase, ()))
        found[urn] = Member(phase, (*before.spans, (first or date.min, last or date.max)))
    return found


async def stays(
    tx: Transaction, urns: Collection[int], year: int, *, everywhere: bool
) -> AsyncIterator[tuple[list[PlainStay], list[str]]]:
    """The living children with a stay at these schools in the year: the plain ones, and the ids of the others.

    Others have several stays there, several sheets of the year (at these schools, or `everywhere`), or one of another
    school. In chunks: an authority's sheets are too much to be in memory at once.
    """
    listed = sorted(urns)
    where = (listed, year, date(year, 8, 1), date(year + 1, 7, 31), None if everywhere else listed)
    cursor = await tx.cursor(FOUND, *where)
    rows = await cursor.fetch(CHUNK)
    while rows:
        yield _plain([row for row in rows if not row[1]]), [row[0] for row in rows if row[1]]
        rows = await cursor.fetch(CHUNK) if len(rows) == CHUNK else []


def _plain(rows: Sequence[asyncpg.Record]) -> list[PlainStay]:
    codes = iter(unpack([row[6] for row in rows if row[6] is not None]))
    return [PlainStay(row[0], Enrolment(*row[2:6]), None if row[6] is None else next(codes), row[7]) for row in rows]
