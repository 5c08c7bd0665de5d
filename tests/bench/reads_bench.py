"""How soon the engine answers while marks arrive: `python -m tests.bench reads`.

An authority of 170,000 pupils in 405 schools, with a school year of marks in sheets but for its last days, and with the
episodes that the engine itself finds in them. Then the engine, as it is deployed one process that answers and one that
works, reads from a real Kafka registers of 30 marks, 2,000 marks a second, that go round the schools; meanwhile it is
asked for children, schools, sums of a school, pages of the authority's worklist. Both go by a schedule, and an answer's
time counts from when it was due. Broker, PostgreSQL, engine, and this process, which sends and asks, share the cores.
"""

import asyncio
import contextlib
import gc
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import NamedTuple

from common.academic import GRID, Session, place_of
from common.broker import Broker, Message, Partition
from common.db import Database, create_database_if_absent
from common.events.registers import TOPIC, Mark, SessionMarked
from common.kafka import open_kafka
from common.migrate import migrate

from tests.bench import processes, system
from tests.bench.engine_bench import school_days
from tests.bench.load import OpenLoop, Request
from tests.bench.peers.registers import Writer
from tests.bench.reevaluate_bench import AT_A_SCHOOL, LA_CODE, PUPILS, YEAR, fill, id_of
from tests.bench.report import Figure
from tests.delivery import until
from tests.e2e.product import ALL_SCOPES, apart

LEFT_OUT = 5
"""School days of the year whose marks are not there yet; the first of them is today."""
MARKS_PER_SECOND, CLASS = 2000, 30
READS_PER_SECOND = 20
SECONDS, WARM_UP = 180, 10
"""Of a minute's 240 reads of a kind two are above the 99th percentile: what it is would be chance."""
PAGES = 5
PROMISED = 0.05
PARTITIONS = 6
FIRST_URN, FIRST_ENTRY = 100001, 3
TODAY = school_days()[-LEFT_OUT]
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 8, 50, tzinfo=UTC)

STAND = """
insert into ledger_position (urn, number, entry_id, evaluated, seen, topic_partition, last_register_date,
    last_register_session)
select urn, $1, 'filled', $1, $1, 0, $2, 1 from school
"""
COVER = """
insert into coverage (urn, year, marked, missing)
select urn, $1, $2::text::bit(732), repeat('0', 732)::bit(732) from school
"""
LOOKED = """
insert into pattern_look (urn, sequence, day, looked_on, policy_turn)
select urn, evaluated, last_register_date, $1, policy_turn from ledger_position cross join engine
"""
"""All schools were looked at for patterns after their last school day, as they would have been."""
ALL_LOOKED_AT = """
select exists (select from reevaluation) and not exists (select from reevaluation where finished_at is null)
"""


class Asked(NamedTuple):
    """What is asked for, and how long each answer took from when it was due."""

    what: str
    seconds: list[float]

    def figure(self) -> Figure:
        """The 99th percentile."""
        p99 = quantiles(self.seconds, n=100)[98]
        note = f"(median {median(self.seconds) * 1000:.1f}, worst {max(self.seconds) * 1000:.0f} ms)"
        return Figure(f"{self.what}, p99", "ms", p99 * 1000, PROMISED * 1000, at_most=True, note=note)


def run(pupils: int = PUPILS, seconds: int = SECONDS, *, parted: bool = True) -> list[Figure]:
    """The 99th percentile of each kind of read; where the engine is not `parted`, of one process that does both."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name, system.real_parts() as (postgres, kafka):
        began = time.perf_counter()
        url = asyncio.run(_fill(postgres.url, pupils))
        engines = ("absence-engine",)
        parts = engines if parted else ()
        with apart(Path(name), TODAY.isoformat(), postgres.url, kafka.bootstrap, 1, engines, parts) as product:
            asyncio.run(_settle(url))
            print(f"  {pupils:,} pupils there after {time.perf_counter() - began:.0f} s", flush=True)
            engine = product.urls["absence-engine"]
            token = product.token(ALL_SCOPES)
            named = ("engine, what answers", "engine, what works") if parted else ("engine",)
            roots = {what: one.process.pid for what, one in zip(named, product.processes[1:], strict=True)}
            roots |= {"PostgreSQL": postgres.pid, "Kafka": kafka.pid}
            roots["this bench"] = os.getpid()
            used = {what: processes.cpu_seconds((pid,)) for what, pid in roots.items() if what != "this bench"}
            began = time.perf_counter()
            figures = asyncio.run(_measure(engine, token, kafka.bootstrap, url, pupils, seconds))
            for what, before in used.items():
                share = (processes.cpu_seconds((roots[what],)) - before) / (time.perf_counter() - began)
                print(f"  {what}: {share:.2f} of a core", flush=True)
            return figures


async def _fill(server: str, pupils: int) -> str:
    """The engine's database with all but the episodes; its URL."""
    url = await create_database_if_absent(server, "absence-engine")
    await migrate(url, "absence_engine")
    database = await Database.open(url)
    await fill(database, pupils, without=LEFT_OUT)
    marked = school_days()[:-LEFT_OUT]
    async with database.transaction() as tx:
        await tx.execute(STAND, FIRST_ENTRY, marked[-1])
        places = {place_of(day, session) for day in marked for session in Session}
        await tx.execute(COVER, YEAR, "".join("01"[place in places] for place in range(GRID)))
    await database.close()
    return url


