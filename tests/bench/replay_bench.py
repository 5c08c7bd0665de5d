"""What a mark of a replay costs, for a small authority and for one of 170,000 pupils: `python -m tests.bench replay`.

The production consumer reads ledgers that are made here, registers of thirty marks, from a Kafka of our own; calendars
and enrolments are applied before. Compared are CPU seconds per mark, PostgreSQL included, and the most memory that the
process ever had. Both play the same sessions, the first `SESSIONS` of a year: of more, most of an authority's episodes
have been told already, and a mark costs less. All of them are 64 million marks, and 5 GB for Kafka:
`python -m tests.bench.replay_bench --sessions 380`; `--pupils N` plays another authority than the large one.
"""

import argparse
import asyncio
import multiprocessing
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from absence_engine import consumer
from absence_engine.actions.holding import Policies
from common.broker import Broker, Message, Partition, Record
from common.clock import Clock
from common.consume import Consumer
from common.db import Database
from common.events.registers import (
    CalendarChanged,
    Enrolment,
    EnrolmentChanged,
    Mark,
    OpenDay,
    PupilEnrolments,
    SchoolChanged,
    SessionMarked,
)
from common.kafka import open_kafka
from common.migrate import migrate
from common.run import run_loop

from tests import servers
from tests.bench import processes
from tests.bench.peers.registers import YEAR, Writer
from tests.bench.registers_bench import school_days
from tests.bench.report import Figure
from tests.bench.system import POSTGRES_SETTINGS
from tests.delivery import until
from tests.integration.absence_engine.ledgers import pupil

SMALL, LARGE = 5000, 170_000
SESSIONS = 60
CLASS, SCHOOL = 30, 270
FIRST_URN = 100001
PARTITIONS = 6
MOST_MIB = 1536
CLOCK = Clock(fixed_today=date(2026, 7, 31))
NOW = datetime(2025, 9, 1, tzinfo=UTC)
DAYS = school_days(190)
ABSENT = "IIIIIMCCGOOOUN"
ALL_APPLIED = "select coalesce(sum(next_offset), 0) >= $1 from position"

School = tuple[Writer, list[list[str]]]


@dataclass
class Cost:
    """What a replay took: CPU seconds here and in PostgreSQL, wall seconds, the most memory."""

    marks: int
    seconds: float
    here: float
    there: float
    peak_mib: float

    @property
    def a_million(self) -> float:
        """CPU seconds for a million marks."""
        return (self.here + self.there) / self.marks * 1e6


def run(sessions: int = SESSIONS, pupils: int = LARGE) -> list[Figure]:
    """The large authority's cost per mark beside the small one's over the same sessions, and its memory."""
    with servers.postgres(**POSTGRES_SETTINGS) as postgres, servers.kafka() as kafka:
        small = asyncio.run(_measure(postgres, kafka.bootstrap, SMALL, sessions))
        large = asyncio.run(_measure(postgres, kafka.bootstrap, pupils, sessions))
    note = f"{large.a_million:.2f} against {small.a_million:.2f} CPU s a million marks, {sessions} sessions of each"
    what = f"replay of {pupils:,} pupils"
    return [
        Figure(f"{what}, cost of a mark", "x that of 5,000", large.a_million / small.a_million, 1.2,
               at_most=True, note=note),
        Figure(f"{what}, most memory", "MiB", large.peak_mib, MOST_MIB, at_most=True),
        Figure(what, "marks/s", large.marks / large.seconds, None),
        Figure("replay of 5,000 pupils", "marks/s", small.marks / small.seconds, None),
    ]  # fmt: skip


def schools_of(pupils: int) -> list[School]:
    ids = [pupil(n) for n in range(pupils)]
    found: list[School] = []
    for first in range(0, pupils, SCHOOL):
        members = ids[first : first + SCHOOL]
        rooms = [members[n : n + CLASS] for n in range(0, len(members), CLASS)]
        found.append((Writer(FIRST_URN + len(found)), rooms))
    return found


def before_registers(schools: Iterable[School]) -> Iterator[tuple[int, bytes]]:
    """What stands before the registers in each ledger, by URN."""
    days = [OpenDay(day.isoformat(), ["AM", "PM"]) for day in DAYS]
    for ledger, rooms in schools:
        urn = ledger.urn
        stays = [PupilEnrolments(one, [Enrolment("2025-09-01", None, "single")]) for room in rooms for one in room]
        told = {"urn": urn, "name": f"School {urn}", "la_code": "330", "laestab": "3302001", "phase": "primary"}
        yield urn, ledger.entry(SchoolChanged, NOW, **told)
        yield urn, ledger.entry(CalendarChanged, NOW, academic_year=YEAR, days=days)
        yield urn, ledger.entry(EnrolmentChanged, NOW, pupils=stays)


def registers_of(schools: Sequence[School], sessions: int) -> Iterator[tuple[int, bytes, int]]:
    """All registers, session by session, by URN, with their marks; one child in a hundred is corrected after each."""
    for session in sessions_of(schools, sessions):
        yield from session


