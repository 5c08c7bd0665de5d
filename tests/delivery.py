"""A listening service as small as can be, for the tests of delivery: the common tables, and one that counts.

`heard` has a row for every effect: no natural key hides a second one, so that SQL can prove that there is no gap and no
duplicate.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from common import outbox, tables
from common.broker import Broker, Partition, Record, Subscription
from common.db import Database, Transaction
from common.events import Event, encode, make
from common.events.registers import TOPIC, SessionMarked
from common.ledger import fresh_entries

CREATE_HEARD = "create table heard (place bigint generated always as identity, urn integer, number bigint)"
HEAR = "insert into heard (urn, number) select * from unnest($1::int[], $2::bigint[])"
TABLES = [
    tables.CREATE_OUTBOX,
    tables.CREATE_POSITION,
    tables.CREATE_DEAD_LETTER,
    tables.CREATE_LEDGER_POSITION,
    CREATE_HEARD,
]
NOON = datetime(2025, 9, 15, 12, tzinfo=UTC)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Database]:
    """The service's database, its tables made."""
    database = await Database.open(url)
    try:
        async with database.transaction() as tx:
            for statement in TABLES:
                await tx.execute(statement)
        yield database
    finally:
        await database.close()


async def hear(tx: Transaction, records: Sequence[Record]) -> None:
    """The service's handler: writes down every fresh entry of the ledgers."""
    entries = await fresh_entries(tx, records)
    await tx.execute(HEAR, [entry.schoolurn for entry in entries], [entry.sequence for entry in entries])


async def heard(database: Database, urn: int) -> list[int]:
    """The numbers of a school's entries in the order in which they took effect."""
    async with database.connection() as connection:
        rows = await connection.fetch("select number from heard where urn = $1 order by place", urn)
    return [row["number"] for row in rows]


def entry(urn: int, number: int, *, branch: str = "") -> Event:
    """Entry `number` of a school's ledger; `branch` names another history of the same school."""
    data = SessionMarked(
        previous=f"{branch}{urn}-{number - 1}" if number > 1 else None,
        write_last=number,
        date="2025-09-15",
        session="AM",
        marks=[],
    )
    return make(data, id=f"{branch}{urn}-{number}", subject=str(urn), now=NOON, sequence=number, schoolurn=urn)


def ledger(urn: int, last: int, first: int = 1) -> list[Event]:
    """A school's entries from `first` to `last`."""
    return [entry(urn, number) for number in range(first, last + 1)]


def records(events: Sequence[Event | bytes], *, key: int = 0, offset: int = 0) -> list[Record]:
    """Events as one partition's records from `offset` on; bytes stand for a record under `key` that nobody can read."""
    return [
        Record(Partition(TOPIC, 0), place, str(key).encode(), event, f"junk-{place}")
        if isinstance(event, bytes)
        else Record(Partition(TOPIC, 0), place, event.subject.encode(), encode(event), event.id)
        for place, event in zip(itertools.count(offset), events, strict=False)
    ]


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    """Returns as soon as `condition` gives something true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


class Loop(Protocol):
    """A relay or a consumer."""

    async def run(self, stop: asyncio.Event) -> None: ...


@asynccontextmanager
async def running(*loops: Loop) -> AsyncIterator[None]:
    """Loops at work while the block lasts; then they are told to stop, and must do so in time."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop.run(stop)) for loop in loops]
        try:
            yield
        finally:
            stop.set()
            _, late = await asyncio.wait(tasks, timeout=20)
            for task in late:
                task.cancel()
            assert not late, "a loop did not stop in time"


async def say(database: Database, events: Sequence[Event], topic: str) -> None:
    """Announces events through the outbox, in a transaction of their own."""
    async with database.transaction() as tx:
        await outbox.add(tx, events, topic)


async def waiting(database: Database) -> int:
    """How many rows are still to be published."""
    async with database.connection() as connection:
        return await connection.fetchval("select count(*) from outbox")


async def published(broker: Broker, topic: str, partitions: int) -> dict[int, list[Record]]:
    """All that stands in a topic, by partition."""
    found: dict[Partition, list[Record]] = {Partition(topic, number): [] for number in range(partitions)}
    subscription = await broker.subscribe(f"reader-{uuid.uuid4()}", [topic], "reader")
    try:
        async with asyncio.timeout(60):
            while not await _at_the_end(subscription, found):
                for partition, records in (await subscription.poll(0.2, 5000)).items():
                    found[partition].extend(records)
    finally:
        await subscription.close()
    return {partition.number: records for partition, records in found.items()}


async def _at_the_end(subscription: Subscription, found: Mapping[Partition, Sequence[Record]]) -> bool:
    ends = {partition: records[-1].offset + 1 if records else 0 for partition, records in found.items()}
    return not any([await subscription.read_one(partition, end) for partition, end in ends.items()])
