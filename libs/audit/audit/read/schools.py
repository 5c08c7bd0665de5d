"""What is known of one school beside its name: its life, its authorities, its staggered days, its year groups."""

from datetime import date
from typing import Any, NamedTuple

from audit.child import Session
from audit.read.snapshot import Connection

HALVES = ("AM", "PM")

LIFE = "select opened_on, closed_on, predecessor_urn, successor_urn from school where urn = $1"
AUTHORITIES = "select from_date, la_code from school_la where urn = $1 order by from_date"
STAGGERED = """
select date, am_groups, pm_groups from calendar_day
where urn = $1 and (am_groups is not null or pm_groups is not null)
"""
YEAR_GROUPS = "select pupil_id::text, academic_year, year_group from year_group where urn = $1 order by pupil_id"


class Authority(NamedTuple):
    """The authority of a school from a day on; `start` is the first day of the calendar for its first."""

    start: date
    la_code: str


async def life(connection: Connection, urn: int) -> dict[str, Any]:
    """First and last day, predecessor and successor."""
    return dict(await connection.fetchrow(LIFE, urn) or {})


async def authorities(connection: Connection, urn: int) -> list[Authority]:
    """The authorities of a school that has moved, in order; either service keeps them alike."""
    return [Authority(*row) for row in await connection.fetch(AUTHORITIES, urn)]


async def staggered(connection: Connection, urn: int) -> dict[Session, frozenset[int]]:
    """The sessions that are open for some year groups only."""
    return {
        (row["date"], half): frozenset(row[f"{half.lower()}_groups"])
        for row in await connection.fetch(STAGGERED, urn)
        for half in HALVES
        if row[f"{half.lower()}_groups"] is not None
    }


async def year_groups(connection: Connection, urn: int, survivors: dict[str, str]) -> dict[str, dict[int, int | None]]:
    """The year groups that a school gave children, by living child and academic year: what was said under the child's
    own id goes before what was said under a dead one, of those the last in order.
    """
    found: dict[str, dict[int, int | None]] = {}
    rows: list[tuple[str, int, int | None]] = [tuple(row) for row in await connection.fetch(YEAR_GROUPS, urn)]
    for pupil_id, year, group in sorted(rows, key=lambda row: row[0] not in survivors):
        found.setdefault(survivors.get(pupil_id, pupil_id), {})[year] = group
    return found
