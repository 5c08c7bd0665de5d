"""A consumer that lags far behind puts polls on a pile: all of it takes effect once, or none of it does."""

import asyncio
import multiprocessing
import os
import signal
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from common import consume
from common.broker import Broker, Record
from common.consume import Consumer, rewind
from common.db import Database, Transaction
from common.events import Event
from common.kafka import open_kafka
from common.ledger import Reading
from common.relay import OutboxSource, Relay

from tests.delivery import HEAR, hear, heard, ledger, running, say, until

SCHOOLS = range(100001, 100005)
LAST = 400
PARTITIONS = 2
LAG = 100


class Heap:
    """A pile for the service that counts; full at `size` entries. `meanwhile` is called after the first poll."""

    made = 0

    def __init__(self, size: int = 700, meanwhile: Any = None) -> None:
        Heap.made += 1
        self._reading, self._fresh, self._size = Reading(), list[Event](), size
        self._meanwhile = meanwhile

    @property
    def is_full(self) -> bool:
        return len(self._fresh) >= self._size

    async def take(self, connection: Transaction, records: Sequence[Record]) -> None:
        self._reading.take(records)
        await self._reading.ask(connection)
        self._fresh += self._reading.judge()
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()

    async def apply(self, tx: Transaction, beat: Callable[[], None]) -> None:
        await self._reading.check(tx)
        await self._reading.save(tx)
        await tx.execute(HEAR, [one.schoolurn for one in self._fresh], [one.sequence for one in self._fresh])


def a_consumer(database: Database, broker: Broker, topic: str, member: str, **options: Any) -> Consumer:
    return Consumer(
        database, broker, group=f"group-{topic}", member=f"{topic}-{member}", topics=[topic], handle=hear,
        name="test", partitions=PARTITIONS, smallest=20, largest=100, **options,
    )  # fmt: skip


async def everything_heard(database: Database) -> bool:
    return all([(await heard(database, urn))[-1:] == [LAST] for urn in SCHOOLS])


async def fill(database: Database, broker: Broker, topic: str) -> None:
    """Publishes the schools' ledgers."""
    for first in range(1, LAST, 100):
        for urn in SCHOOLS:
            await say(database, ledger(urn, first + 99, first), topic)
    relay = Relay(database, broker, OutboxSource([topic]), name="test", partitions=PARTITIONS)

    async def all_sent() -> bool:
        async with database.connection() as connection:
            return not await connection.fetchval("select exists (select from outbox)")

    async with running(relay):
        await until(all_sent)


@pytest.fixture(autouse=True)
def little_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "LONG_LAG", LAG)
    Heap.made = 0


async def test_a_long_lag_is_applied_by_piles_each_entry_once(database: Database, broker: Broker, topic: str) -> None:
    await fill(database, broker, topic)
    async with running(a_consumer(database, broker, topic, "one", pile=Heap)):
        await until(lambda: everything_heard(database))
    assert Heap.made >= 2
    for urn in SCHOOLS:
        assert await heard(database, urn) == list(range(1, LAST + 1))


async def test_a_pile_is_thrown_away_when_the_positions_were_moved_meanwhile(
    database: Database, broker: Broker, topic: str
) -> None:
    """As by a second owner, or a rebuild: nothing of it takes effect, and all of it is read again."""
    await fill(database, broker, topic)
    seen: list[int] = []

    async def somebody_else() -> None:
        async with database.transaction() as tx:
            await rewind(tx, topic)
            seen.append(await tx.fetchval("select count(*) from heard"))

    def pile() -> Heap:
        return Heap(meanwhile=None if seen else somebody_else)

    async with running(a_consumer(database, broker, topic, "one", pile=pile)):
        await until(lambda: everything_heard(database))
    assert len(seen) == 1
    for urn in SCHOOLS:
        assert await heard(database, urn) == list(range(1, LAST + 1))


async def test_two_members_pile_up_at_once_and_nothing_is_heard_twice(
    database: Database, broker: Broker, topic: str
) -> None:
    await fill(database, broker, topic)
    members = [a_consumer(database, broker, topic, name, pile=lambda: Heap(150)) for name in ("one", "two")]
    async with running(*members):
        await until(lambda: everything_heard(database))
    for urn in SCHOOLS:
        assert await heard(database, urn) == list(range(1, LAST + 1))


def replay(url: str, bootstrap: str, topic: str) -> None:
    """Follows the topic by piles until it is killed: a process of its own."""

    async def work() -> None:
        consume.LONG_LAG = LAG
        database, broker = await Database.open(url), open_kafka(bootstrap)
        await a_consumer(database, broker, topic, "one", pile=lambda: Heap(300)).run(asyncio.Event())

    asyncio.run(work())


async def test_a_kill_in_the_middle_of_a_replay_loses_and_doubles_nothing(
    database: Database, database_url: str, kafka: str
) -> None:
    topic = f"ledger-{uuid.uuid4().hex[:12]}"
    broker = open_kafka(kafka)
    await fill(database, broker, topic)

    async def further_than(count: int) -> bool:
        async with database.connection() as connection:
            return await connection.fetchval("select count(*) > $1 from heard", count)

    context = multiprocessing.get_context("spawn")
    for count in (0, 300, 700):
        process = context.Process(target=replay, args=(database_url, kafka, topic))
        process.start()
        await until(lambda count=count: further_than(count))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.join)
    async with running(a_consumer(database, broker, topic, "one", pile=Heap)):
        await until(lambda: everything_heard(database))
    await broker.close()
    for urn in SCHOOLS:
        assert await heard(database, urn) == list(range(1, LAST + 1))