async def _settle(url: str) -> None:
    """Waits until the engine has looked at everybody, and has the tables as a night leaves them."""
    database = await Database.open(url)
    async with database.connection() as connection:
        await until(lambda: connection.fetchval(ALL_LOOKED_AT), seconds=900)
        await connection.execute("delete from pattern_look")
        await connection.execute(LOOKED, TODAY)
        await until(lambda: connection.fetchval("select not exists (select from outbox)"), seconds=120)
        await connection.execute("vacuum analyze", timeout=600)
        await connection.execute("checkpoint", timeout=600)
    await database.close()


async def _measure(engine: str, token: str, bootstrap: str, url: str, pupils: int, seconds: int) -> list[Figure]:
    reader, chance = OpenLoop(engine, token), Random(7)
    broker, database = open_kafka(bootstrap), await Database.open(url)
    pages = [page async for page in _pages(reader)]
    work = list(_registers(pupils, (seconds + WARM_UP) * MARKS_PER_SECOND // CLASS))
    kinds = {
        "a child": lambda: f"/v1/pupils/{id_of(chance.randrange(pupils))}/absence",
        "a child's episodes": lambda: f"/v1/pupils/{id_of(chance.randrange(pupils))}/episodes",
        "a school": lambda: f"/v1/schools/{_urn(chance.randrange(pupils))}/absence",
        "sums of a school by class": lambda: (
            f"/v1/absence?school_urn={_urn(chance.randrange(pupils))}&group_by=registration_group"
        ),
        "a page of an authority's worklist": lambda: chance.choice(pages),
    }
    asked = [Asked(what, []) for what in kinds]
    gc.collect()
    gc.freeze()  # what was made for the bench would make every collection slow

    async def ask(into: Asked, path: str, due: float) -> None:
        answer = await reader.send(Request(path, method="GET"))
        if due >= measured_from:
            into.seconds.append(answer.at - due)

    begun = time.perf_counter() + 0.5
    measured_from = begun + WARM_UP
    sending = asyncio.create_task(_send(broker, work, begun))
    reads: list[asyncio.Task[None]] = []
    for number in range((seconds + WARM_UP) * READS_PER_SECOND):
        due = begun + number / READS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        into = asked[number % len(asked)]
        reads.append(asyncio.create_task(ask(into, kinds[into.what](), due)))
    await asyncio.gather(*reads)
    behind = await sending
    await _check(database, len(work))
    reader.close()
    await broker.close()
    await database.close()
    gc.unfreeze()
    told = Figure(
        "marks arrived meanwhile", "a second", MARKS_PER_SECOND, None, note=f"(sent {behind:.2f} s late at most)"
    )
    return [*(one.figure() for one in asked), told]


def _urn(pupil: int) -> int:
    return FIRST_URN + pupil // AT_A_SCHOOL


async def _pages(reader: OpenLoop) -> AsyncIterator[str]:
    """The first pages of the worklist."""
    path: str | None = f"/v1/areas/{LA_CODE}/worklist?kind=PA"
    for _ in range(PAGES):
        if path is not None:
            yield path
            body = (await reader.send(Request(path, method="GET"))).json()
            if not body["items"]:
                raise RuntimeError(f"nobody is on the worklist: {json.dumps(body)[:300]}")
            path = body["next"]


def _registers(pupils: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Registers of today's sessions, by URN: the first class of each school, then the second, and so on."""
    chance = Random(11)
    schools = [range(first, min(first + AT_A_SCHOOL, pupils)) for first in range(0, pupils, AT_A_SCHOOL)]
    writers = [Writer(FIRST_URN + n) for n in range(len(schools))]
    for writer in writers:
        writer.number, writer.previous = FIRST_ENTRY, "filled"
    classes = [
        (writer, members[first : first + CLASS])
        for first in range(0, AT_A_SCHOOL, CLASS)
        for writer, members in zip(writers, schools, strict=True)
        if first < len(members)
    ]
    for number in range(count):
        sitting, at = divmod(number, len(classes))
        writer, members = classes[at]
        day, half = school_days()[sitting // 2 - LEFT_OUT].isoformat(), ("AM", "PM")[sitting % 2]
        marks = [Mark(id_of(n), "/" if chance.random() < 0.93 else "I") for n in members]
        yield writer.urn, writer.entry(SessionMarked, NOW, date=day, session=half, marks=marks)


async def _send(broker: Broker, work: list[tuple[int, bytes]], begun: float) -> float:
    """Publishes registers on their schedule; by how much the latest was late."""
    publisher = await broker.publisher([TOPIC])
    late = 0.0
    for number, (urn, body) in enumerate(work):
        due = begun + number * CLASS / MARKS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        key = str(urn).encode()
        partition = Partition(TOPIC, publisher.partition_for(TOPIC, key))
        await publisher.publish(partition, [Message(key, body, str(number))])
        late = max(late, time.perf_counter() - due)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(publisher.close(), 10)
    return late


async def _check(database: Database, sent: int) -> None:
    """Every register was counted."""
    async with database.connection() as connection:
        counted = "select sum(number - $1) = $2 from ledger_position where state = 'following'"
        await until(lambda: connection.fetchval(counted, FIRST_ENTRY, sent), seconds=30)
