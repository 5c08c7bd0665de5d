"""How far the ledgers have been counted: what is evaluated, who waits for the end of a write, freshness, the epoch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg
import numpy as np
from common.academic import GRID
from common.arrays import array
from common.db import Transaction

from absence_engine.domain.coverage import NOTHING_EXPECTED, Coverage, Grid

EPOCH = "select epoch from engine"
STATES = """
select urn, former, coalesce(school.recalculating, false) as recalculating
from ledger_position left join school using (urn)
where urn = any($1::int[]) and (former > 0 or school.recalculating)
"""
ADVANCE = """
with heard as (
    insert into coverage (urn, year, marked, missing)
    select urn, year, now.marked, now.missing
    from unnest($5::int[], $6::smallint[], $7::varbit[], $8::varbit[], $9::varbit[])
        as h (urn, year, marked, missing, received)
    left join coverage as c using (urn, year)
    cross join lateral (
        select coalesce(c.marked | h.marked, h.marked), coalesce(c.missing & ~h.received | h.missing, h.missing)
    ) as now (marked, missing)
    where (now.marked, now.missing) is distinct from (c.marked, c.missing)
    on conflict (urn, year) do update set marked = excluded.marked, missing = excluded.missing
)
update ledger_position set evaluated = greatest(ledger_position.evaluated, t.evaluated),
    (last_register_date, last_register_session) = (
        select day, session
        from (values (last_register_date, last_register_session), (t.day, t.session)) as v (day, session)
        where day is not null order by day desc, session desc limit 1
    )
from unnest($1::int[], $2::bigint[], $3::date[], $4::smallint[]) as t (urn, evaluated, day, session)
where ledger_position.urn = t.urn
"""
SET_ASIDE = """
insert into pending (urn, pupil_id) select * from unnest($1::text::int[], $2::text::uuid[]) order by 1, 2
on conflict do nothing
"""
WAITING_AT = "select pupil_id::text from pending where urn = any($1::int[])"
RELEASE = "delete from pending where urn = any($1::int[])"
STILL_WAITING = """
select pupil_id::text, bool_or(ledger_position.state = 'following' or ledger_position.number < ledger_position.former)
from unnest($1::text::uuid[]) as wanted (pupil_id)
join pending using (pupil_id) join ledger_position using (urn) group by pupil_id
"""
COVERAGE = """
select urn, sessions, marked & ~missing as came from calendar left join coverage using (urn, year)
where urn = any($1::int[]) and year = $2
"""
FRESHNESS = """
select urn, evaluated, last_register_date, last_register_session, coalesce(school.recalculating, false)
    or exists (select from reevaluation as r where r.la_code = school.la_code and finished_at is null)
from ledger_position left join school using (urn) where urn = any($1::int[]) order by urn
"""

NO_REGISTERS = np.zeros(GRID, np.uint8)

Register = tuple[int, int, bool, bool | None]
"""Academic year, place on the grid, whether marks were told, and whether it is missing (None: as it was)."""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a batch brought a school: the last complete write that is evaluated now, the latest session marked, and
    what it said of registers.
    """

    urn: int
    evaluated: int | None
    last_register: tuple[date, int] | None
    registers: Sequence[Register] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far a school's ledger is counted, and its latest marked session (0 AM, 1 PM). `recalculating`: a change that
    concerns many marks is on its way, episodes are looked at when it has ended; or another policy is, child by child.
    `coverage` is of one year.
    """

    urn: int
    sequence: int
    last_register: tuple[date, int] | None
    recalculating: bool = False
    coverage: Coverage = NOTHING_EXPECTED


@dataclass(frozen=True, slots=True)
class State:
    """What holds a school's children up: a rebuild (up to number `former`), a recalculation."""

    former: int
    recalculating: bool


async def epoch(tx: Transaction) -> int:
    """The present epoch."""
    return await tx.fetchval(EPOCH)


async def states(tx: Transaction, urns: Collection[int]) -> dict[int, State]:
    """Those of the schools that are being rebuilt or recalculated."""
    return {row[0]: State(row[1], row[2]) for row in await tx.fetch(STATES, sorted(urns))}


async def advance(tx: Transaction, schools: Sequence[Advance]) -> None:
    """Notes how far schools have come; nothing moves back."""
    if not schools:
        return
    heard = _heard(schools)
    await tx.execute(
        ADVANCE,
        [school.urn for school in schools],
        [school.evaluated for school in schools],
        [school.last_register and school.last_register[0] for school in schools],
        [school.last_register and school.last_register[1] for school in schools],
        [urn for urn, _ in heard],
        [year for _, year in heard],
        *([_bits(grids[column]) for grids in heard.values()] for column in range(3)),
    )


def _heard(schools: Sequence[Advance]) -> dict[tuple[int, int], tuple[bytearray, bytearray, bytearray]]:
    """By school and year what was said of registers, as grids: those that are marked, missing, no longer missing."""
    found: dict[tuple[int, int], tuple[bytearray, bytearray, bytearray]] = {}
    for school in schools:
        for year, place, is_marked, is_missing in school.registers:
            if (grids := found.get((school.urn, year))) is None:
                grids = found[school.urn, year] = (bytearray(GRID), bytearray(GRID), bytearray(GRID))
            marked, missing, received = grids
            marked[place] = is_marked
            missing[place] = is_missing is True
            received[place] = is_missing is False
    return found


def _bits(grid: bytes | bytearray) -> asyncpg.BitString:
    return asyncpg.BitString.frombytes(np.packbits(np.frombuffer(grid, np.uint8)).tobytes(), GRID)


async def set_aside(tx: Transaction, touched: Mapping[int, Collection[str]]) -> None:
    """Has these children wait, by school, until its write is complete."""
    pairs = [(urn, pupil_id) for urn, pupil_ids in touched.items() for pupil_id in pupil_ids]
    if pairs:
        await tx.execute(SET_ASIDE, array(urn for urn, _ in pairs), array(pupil_id for _, pupil_id in pairs))


async def waiting_at(tx: Transaction, urns: Collection[int]) -> set[str]:
    """The ids that wait for a write of one of these schools."""
    return {row[0] for row in await tx.fetch(WAITING_AT, sorted(urns))} if urns else set()


async def release(tx: Transaction, urns: Collection[int]) -> None:
    """Nobody waits for these schools any more."""
    await tx.execute(RELEASE, sorted(urns))


async def still_waiting(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, bool]:
    """Those of the ids that were set aside for a school, and whether they go on waiting: for a parked one only while
    it is being rebuilt.
    """
    return {row[0]: row[1] for row in await tx.fetch(STILL_WAITING, array(pupil_ids))}


async def freshness(tx: Transaction, urns: Collection[int]) -> list[Freshness]:
    """How far some schools have been counted, in URN order; a school never heard of is left out."""
    rows = await tx.fetch(FRESHNESS, sorted(urns))
    return [Freshness(row[0], row[1], None if row[2] is None else (row[2], row[3]), row[4]) for row in rows]


async def coverage(tx: Transaction, urns: Collection[int], year: int) -> dict[int, tuple[bytes, Grid]]:
    """By school, the open sessions of an academic year, and those whose registers have come, as grids (732,)."""
    rows = await tx.fetch(COVERAGE, sorted(urns), year)
    return {row[0]: (row[1], NO_REGISTERS if row[2] is None else _grid(row[2])) for row in rows}


def _grid(bits: asyncpg.BitString) -> Grid:
    return np.unpackbits(np.frombuffer(bits.bytes, np.uint8), count=GRID)
