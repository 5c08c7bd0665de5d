"""Schools and their calendars; locking a school is how every write about it begins."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from common.academic import Session
from common.db import Transaction

from registers.domain.ledger import Head
from registers.domain.schools import School

LOCK = "select urn, last_number, last_entry::text from school where urn = any($1::int[]) order by urn for no key update"
EXISTS = "select exists (select from school where urn = $1)"
ADD = """
insert into school (urn, name, la_code, laestab, phase) values ($1, $2, $3, $4, $5) on conflict (urn) do nothing
"""
CHANGE = "update school set name = $2, la_code = $3, laestab = $4, phase = $5 where urn = $1"
READ = "select urn, name, la_code, laestab, phase, last_number from school where urn = $1"
LIST = """
select urn, name, la_code, laestab, phase, last_number from school
where urn > $1 and ($2::int[] is null or urn = any($2)) order by urn limit $3
"""
ALL = "select urn from school order by urn"

HAS_CALENDAR = "select exists (select from calendar where urn = $1 and academic_year = $2)"
ADD_CALENDAR = "insert into calendar (urn, academic_year) values ($1, $2) on conflict do nothing"
DAYS = "select date, am, pm from calendar_day where urn = $1 and date between $2 and $3 order by date"
REPLACE_DAYS = """
with gone as (
    delete from calendar_day where urn = $1 and date between $2 and $3 and not date = any($4::date[])
)
insert into calendar_day (urn, date, am, pm)
select $1, day.date, day.am, day.pm from unnest($4::date[], $5::bool[], $6::bool[]) as day(date, am, pm)
on conflict (urn, date) do update set am = excluded.am, pm = excluded.pm
"""


async def lock(tx: Transaction, urns: Collection[int]) -> dict[int, Head]:
    """Locks the rows of these schools in URN order, and says where each ledger ends; unknown ones are missing."""
    rows = await tx.fetch(LOCK, sorted(urns))
    return {row["urn"]: Head(row["urn"], row["last_number"], row["last_entry"]) for row in rows}


async def exists(tx: Transaction, urn: int) -> bool:
    """Whether the school is known."""
    return await tx.fetchval(EXISTS, urn)


async def read(tx: Transaction, urn: int) -> School | None:
    """One school."""
    row = await tx.fetchrow(READ, urn)
    return School(*row.values()) if row else None


async def page(tx: Transaction, after: int, among: Collection[int] | None, limit: int) -> list[School]:
    """Schools in URN order, from the one after `after` on; only those `among` some when given."""
    rows = await tx.fetch(LIST, after, None if among is None else sorted(among), limit)
    return [School(*row.values()) for row in rows]


async def every_urn(tx: Transaction) -> list[int]:
    """The URNs of all schools."""
    return [row["urn"] for row in await tx.fetch(ALL)]


async def add(tx: Transaction, school: School) -> None:
    """Makes the school's row when it is not there."""
    await tx.execute(ADD, school.urn, school.name, school.la_code, school.laestab, school.phase)


async def change(tx: Transaction, school: School) -> None:
    """Replaces what is known of the school."""
    await tx.execute(CHANGE, school.urn, school.name, school.la_code, school.laestab, school.phase)


async def has_calendar(tx: Transaction, urn: int, year: int) -> bool:
    """Whether the school has given a calendar for the academic year (by its first calendar year)."""
    return await tx.fetchval(HAS_CALENDAR, urn, year)


async def calendar(tx: Transaction, urn: int, year: int) -> dict[date, frozenset[Session]]:
    """The open sessions of an academic year, by day."""
    rows = await tx.fetch(DAYS, urn, *_days_of(year))
    return {row["date"]: frozenset(session for session in Session if row[session.name.lower()]) for row in rows}


async def replace_calendar(tx: Transaction, urn: int, year: int, days: Mapping[date, Collection[Session]]) -> None:
    """Makes `days` the whole calendar of the academic year."""
    await tx.execute(ADD_CALENDAR, urn, year)
    listed: Sequence[date] = sorted(days)
    mornings = [Session.AM in days[day] for day in listed]
    afternoons = [Session.PM in days[day] for day in listed]
    await tx.execute(REPLACE_DAYS, urn, *_days_of(year), listed, mornings, afternoons)


def _days_of(year: int) -> tuple[date, date]:
    return date(year, 8, 1), date(year + 1, 7, 31)
