"""What sums over many children read: schools with what they are grouped by, stays with facts, the sheets of a year.

Stays and sheets come some schools at a time, so that an authority is never in memory as a whole.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
from common.db import Transaction
from common.events.registers import FlagSpan

from absence_engine.domain.flags import Flagged, flagged
from absence_engine.domain.records import Kind
from absence_engine.store.packing import unpack

SCHOOLS = """
select urn, phase, trust, locality, coalesce(la.la_code, s.la_code), la.from_date,
    lead(la.from_date) over (partition by s.urn order by la.from_date) - 1
from school as s left join school_la as la using (urn)
where urn = any($1::int[]) order by urn, la.from_date
"""
OF_AUTHORITY = """
select urn from school where la_code = $1 union select urn from school_la where la_code = $1 order by 1
"""
AT_PRESENT = "select urn from school where la_code = $1 order by 1"
STAYS = """
select e.pupil_id::text, e.urn, e.from_date, e.to_date, e.kind, e.registration_group,
    child.survivor is not null or several.survivor is not null, {facts}
from enrolment as e join child using (pupil_id)
left join (select distinct survivor from child where survivor is not null) as several on several.survivor = e.pupil_id
where e.urn = any($1::int[]) and e.from_date <= $3 and (e.to_date is null or e.to_date >= $2)
"""
FACTS = ("date_of_birth", "year_group", "year_group_in")
FLAGS = ("flags", "flag_spans::text")
SHEETS = "select pupil_id::text, urn, marks from sheet where urn = any($1::int[]) and year = $2"
ELSEWHERE = """
select distinct pupil_id::text
from sheet as s cross join lateral (
    select from sheet as o where o.pupil_id = s.pupil_id and o.year = s.year and o.urn <> s.urn limit 1
) as other
where urn = any($1::int[]) and year = any($2::smallint[])
"""
"""`limit`: each id is looked up. Without it the planner reads the sheets of everybody, for one school as for all."""
LIVING = """
select pupil_id::text, coalesce(survivor, pupil_id)::text
from unnest($1::text[]::uuid[]) as wanted (pupil_id) join child using (pupil_id)
"""
OF_CHILDREN = "select pupil_id::text, {facts} from child where pupil_id = any($1::uuid[])"

_spans = msgspec.json.Decoder(list[FlagSpan])


class SchoolGroup(NamedTuple):
    """What a school's figures are grouped by; `authorities` are (LA code, first day, last day) in order."""

    urn: int
    phase: str
    trust: str | None
    locality: str | None
    authorities: tuple[tuple[str, date, date], ...]


class Facts(NamedTuple):
    """What a child's figures are grouped by; `flags` are empty where they were not asked for."""

    date_of_birth: date | None
    year_group: int | None
    year_group_in: int | None
    flags: tuple[Flagged, ...] = ()


class StayRow(NamedTuple):
    """A stay under an id of the ledger. `is_merged`: several ids mean its child."""

    pupil_id: str
    urn: int
    from_: date
    to: date | None
    kind: Kind
    registration_group: str | None
    is_merged: bool
    facts: Facts


async def schools(tx: Transaction, urns: Collection[int]) -> list[SchoolGroup]:
    """Those of the schools that are known, by URN."""
    found: dict[int, SchoolGroup] = {}
    for urn, phase, trust, locality, la_code, first, last in await tx.fetch(SCHOOLS, sorted(urns)):
        before = found.get(urn, SchoolGroup(urn, phase, trust, locality, ()))
        span = (la_code, first or date.min, last or date.max)
        found[urn] = before._replace(authorities=(*before.authorities, span))
    return list(found.values())


async def of_authority(tx: Transaction, la_code: str) -> list[int]:
    """The URNs of schools that are, or were, of an authority."""
    return [row[0] for row in await tx.fetch(OF_AUTHORITY, la_code)]


async def at_present(tx: Transaction, la_code: str) -> list[int]:
    """The URNs of the schools that are of an authority now."""
    return [row[0] for row in await tx.fetch(AT_PRESENT, la_code)]


async def stays(tx: Transaction, urns: Sequence[int], first: date, last: date, *, flags: bool) -> list[StayRow]:
    """The stays at some schools that have a day between two."""
    rows = await tx.fetch(STAYS.format(facts=_columns(flags)), urns, first, last)
    return [StayRow(row[0], row[1], row[2], row[3], row[4], row[5], row[6], _facts(row[7:])) for row in rows]


async def sheets(tx: Transaction, urns: Sequence[int], year: int) -> dict[tuple[str, int], bytes]:
    """The sheets of some schools in a year, by id of the ledger and URN."""
    rows = await tx.fetch(SHEETS, urns, year)
    codes = unpack([row[2] for row in rows])
    return {(row[0], row[1]): its for row, its in zip(rows, codes, strict=True)}


async def elsewhere(tx: Transaction, urns: Sequence[int], years: Sequence[int]) -> set[str]:
    """The ids with sheets of these schools and of another one in one of some years."""
    return {row[0] for row in await tx.fetch(ELSEWHERE, urns, list(years))}


async def meant(tx: Transaction, pupil_ids: Collection[str]) -> dict[str, str]:
    """The child whom each of some ids means."""
    return {row[0]: row[1] for row in await tx.fetch(LIVING, list(pupil_ids))}


async def living(tx: Transaction, pupil_ids: Collection[str]) -> list[str]:
    """The children whom some ids mean, in order."""
    return sorted(set((await meant(tx, pupil_ids)).values()))


async def facts(tx: Transaction, pupil_ids: Collection[str], *, flags: bool) -> dict[str, Facts]:
    """What is known of some ids."""
    rows = await tx.fetch(OF_CHILDREN.format(facts=_columns(flags)), list(pupil_ids))
    return {row[0]: _facts(row[1:]) for row in rows}


def _columns(flags: bool) -> str:
    return ", ".join((*FACTS, *FLAGS) if flags else FACTS)


def _facts(row: Sequence[object]) -> Facts:
    born, group, group_in, *flags = row
    spans = flagged(flags[0], _spans.decode(flags[1])) if flags else ()  # pyright: ignore
    return Facts(born, group, group_in, spans)  # pyright: ignore