def sessions_of(schools: Sequence[School], sessions: int) -> Iterator[list[tuple[int, bytes, int]]]:
    """The same, the registers of a session at a time: a correction is an entry of one mark."""
    chance = Random(7)
    rates = [[[chance.betavariate(0.9, 12) + 0.005 for _ in room] for room in rooms] for _, rooms in schools]
    sittings = [(day.isoformat(), half) for day in DAYS for half in ("AM", "PM")]
    for n, (day, half) in enumerate(sittings[:sessions]):
        told: list[tuple[int, bytes, int]] = []
        for (ledger, rooms), its_rates in zip(schools, rates, strict=True):
            for room, of_room in zip(rooms, its_rates, strict=True):
                marks = [
                    Mark(one, chance.choice(ABSENT) if chance.random() < rate else "/")
                    for one, rate in zip(room, of_room, strict=True)
                ]
                body = ledger.entry(SessionMarked, NOW, date=day, session=half, marks=marks)
                told.append((ledger.urn, body, len(marks)))
            for _ in range(SCHOOL // 100 if n else 0):
                past, half_then = sittings[chance.randrange(max(0, n - 40), n)]
                marks = [Mark(chance.choice(chance.choice(rooms)), chance.choice("/IO"))]
                body = ledger.entry(SessionMarked, NOW, date=past, session=half_then, marks=marks)
                told.append((ledger.urn, body, 1))
        yield told


async def publish(
    broker: Broker, topic: str, registers: Iterable[tuple[int, bytes, int]], partitions: int = PARTITIONS
) -> tuple[int, int]:
    """Publishes registers; how many there are, and how many marks."""
    await broker.ensure_topics({topic: partitions})
    publisher = await broker.publisher([topic])
    waiting: dict[int, list[Message]] = {n: [] for n in range(partitions)}
    messages = marks = 0
    for urn, body, count in registers:
        key = str(urn).encode()
        number = publisher.partition_for(topic, key)
        waiting[number].append(Message(key, body, str(messages)))
        messages, marks = messages + 1, marks + count
        if len(waiting[number]) == 500:
            await publisher.publish(Partition(topic, number), waiting[number])
            waiting[number] = []
    for number, its in waiting.items():
        if its:
            await publisher.publish(Partition(topic, number), its)
    await publisher.close()
    return messages, marks


async def _measure(postgres: servers.Postgres, bootstrap: str, pupils: int, sessions: int) -> Cost:
    topic, schools = f"replay-{pupils}", schools_of(pupils)
    async with servers.fresh_database(postgres.url) as url:
        await migrate(url, "absence_engine")
        database, broker = await Database.open(url), open_kafka(bootstrap)
        handle = consumer.handler(CLOCK, Policies(CLOCK))
        before = [
            Record(Partition("before", 0), n, b"", body, "") for n, (_, body) in enumerate(before_registers(schools))
        ]
        for first in range(0, len(before), 30):
            some = before[first : first + 30]
            await database.in_transaction(lambda tx, some=some: handle(tx, some))
        messages, marks = await publish(broker, topic, registers_of(schools, sessions))
        await database.close()
        await broker.close()
        cost = await asyncio.to_thread(_replayed, url, bootstrap, topic, messages, marks, Path(postgres.data))
    cpu = f"{cost.here / marks * 1e6:.2f} CPU s a million here, {cost.there / marks * 1e6:.2f} in PostgreSQL"
    print(f"  {pupils:,} pupils: {marks / cost.seconds:,.0f} marks/s, {cpu}, {cost.peak_mib:.0f} MiB", flush=True)
    return cost


def _replayed(url: str, bootstrap: str, topic: str, messages: int, marks: int, data: Path) -> Cost:
    """The replay in a process of its own, from its first poll to its last commit."""
    postmaster = processes.postmaster(data)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_replay, args=(url, bootstrap, topic, messages, theirs)
    )
    there = processes.cpu_seconds((postmaster,))
    process.start()
    seconds, here, peak = ours.recv()
    there = processes.cpu_seconds((postmaster,)) - there
    process.join()
    return Cost(marks, seconds, here, there, peak)


def _replay(url: str, bootstrap: str, topic: str, messages: int, say: Connection) -> None:
    run_loop(_follow(url, bootstrap, topic, messages, say))


async def _follow(url: str, bootstrap: str, topic: str, messages: int, say: Connection) -> int:
    database, broker, stop = await Database.open(url), open_kafka(bootstrap), asyncio.Event()
    policies = Policies(CLOCK)
    listening = Consumer(
        database, broker, group="replay", member="replay", topics=[topic], handle=consumer.handler(CLOCK, policies),
        pile=consumer.pile(CLOCK, policies), name="replay",
    )  # fmt: skip

    async def watch() -> None:
        async with database.connection() as connection:
            await until(lambda: connection.fetchval(ALL_APPLIED, messages), seconds=3600)
        stop.set()

    used, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(listening.run(stop), watch())
    after = resource.getrusage(resource.RUSAGE_SELF)
    here = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    say.send((time.perf_counter() - started, here, after.ru_maxrss / 1024))
    await database.close()
    await broker.close()
    return 0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sessions", type=int, default=SESSIONS)
    arguments.add_argument("--pupils", type=int, default=LARGE)
    options = arguments.parse_args()
    for figure in run(options.sessions, options.pupils):
        print(figure)


if __name__ == "__main__":
    main()
