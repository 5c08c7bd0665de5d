"""Simulations: jobs, and the children of whom each says something."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import msgspec
from common.arrays import array
from common.db import Transaction

State = Literal["queued", "running", "done"]

ADD = """
insert into simulation (simulation_id, la_code, version, document, year, from_date, to_date, state, subject, created_at)
values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9)
"""
FACTS = """
select simulation_id::text, la_code, version, document, year, from_date, to_date, state, children, created_at,
    started_at, ended_at, result
from simulation
"""
READ = f"{FACTS} where simulation_id = $1"
OPEN = """
select simulation_id::text from simulation where state in ('queued', 'running') order by created_at, simulation_id
"""
START = """
update simulation set state = 'running', children = 0, started_at = $2
where simulation_id = $1 and state in ('queued', 'running') returning true
"""
FORGET = "delete from simulated where simulation_id = $1"
ADD_CHILDREN = """
insert into simulated (simulation_id, kind, outcome, pupil_id, school_urn)
select $1, * from unnest($2::text[], $3::text[], $4::text::uuid[], $5::int[])
"""
ADVANCE = "update simulation set children = $2 where simulation_id = $1"
END = "update simulation set state = 'done', ended_at = $2, result = $3 where simulation_id = $1"
CHILDREN = """
select pupil_id::text, school_urn from simulated
where simulation_id = $1 and kind = $2 and outcome = $3 and ($4::uuid is null or pupil_id > $4)
order by pupil_id limit $5
"""
OLD = "delete from simulation where ended_at < $1 returning simulation_id::text"
PHASES = "select urn, phase from school where la_code = $1"


class Simulation(NamedTuple):
    """A job: a version (`document`) tried on the crossings of an academic year from one day to another."""

    simulation_id: str
    la_code: str
    version: str
    document: str
    year: int
    from_date: date
    to_date: date
    state: State
    children: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    result: str | None

    @property
    def found(self) -> dict[str, Any] | None:
        """What came of it, decoded; None until it is done."""
        return None if self.result is None else msgspec.json.decode(self.result)


async def add(tx: Transaction, made: Simulation, subject: str) -> None:
    """Adds a job."""
    m = made
    await tx.execute(
        ADD, m.simulation_id, m.la_code, m.version, m.document, m.year, m.from_date, m.to_date, subject, m.created_at
    )


async def read(tx: Transaction, simulation_id: str) -> Simulation | None:
    """One job."""
    row = await tx.fetchrow(READ, simulation_id)
    return None if row is None else Simulation(*row.values())


async def still_open(tx: Transaction) -> list[str]:
    """The ids of the jobs that are not done, oldest first."""
    return [row[0] for row in await tx.fetch(OPEN)]


async def start(tx: Transaction, simulation_id: str, now: datetime) -> bool:
    """Begins a job, or begins it again; False when it has been done meanwhile."""
    started = await tx.fetchval(START, simulation_id, now)
    await tx.execute(FORGET, simulation_id)
    return bool(started)


async def keep(tx: Transaction, simulation_id: str, children: int, told: Sequence[tuple[str, str, str, int]]) -> None:
    """Notes how many children have been looked at, and what is said of some: kind, outcome, pupil and school each."""
    await tx.execute(ADVANCE, simulation_id, children)
    if told:
        kinds, outcomes, pupil_ids, urns = zip(*told, strict=True)
        await tx.execute(ADD_CHILDREN, simulation_id, list(kinds), list(outcomes), array(pupil_ids), list(urns))


async def end(tx: Transaction, simulation_id: str, result: Mapping[str, Any], now: datetime) -> None:
    """Notes what came of it."""
    await tx.execute(END, simulation_id, now, msgspec.json.encode(result).decode())


async def children(
    tx: Transaction, simulation_id: str, kind: str, outcome: str, after: str | None, limit: int
) -> list[tuple[str, int]]:
    """The next children of a kind and outcome, by id, each with its school."""
    return [(row[0], row[1]) for row in await tx.fetch(CHILDREN, simulation_id, kind, outcome, after, limit)]


async def phases(tx: Transaction, la_code: str) -> dict[int, str]:
    """The schools of an authority and their phases."""
    return {row[0]: row[1] for row in await tx.fetch(PHASES, la_code)}


async def forget(tx: Transaction, before: datetime) -> None:
    """Forgets what ended before a moment."""
    for row in await tx.fetch(OLD, before):
        await tx.execute(FORGET, row[0])
