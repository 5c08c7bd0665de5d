"""Tries a version of a policy on the marks of a year: a job, worked on in the background; nothing live is touched.

It is done in chunks of children, each read in a transaction of its own and worked out in a thread, in memory that does
not grow with their number.
"""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import structlog
from common.academic import days_of, year_name
from common.clock import Clock
from common.db import Database, Transaction
from common.errors import Fault, InvalidError, NotFoundError
from common.listen import notify
from common.security import Caller

from absence_engine.actions.jobs import Jobs
from absence_engine.actions.policies import CHANNEL, check, check_writer
from absence_engine.domain.in_force import Book
from absence_engine.domain.policy import read
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.simulation import Answer, Question, Sums, answers
from absence_engine.domain.spans import Child
from absence_engine.domain.ticks import tick_of
from absence_engine.store import children, figures, schools
from absence_engine.store import policies as versions
from absence_engine.store import simulations as store
from absence_engine.store.jobs import SIMULATIONS
from absence_engine.store.simulations import Simulation

CHILDREN_A_CHUNK = 2000
KEPT = timedelta(days=30)
"""How long what came of a simulation can be asked for."""

log = structlog.get_logger()


async def ask(
    tx: Transaction,
    caller: Caller,
    la_code: str,
    version: str,
    year: int,
    first: date | None,
    last: date | None,
    clock: Clock,
) -> Simulation:
    """Makes a job. InvalidError for days outside the academic year, or the wrong way round."""
    await check_writer(tx, caller, la_code)
    row = await versions.read(tx, la_code, version)
    if row is None:
        raise NotFoundError
    begin, end = days_of(year)
    days = {"/from": first or begin, "/to": last or end}
    words = f"The academic year {year_name(year)} is from {begin} to {end}."
    faults = [Fault(at, "outside-the-year", words) for at, day in days.items() if not begin <= day <= end]
    if not faults and days["/from"] > days["/to"]:
        faults = [Fault("/to", "before-from", "`to` lies before `from`.")]
    if faults:
        raise InvalidError("The days can't be these.", faults=faults)
    made = Simulation(
        str(uuid4()), la_code, version, row.document, year, days["/from"], days["/to"], "queued", 0, clock.now(),
        None, None, None,
    )  # fmt: skip
    await store.add(tx, made, caller.subject)
    await notify(tx, CHANNEL)
    return made


async def look(database: Database, caller: Caller, simulation_id: str) -> Simulation:
    """One simulation; NotFoundError for a token that is limited to schools: it tells of others' children."""
    async with database.transaction() as tx:
        found = await store.read(tx, simulation_id)
        if found is None or not caller.reach.is_everywhere:
            raise NotFoundError
        await check(tx, caller, found.la_code)
    return found


async def pupils(
    database: Database, simulation_id: str, kind: str, outcome: str, after: str | None, limit: int
) -> list[tuple[str, int]]:
    """The next pupils of a kind and outcome, each with the school that it was counted at."""
    async with database.transaction() as tx:
        return await store.children(tx, simulation_id, kind, outcome, after, limit)


class Simulating(Jobs):
    """Background work: does the simulations that have been asked for."""

    name, kind = "simulating", SIMULATIONS

    async def _waiting(self, tx: Transaction) -> list[str]:
        await store.forget(tx, self._clock.now() - KEPT)
        return await store.still_open(tx)

    async def _do(self, job_id: str, stop: asyncio.Event) -> None:
        async with self._database.transaction() as tx:
            job = await store.read(tx, job_id)
            if job is None or not await store.start(tx, job_id, self._clock.now()):
                return
            book = (await self._policies.at_present(tx)).of_authority(job.la_code)
            phases = await store.phases(tx, job.la_code)
        sums, cursor, merged = Sums(_question(job, book)), versions.FIRST_ID, set[str]()
        while not stop.is_set():
            self._pulse.beat()
            async with self._database.transaction() as tx:
                cursor, records, calendars = await _load(tx, job.la_code, cursor, merged)
            if cursor is None:
                async with self._database.transaction() as tx:
                    await store.end(tx, job_id, sums.result(phases), self._clock.now())
                log.info("simulated", simulation_id=job_id, children=sums.children)
                return
            found = await asyncio.to_thread(_answers, records, calendars, sums.question)
            told = [
                (kind, outcome, answer.pupil_id, answer.school)
                for answer in found
                if answer.school in phases
                for kind, outcome in sums.add(answer).items()
            ]
            async with self._database.transaction() as tx:
                await store.keep(tx, job_id, sums.children, told)


def _question(job: Simulation, book: Book) -> Question:
    draft = read(versions.decoded(job.document))
    return Question(job.year, tick_of(job.from_date), tick_of(job.to_date, 1), draft, book)


def _answers(records: list[ChildRecord], calendars: Calendars, question: Question) -> list[Answer]:
    return list(answers([Child.of(record) for record in records], calendars, question))


async def _load(
    tx: Transaction, la_code: str, after: str, merged: set[str]
) -> tuple[str | None, list[ChildRecord], Calendars]:
    """The next children of an authority, and where the next begin: None when there are none. `merged`: children with
    several ids that have come before.
    """
    await figures.snapshot(tx)
    ids = await versions.next_ids(tx, la_code, after, CHILDREN_A_CHUNK)
    living = await children.survivors(tx, ids)
    owners = await children.dead_ids(tx, living)
    several = set(owners.values())
    due = living - (several & merged)
    merged |= several & due
    records = await figures.records(tx, sorted(due))
    calendars = await schools.calendars(tx, {stay.urn for record in records for stay in record.enrolments})
    return (ids[-1] if ids else None), records, calendars
