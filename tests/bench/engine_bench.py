"""What a mark costs the absence engine alone: `python -m tests.bench.engine_bench [--pupils N] [--batch REGISTERS]`.

Ledgers are made by hand and applied by the consumer's handler to a real PostgreSQL: the year's first school days in
small batches, the days between in large ones, the last days in small batches again. Printed: marks per second, CPU
microseconds per mark of this process (Python) and of its PostgreSQL.
"""

import argparse
import asyncio
import gc
import random
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from absence_engine.actions.holding import Policies
from absence_engine.consumer import handler
from common.broker import Partition, Record
from common.clock import Clock
from common.db import Database
from common.events import Event, encode
from common.events.registers import TOPIC
from common.migrate import migrate

from tests import servers
from tests.integration.absence_engine.ledgers import Ledger, pupil

TERMS = [
    ("2025-09-02", "2025-10-24"),
    ("2025-11-04", "2025-12-19"),
    ("2026-01-06", "2026-02-13"),
    ("2026-02-23", "2026-03-27"),
    ("2026-04-14", "2026-05-22"),
    ("2026-06-01", "2026-07-17"),
]
REGISTER = 30
REGISTERS_A_SCHOOL = 10
SMALL_DAYS = 4
LARGE_BATCH = 2000


def school_days() -> list[date]:
    """190 days, as in the rule book's test calendar."""
    days: list[date] = []
    for first, last in TERMS:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            if day.weekday() < 5 and day != date(2026, 5, 4):
                days.append(day)
            day += timedelta(1)
    return days


@dataclass
class Authority:
    """Schools of ten classes each; `rates` say how often each pupil is absent."""

    ledgers: list[Ledger]
    classes: list[tuple[Ledger, list[str]]]
    rates: dict[str, float]
    chance: random.Random

    @classmethod
    def of(cls, pupils: int) -> "Authority":
        chance = random.Random(7)
        ids = [pupil(n) for n in range(pupils)]
        rates = {one: min(0.9, chance.betavariate(0.9, 12) + 0.005) for one in ids}
        ledgers: list[Ledger] = []
        classes: list[tuple[Ledger, list[str]]] = []
        for first in range(0, pupils, REGISTER * REGISTERS_A_SCHOOL):
            ledger = Ledger(100001 + len(ledgers))
            members = ids[first : first + REGISTER * REGISTERS_A_SCHOOL]
            ledger.school()
            ledger.calendar(school_days())
            ledger.enrol(*members, from_="2025-09-01")
            ledgers.append(ledger)
            classes += [(ledger, members[n : n + REGISTER]) for n in range(0, len(members), REGISTER)]
        return cls(ledgers, classes, rates, chance)

    def registers(self, day: date) -> Iterator[Event]:
        """A day's registers, as schools take them."""
        for session in ("AM", "PM"):
            for ledger, members in self.classes:
                ledger.marks(day, session, {one: self._code(one, session) for one in members})
                yield ledger.entries[-1]

    def _code(self, pupil_id: str, session: str) -> str:
        if self.chance.random() < self.rates[pupil_id]:
            return self.chance.choices("IMCGOUN", [50, 5, 8, 6, 24, 4, 3])[0]
        return "/" if session == "AM" else "\\"


@dataclass
class Meter:
    """Seconds of wall clock, and of CPU here and in PostgreSQL."""

    postgres: int

    def read(self) -> tuple[float, float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_utime + used.ru_stime, _cpu_of_children(self.postgres)


def _cpu_of_children(parent: int) -> float:
    """CPU seconds of a server and its processes, ended ones included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat.parent.name == str(parent):
            ticks += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


async def play(
    database: Database, authority: Authority, days: Sequence[date], batch: int, meter: Meter
) -> tuple[int, float, float, float]:
    """Applies some days; marks, seconds, CPU seconds here and in PostgreSQL."""
    handle = handler(clock := Clock(fixed_today=days[-1]), Policies(clock))
    events = [event for day in days for event in authority.registers(day)]
    records = [Record(Partition(TOPIC, 0), n, b"", encode(event), event.id) for n, event in enumerate(events)]
    gc.collect()
    gc.freeze()  # what is made here for the bench would make every collection slow
    before = meter.read()
    for first in range(0, len(records), batch):
        some = records[first : first + batch]
        await database.in_transaction(lambda tx, some=some: handle(tx, some))
    after = meter.read()
    seconds, here, there = (b - a for a, b in zip(before, after, strict=True))
    return len(records) * REGISTER, seconds, here, there


async def run(pupils: int, batch: int) -> None:
    days = school_days()
    authority = Authority.of(pupils)
    with servers.postgres() as server:
        async with servers.fresh_database(server.url) as url:
            await migrate(url, "absence_engine")
            database = await Database.open(url)
            handle = handler(clock := Clock(fixed_today=days[0]), Policies(clock))
            entries = [entry for ledger in authority.ledgers for entry in ledger.entries]
            records = [Record(Partition(TOPIC, 0), n, b"", encode(entry), entry.id) for n, entry in enumerate(entries)]
            await database.in_transaction(lambda tx: handle(tx, records))
            assert server._process is not None
            meter = Meter(server._process.pid)
            print(f"{pupils} pupils, batches of {batch * REGISTER} marks")
            plans = [
                ("first days", days[:SMALL_DAYS], batch),
                ("days between", days[SMALL_DAYS:-SMALL_DAYS], LARGE_BATCH),
                ("last days", days[-SMALL_DAYS:], batch),
            ]
            for name, some, size in plans:
                marks, seconds, here, there = await play(database, authority, some, size, meter)
                print(
                    f"{name:>13}: {marks / seconds:8.0f} marks/s, {here / marks * 1e6:6.1f} µs CPU a mark here, "
                    f"{there / marks * 1e6:6.1f} in PostgreSQL"
                )
            async with database.connection() as connection:
                episodes = await connection.fetchval("select count(*) from episode")
                events = await connection.fetchval("select count(*) from outbox")
            print(f"{episodes} episodes, {events} events")
            await database.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pupils", type=int, default=3000)
    options.add_argument("--batch", type=int, default=40, help="registers of 30 in a small batch")
    chosen = options.parse_args()
    asyncio.run(run(chosen.pupils, chosen.batch))


if __name__ == "__main__":
    main()
