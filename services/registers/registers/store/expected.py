"""Registers that are expected: open sessions and how complete they are; those that were missing (table `missed`)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from common.academic import Session
from common.db import Transaction

from registers.domain.expected import Changes, Coverage, Missed, Place

OPEN = """
select urn, date, session
from calendar_day cross join (values (0::smallint), (1::smallint)) as half(session)
where urn = any($1::int[]) and date between $2 and $3 and case session when 0 then am else pm end
order by urn, date, session
"""
MISSED = """
select urn, date, session, closes_at, ended, ended_at from missed
where urn = any($1::int[]) and (ended is null or date between $2 and $3)
"""
COVERAGE = """
select s.urn, s.date, s.session, marked.count as marked, expected.count as expected
from unnest($1::int[], $2::date[], $3::smallint[]) as s(urn, date, session)
left join calendar_day as c on c.urn = s.urn and c.date = s.date
    and case s.session when 0 then c.am else c.pm end
cross join lateral (
    select count(*) from mark as m
    where m.urn = s.urn and m.date = s.date and m.session = s.session and m.standing and m.code is not null
) as marked
cross join lateral (
    select count(distinct e.pupil_id) from enrolment as e join pupil as p using (pupil_id)
    where c.urn is not null and e.urn = s.urn and e.from_date <= s.date and coalesce(e.to_date >= s.date, true)
        and e.kind <> 'guest' and coalesce(
            p.year_group = any(case s.session when 0 then c.am_groups else c.pm_groups end), true)
) as expected
"""
"""Of a staggered day the pupils are expected whose present year group it is open for."""
KEEP = """
insert into missed (urn, date, session, closes_at, announced_at, marked, expected)
select $1, m.date, m.session, m.closes_at, $2, m.marked, m.expected
from unnest($3::date[], $4::smallint[], $5::timestamptz[], $6::int[], $7::int[])
    as m(date, session, closes_at, marked, expected)
on conflict (urn, date, session) do update
set closes_at = excluded.closes_at, announced_at = excluded.announced_at, marked = excluded.marked,
    expected = excluded.expected, ended = null, ended_at = null
"""
END = """
update missed as m set ended = e.ended, ended_at = $2
from unnest($3::date[], $4::smallint[], $5::text[]) as e(date, session, ended)
where m.urn = $1 and m.date = e.date and m.session = e.session
"""
LATE = """
select m.urn as school_urn, s.name, m.date, m.session, m.closes_at, m.announced_at, m.ended, m.ended_at, m.marked,
    m.expected
from missed as m join school as s using (urn)
where m.date = $1 and m.ended is distinct from 'not-expected' and ($2::int[] is null or m.urn = any($2))
    and ($3::text is null or s.la_code = $3) and (m.urn, m.session) > ($4, $5)
order by m.urn, m.session limit $6
"""

SessionAt = tuple[int, Place]
"""URN, and a session there."""


class LateRegister(NamedTuple):
    """A register that was missing when it should have been there; `marked` and `expected` are those of that moment."""

    school_urn: int
    name: str
    on: date
    session: Session
    closes_at: datetime
    announced_at: datetime
    received_at: datetime | None
    marked: int
    expected: int


async def open_sessions(tx: Transaction, urns: Collection[int], first: date, last: date) -> list[SessionAt]:
    """The open sessions of some schools on some days (inclusive)."""
    return [_at(row) for row in await tx.fetch(OPEN, sorted(urns), first, last)]


async def missed(tx: Transaction, urns: Collection[int], first: date, last: date) -> dict[SessionAt, Missed]:
    """The registers that are missing at some schools, and those that were on some days (inclusive)."""
    rows = await tx.fetch(MISSED, sorted(urns), first, last)
    return {_at(row): Missed(row["closes_at"], row["ended"], row["ended_at"]) for row in rows}


async def coverage(tx: Transaction, sessions: Collection[SessionAt]) -> dict[SessionAt, Coverage]:
    """How complete some sessions are; of one that is not open nobody is expected."""
    if not sessions:
        return {}
    columns = [list(column) for column in zip(*((urn, *place) for urn, place in sessions), strict=True)]
    return {_at(row): Coverage(row["marked"], row["expected"]) for row in await tx.fetch(COVERAGE, *columns)}


async def keep(tx: Transaction, urn: int, changes: Changes, now: datetime) -> None:
    """Keeps which registers of a school are missing, and which are so no longer."""
    if changes.missing:
        rows = [(*place, closes_at, *coverage) for place, closes_at, coverage in changes.missing]
        await tx.execute(KEEP, urn, now, *_columns(rows))
    if changes.ended:
        await tx.execute(END, urn, now, *_columns([(*place, ended) for place, ended, _ in changes.ended]))


async def late(
    tx: Transaction, on: date, among: Collection[int] | None, la_code: str | None, after: tuple[int, int], limit: int
) -> list[LateRegister]:
    """The registers of a day that were missing, by school and session, those after `after` (URN, session)."""
    schools = None if among is None else sorted(among)
    return [_late(row) for row in await tx.fetch(LATE, on, schools, la_code, *after, limit)]


def _late(row: Any) -> LateRegister:
    received_at = row["ended_at"] if row["ended"] else None
    return LateRegister(
        row["school_urn"], row["name"], row["date"], Session(row["session"]), row["closes_at"], row["announced_at"],
        received_at, row["marked"], row["expected"],
    )  # fmt: skip


def _at(row: Any) -> SessionAt:
    return row["urn"], Place(row["date"], Session(row["session"]))


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def by_school(found: Mapping[SessionAt, Any]) -> dict[int, dict[Place, Any]]:
    """What is known of sessions, by school."""
    sorted_out: dict[int, dict[Place, Any]] = {}
    for (urn, place), what in found.items():
        sorted_out.setdefault(urn, {})[place] = what
    return sorted_out
