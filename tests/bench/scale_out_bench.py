"""Engine processes that share the partitions of one topic: `python -m tests.bench scale-out`.

A topic of registers lies ready in a real Kafka; calendars and enrolments are applied before. One, two and four
processes of one consumer group, each with the production consumer, read it to its end. They join while the positions
are locked, so that the clock runs from when all of them have their partitions to the last commit. One run has
everything, Kafka and PostgreSQL too, on one core: what a second core adds is told beside it. At last the group changes
while it works: a third process joins, the first is killed. What each run leaves, sheets, episodes and ledgers, must be
what the first left, and nothing may have been said twice.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import multiprocessing
import os
import resource
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from urllib.parse import urlsplit

from absence_engine import consumer
from absence_engine.actions.holding import Policies
from common import consume
from common.broker import Partition, Record
from common.consume import Consumer
from common.db import Database, Transaction
from common.kafka import open_kafka
from common.migrate import migrate
from common.run import run_loop

from tests import servers
from tests.bench import processes, system
from tests.bench.replay_bench import CLOCK, before_registers, publish, registers_of, schools_of
from tests.bench.report import Figure
from tests.delivery import until

PUPILS, SESSIONS = 16_200, 100
"""So much that each of four processes lags by more than a long lag: with less they work by small batches, which cost
three times as much.
"""
PARTITIONS = 12
TOPIC = "shared"
NEVER = 1 << 60
LONGEST = 280
JOINS_AT, DIES_AT = 0.15, 0.4

APPLIED = "select coalesce(sum(next_offset), 0)::bigint from position"
WAITING = """
select count(distinct pid) from pg_locks where relation = 'position'::regclass and not granted
    and database = (select oid from pg_database where datname = current_database())
"""
LEFT = (
    "select * from sheet order by 1, 2, 3",
    "select pupil_id, kind, year, state, provisional, crossed_on, crossed_session, firm_on, firm_session, ended_on, "
    "ended_session, ended_reason, school_urn, hash from episode where state <> 'reversed' order by 1, 2, 3, 6, 7, 14",
    "select urn, number, entry_id, evaluated, state from ledger_position order by 1",
)
"""What is a function of the ledgers alone."""
AMISS = """
select count(*) - count(distinct event_id) + (select count(*) from dead_letter) + (select count(*) from pending)
from outbox
"""
"""Events that were said twice, records that nobody could read, children who still wait for the end of a write."""


@dataclass(frozen=True, slots=True)
class Work:
    """The topic, and the database in which its registers are still to be applied."""

    server: servers.Postgres
    kafka: servers.Kafka
    template: str
    messages: int
    marks: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a group did: seconds, CPU seconds of its processes and PostgreSQL, a digest of what it left, how much of
    that is amiss.
    """

    marks: int
    seconds: float
    cpu: float
    digest: str
    amiss: int

    @property
    def rate(self) -> float:
        """Marks a second."""
        return self.marks / self.seconds

    @property
    def a_million(self) -> float:
        """CPU seconds for a million marks."""
        return self.cpu / self.marks * 1e6


@dataclass
class Group:
    """Processes of a consumer group on one database; each is told to stop by its pipe, and then says its CPU."""

    url: str
    bootstrap: str
    name: str
    topic: str = TOPIC
    long_lag: int = consume.LONG_LAG
    largest: int = 4000
    members: list[tuple[SpawnProcess, Connection]] = field(default_factory=list)

    def start(self) -> None:
        """One process more."""
        ours, theirs = multiprocessing.Pipe()
        bare = dataclasses.replace(self, members=[])
        arguments = (bare, f"{self.name}-{len(self.members)}", theirs)
        process = multiprocessing.get_context("spawn").Process(target=follow, args=arguments)
        process.start()
        theirs.close()
        self.members.append((process, ours))

    def kill(self) -> None:
        """The first process, as if the machine had dropped it."""
        process, _ = self.members[0]
        process.kill()
        process.join()

    def pids(self) -> list[int]:
        """Those that are alive."""
        return [process.pid or 0 for process, _ in self.members if process.is_alive()]

    def end(self) -> float:
        """Ends all; the CPU seconds that those used which were alive."""
        used = 0.0
        for process, pipe in self.members:
            with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
                pipe.send(None)
                used += pipe.recv()
            process.join()
        return used


def follow(group: Group, member: str, told: Connection) -> None:
    """A process of the group, until it is told to stop."""
    consume.LONG_LAG = group.long_lag
    run_loop(_follow(group, member, told))


async def _follow(group: Group, member: str, told: Connection) -> int:
    database, broker, stop = await Database.open(group.url), open_kafka(group.bootstrap), asyncio.Event()
    policies = Policies(CLOCK)
    listening = Consumer(
        database, broker, group=group.name, member=member, topics=[group.topic],
        handle=consumer.handler(CLOCK, policies), pile=consumer.pile(CLOCK, policies), name=member,
        partitions=PARTITIONS, smallest=min(200, group.largest), largest=group.largest,
    )  # fmt: skip

    async def wait() -> None:
        await asyncio.to_thread(told.recv)
        stop.set()

    used = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(listening.run(stop), wait())
    after = resource.getrusage(resource.RUSAGE_SELF)
    told.send(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime)
    await database.close()
    await broker.close()
    return 0


def run(pupils: int = PUPILS, sessions: int = SESSIONS) -> list[Figure]:
    """Rates by processes, what the second core adds, and whether a group that changes leaves what one process does."""
    with system.real_parts() as (postgres, kafka):
        return asyncio.run(_run(postgres, kafka, pupils, sessions))


