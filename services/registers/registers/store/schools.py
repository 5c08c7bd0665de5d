"""Schools and their calendars; locking a school is how every write about it begins."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from common.academic import Session, year_of
from common.db import Transaction

from registers.domain.calendars import Calendar, Groups, Named, RegisterTime, Term
from registers.domain.ledger import Head
from registers.domain.schools import Belongs, Closure, School

LOCK = "select urn, last_number, last_entry::text from school where urn = any($1::int[]) order by urn for no key update"
EXISTS = "select exists (select from school where urn = $1)"
ADD = """
insert into school (urn, name, la_code, laestab, phase) values ($1, $2, $3, $4, $5) on conflict (urn) do nothing
"""
CHANGE = """
update school set name = $2, la_code = $3, laestab = $4, phase = $5, opened_on = $6, closed_on = $7,
    predecessor_urn = $8, successor_urn = $9, converted = $10, trust = $11, locality = $12
where urn = $1
"""
FACTS = """
select urn, name, la_code, laestab, phase, last_number, exists (select from rejudging where rejudging.urn = school.urn),
    opened_on, closed_on, predecessor_urn, successor_urn, converted, trust, locality,
    array(select from_date from school_la as la where la.urn = school.urn order by from_date) as since,
    array(select la.la_code from school_la as la where la.urn = school.urn order by from_date) as las
from school
"""
READ = f"{FACTS} where urn = $1"
LIST = f"""
{FACTS} where urn > $1 and ($2::int[] is null or urn = any($2)) and ($4::text is null or la_code = $4)
    and ($5::text is null or laestab = $5)
order by urn limit $3
"""
FORGET_LAS = "delete from school_la where urn = $1"
KEEP_LAS = "insert into school_la (urn, from_date, la_code) select $1, * from unnest($2::date[], $3::text[])"
ALL = "select urn from school order by urn"
CLOSURE = "select closed_on, successor_urn from school where urn = $1 and closed_on is not null"

ALL_GROUPS = -99
"""In `register_times`: the line of all year groups that have none of their own."""
HAS_CALENDAR = "select exists (select from calendar where urn = $1 and academic_year = $2)"
ADD_CALENDAR = "insert into calendar (urn, academic_year) values ($1, $2) on conflict do nothing"
DAYS = """
select date, am, pm, am_groups, pm_groups from calendar_day where urn = $1 and date between $2 and $3 order by date
"""
REPLACE_DAYS = """
with gone as (
    delete from calendar_day where urn = $1 and date between $2 and $3 and not date = any($4::date[])
)
insert into calendar_day (urn, date, am, pm, am_groups, pm_groups)
select $1, day.date, day.am, day.pm, day.am_groups::smallint[], day.pm_groups::smallint[]
from unnest($4::date[], $5::bool[], $6::bool[], $7::text[], $8::text[]) as day(date, am, pm, am_groups, pm_groups)
on conflict (urn, date) do update
set am = excluded.am, pm = excluded.pm, am_groups = excluded.am_groups, pm_groups = excluded.pm_groups
"""
NAMED = "select date, kind, reason from named_day where urn = $1 and date between $2 and $3 order by date"
REPLACE_NAMED = """
with gone as (
    delete from named_day where urn = $1 and date between $2 and $3 and not date = any($4::date[])
)
insert into named_day (urn, date, kind, reason) select $1, * from unnest($4::date[], $5::text[], $6::text[])
on conflict (urn, date) do update set kind = excluded.kind, reason = excluded.reason
"""
TERMS = "select terms from calendar where urn = $1 and academic_year = $2"
REPLACE_TERMS = "update calendar set terms = $3 where urn = $1 and academic_year = $2"
TIMES = """
select urn, session, year_group, opens, closes, ends from register_times
where urn = any($1::int[]) and academic_year = $2 order by urn, session, year_group
"""
FORGET_TIMES = "delete from register_times where urn = $1 and academic_year = $2"
KEEP_TIMES = """
insert into register_times (urn, academic_year, session, year_group, opens, closes, ends)
select $1, $2, * from unnest($3::smallint[], $4::smallint[], $5::time[], $6::time[], $7::time[])
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
    return _school(row) if row else None


def _school(row: Any) -> School:
    *facts, opened_on, closed_on, before, after, converted, trust, locality, since, las = row.values()
    history = tuple(Belongs(first, la) for first, la in zip(since, las, strict=True))
    return replace(
        School(*facts),
        opened_on=opened_on,
        closed_on=closed_on,
        predecessor_urn=before,
        successor_urn=after,
        converted=converted,
        la_history=history,
        trust=trust,
        locality=locality,
    )


async def page(
    tx: Transaction, after: int, among: Collection[int] | None, limit: int, la_code: str | None, laestab: str | None
) -> list[School]:
    """Schools in URN order, from the one after `after` on; only those `among` some, of an authority, or with a LAESTAB
    when given.
    """
    rows = await tx.fetch(LIST, after, None if among is None else sorted(among), limit, la_code, laestab)
    return [_school(row) for row in rows]


async def closure(tx: Transaction, urn: int) -> Closure | None:
    """When the school closes and who takes over; None while it is not known to."""
    row = await tx.fetchrow(CLOSURE, urn)
    return Closure(*row.values()) if row else None


async def every_urn(tx: Transaction) -> list[int]:
    """The URNs of all schools."""
    return [row["urn"] for row in await tx.fetch(ALL)]


async def add(tx: Transaction, school: School) -> None:
    """Makes the school's row when it is not there."""
    await tx.execute(ADD, school.urn, school.name, school.la_code, school.laestab, school.phase)


async def change(tx: Transaction, school: School) -> None:
    """Replaces what is known of the school."""
    await tx.execute(
        CHANGE, school.urn, school.name, school.la_code, school.laestab, school.phase,
        school.opened_on, school.closed_on, school.predecessor_urn, school.successor_urn,
        school.converted, school.trust, school.locality,
    )  # fmt: skip
    await tx.execute(FORGET_LAS, school.urn)
    if school.la_history:
        since, las = zip(*school.la_history, strict=True)
        await tx.execute(KEEP_LAS, school.urn, list(since), list(las))


async def has_calendar(tx: Transaction, urn: int, year: int) -> bool:
    """Whether the school has given a calendar for the academic year (by its first calendar year)."""
    return await tx.fetchval(HAS_CALENDAR, urn, year)


async def calendar(tx: Transaction, urn: int, year: int) -> Calendar:
    """A school's academic year; an empty one when the school has not given it."""
    span = _days_of(year)
    days = {row["date"]: _opening(row) for row in await tx.fetch(DAYS, urn, *span)}
    named = {row["date"]: Named(row["kind"], row["reason"]) for row in await tx.fetch(NAMED, urn, *span)}
    told: list[dict[str, str]] = json.loads(await tx.fetchval(TERMS, urn, year) or "[]")
    terms = tuple(Term(one["name"], date.fromisoformat(one["from"]), date.fromisoformat(one["to"])) for one in told)
    times = await register_times(tx, [urn], date(year, 8, 1))
    return Calendar(days, named, terms, tuple(times.get(urn, ())))


async def replace_calendar(tx: Transaction, urn: int, year: int, whole: Calendar) -> None:
    """Makes `whole` the calendar of the academic year."""
    await tx.execute(ADD_CALENDAR, urn, year)
    days, span = whole.days, _days_of(year)
    listed: Sequence[date] = sorted(days)
    open_for = [[session in days[day] for day in listed] for session in Session]
    groups = [[_array(days[day].get(session)) for day in listed] for session in Session]
    await tx.execute(REPLACE_DAYS, urn, *span, listed, *open_for, *groups)
    named = sorted(whole.named.items())
    kinds, reasons = [what.kind for _, what in named], [what.reason for _, what in named]
    await tx.execute(REPLACE_NAMED, urn, *span, [day for day, _ in named], kinds, reasons)
    terms = [{"name": term.name, "from": term.first.isoformat(), "to": term.last.isoformat()} for term in whole.terms]
    await tx.execute(REPLACE_TERMS, urn, year, json.dumps(terms))
    await tx.execute(FORGET_TIMES, urn, year)
    if whole.times:
        lines = [(t.session, _group_key(t.year_group), t.opens, t.closes, t.ends) for t in whole.times]
        await tx.execute(KEEP_TIMES, urn, year, *(list(column) for column in zip(*lines, strict=True)))


async def register_times(tx: Transaction, urns: Collection[int], on: date) -> dict[int, list[RegisterTime]]:
    """By URN, when registers open and close in the academic year of a day: by session, the line of all year groups
    before those of single ones. Schools that have not said so are missing.
    """
    found: dict[int, list[RegisterTime]] = {}
    for row in await tx.fetch(TIMES, list(urns), year_of(on)):
        urn, session, group, *times = row.values()
        line = RegisterTime(Session(session), None if group == ALL_GROUPS else group, *times)
        found.setdefault(urn, []).append(line)
    return found


def _opening(row: Any) -> dict[Session, Groups]:
    groups = {Session.AM: row["am_groups"], Session.PM: row["pm_groups"]}
    return {
        session: None if groups[session] is None else frozenset(groups[session])
        for session in Session
        if row[session.name.lower()]
    }


def _array(groups: Groups) -> str | None:
    """Year groups as PostgreSQL writes an array."""
    return None if groups is None else "{" + ",".join(map(str, sorted(groups))) + "}"


def _group_key(year_group: int | None) -> int:
    return ALL_GROUPS if year_group is None else year_group


def _days_of(year: int) -> tuple[date, date]:
    return date(year, 8, 1), date(year + 1, 7, 31)