async def _run(postgres: servers.Postgres, kafka: servers.Kafka, pupils: int, sessions: int) -> list[Figure]:
    cores = os.sched_getaffinity(0)
    async with _prepared(postgres, kafka, pupils, sessions) as work:
        narrow = await _measured(work, "one process, all on one core", 1, {min(cores)})
        one = await _measured(work, "one process", 1, cores)
        two = await _measured(work, "two processes", 2, cores)
        four = await _measured(work, "four processes", 4, cores)
        storm = await _changing(work)
    runs = (narrow, one, two, four, storm)
    amiss = sum(run.amiss + (run.digest != narrow.digest) for run in runs)
    on = f"on {len(cores)} cores"
    return [
        Figure("engine, one process and all that it needs on one core", "marks/s", narrow.rate, None),
        Figure(f"engine, one process {on}", "marks/s", one.rate, None),
        Figure(f"engine, two processes {on}", "marks/s", two.rate, None),
        Figure(f"engine, four processes {on}", "marks/s", four.rate, None),
        Figure(f"two processes {on}", "x one process, all on one core", two.rate / narrow.rate, None),
        Figure("CPU a mark of two processes", "x that of one", two.a_million / one.a_million, None),
        Figure("CPU a mark of four processes", "x that of one", four.a_million / one.a_million, None),
        Figure("lost, doubled or different, a group that changes included", "", amiss, 0, at_most=True),
    ]


@contextlib.asynccontextmanager
async def _prepared(
    postgres: servers.Postgres, kafka: servers.Kafka, pupils: int, sessions: int
) -> AsyncIterator[Work]:
    """The topic filled, and a database with all that stands before the registers."""
    schools, broker = schools_of(pupils), open_kafka(kafka.bootstrap)
    async with servers.fresh_database(postgres.url) as url:
        await migrate(url, "absence_engine")
        database = await Database.open(url)
        handle = consumer.handler(CLOCK, Policies(CLOCK))
        before = [
            Record(Partition("before", 0), n, b"", body, "") for n, (_, body) in enumerate(before_registers(schools))
        ]
        for first in range(0, len(before), 30):
            some = before[first : first + 30]
            await database.in_transaction(lambda tx, some=some: handle(tx, some))
        await database.close()
        messages, marks = await publish(broker, TOPIC, registers_of(schools, sessions), PARTITIONS)
        await broker.close()
        print(f"  {pupils:,} pupils, {marks:,} marks in {messages:,} entries", flush=True)
        yield Work(postgres, kafka, urlsplit(url).path.lstrip("/"), messages, marks)


async def _measured(work: Work, what: str, count: int, cores: Iterable[int]) -> Run:
    """A group of so many processes, everything on some cores."""
    async with servers.fresh_database(work.server.url, work.template) as url:
        database = await Database.open(url)
        group = Group(url, work.kafka.bootstrap, f"group-{what}".replace(" ", "-").replace(",", ""))
        try:
            async with database.transaction() as tx:
                await tx.execute("lock table position in exclusive mode")
                for _ in range(count):
                    group.start()
                await until(lambda: _all_wait(tx, count), seconds=60)
                _keep_on([work.server.pid, work.kafka.pid, *group.pids()], cores)
                there = processes.cpu_seconds([work.server.pid])
            began = time.perf_counter()
            await _applied(database, work.messages)
            seconds = time.perf_counter() - began
            there = processes.cpu_seconds([work.server.pid]) - there
        finally:
            used = group.end()
            _keep_on([work.server.pid, work.kafka.pid], os.sched_getaffinity(0))
        done = Run(work.marks, seconds, used + there, *await _left(database))
        await database.close()
    print(f"  {what}: {done.rate:,.0f} marks/s, {done.a_million:.2f} CPU s a million, left {done.digest}", flush=True)
    return done


async def _changing(work: Work) -> Run:
    """Two processes by small batches; a third joins, then the first is killed."""
    async with servers.fresh_database(work.server.url, work.template) as url:
        database = await Database.open(url)
        group = Group(url, work.kafka.bootstrap, "group-changing", long_lag=NEVER)
        try:
            began = time.perf_counter()
            group.start()
            group.start()
            await _applied(database, int(work.messages * JOINS_AT))
            group.start()
            await _applied(database, int(work.messages * DIES_AT))
            group.kill()
            await _applied(database, work.messages)
            seconds = time.perf_counter() - began
        finally:
            group.end()
        done = Run(work.marks, seconds, 0.0, *await _left(database))
        await database.close()
    print(f"  a third process joined, the first was killed: {seconds:.0f} s, left {done.digest}", flush=True)
    return done


async def _all_wait(tx: Transaction, count: int) -> bool:
    return await tx.fetchval(WAITING) >= count


async def _applied(database: Database, messages: int) -> None:
    """Waits until so many records have been applied."""

    async def are() -> bool:
        async with database.connection() as connection:
            return await connection.fetchval(APPLIED) >= messages

    await until(are, seconds=LONGEST)


async def _left(database: Database) -> tuple[str, int]:
    """A digest of what is left, and how much of it is amiss."""
    digest = hashlib.sha256()
    async with database.transaction() as tx:
        for statement in LEFT:
            async for row in tx.cursor(statement):
                digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()[:12], await tx.fetchval(AMISS)


def _keep_on(roots: Iterable[int], cores: Iterable[int]) -> None:
    """Has processes, their descendants and all their threads run on some cores alone."""
    for pid in processes.family(roots):
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)
