"""Members that come, go and crash while records flow: afterwards SQL proves that there is no gap and no duplicate.

The handler here looks at no number and has no key: that each record takes effect once is the position's work alone.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Sequence

import pytest
from common.broker import Broker, Record
from common.consume import Consumer
from common.db import Database, Transaction
from common.events import decode
from common.relay import OutboxSource, Relay

from tests.delivery import HEAR, entry, running, say, until

SCHOOLS = list(range(100001, 100031))
PARTITIONS = 6
STEPS = 14

FAULTS = """
select urn, count(*) from heard group by urn
having count(*) <> $1 or min(number) <> 1 or max(number) <> $1 or count(distinct number) <> $1
"""
OUT_OF_ORDER = """
select urn, number from
(select urn, number, lag(number, 1, 0) over (partition by urn order by place) as before from heard) as steps
where number <> before + 1
"""


class Storm:
    """Three members of one group, each running or not; `strike` changes one of them."""

    def __init__(self, database: Database, broker: Broker, topic: str, seed: int) -> None:
        self._database, self._broker, self._topic = database, broker, topic
        self._group = f"storm-{uuid.uuid4().hex[:8]}"
        self._random = random.Random(seed)
        self._running: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self.batches: Counter[str] = Counter()

    def start(self, member: str) -> None:
        async def handle(tx: Transaction, records: Sequence[Record]) -> None:
            self.batches[member] += 1
            events = [decode(record.value) for record in records]
            await asyncio.sleep(self._random.uniform(0, 0.05))  # work, during which the group may change
            await tx.execute(HEAR, [event.schoolurn for event in events], [event.sequence for event in events])

        consumer = Consumer(
            self._database,
            self._broker,
            group=self._group,
            member=f"{self._group}-{member}",
            topics=[self._topic],
            handle=handle,
            name="storm",
            partitions=PARTITIONS,
        )
        stop = asyncio.Event()
        self._running[member] = asyncio.create_task(consumer.run(stop)), stop

    async def end(self, member: str, *, crash: bool = False) -> None:
        """An orderly stop, or one in the middle of whatever it was doing."""
        task, stop = self._running.pop(member)
        if crash:
            task.cancel()
        stop.set()
        await asyncio.wait({task}, timeout=30)
        if not task.cancelled():
            task.result()

    async def strike(self) -> None:
        member = self._random.choice(["one", "two", "three"])
        if member not in self._running:
            self.start(member)
        elif len(self._running) > 1:
            await self.end(member, crash=self._random.random() < 0.5)

    async def pass_over(self) -> None:
        for member in list(self._running):
            await self.end(member)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_rebalance_storm_leaves_no_gap_and_no_duplicate(
    database: Database, broker: Broker, topic: str, seed: int
) -> None:
    storm = Storm(database, broker, topic, seed)
    relay = Relay(database, broker, OutboxSource([topic]), name="storm", partitions=PARTITIONS)

    async def heard_more_than(entries: int) -> bool:
        async with database.connection() as connection:
            return await connection.fetchval("select count(*) from heard") >= entries

    async with running(relay):
        storm.start("one")
        storm.start("two")
        for number in range(1, STEPS + 1):
            await say(database, [entry(urn, number) for urn in SCHOOLS], topic)
            await until(lambda: heard_more_than((number - 2) * len(SCHOOLS)), 60)  # noqa: B023 - awaited at once
            await storm.strike()
        await until(lambda: heard_more_than(STEPS * len(SCHOOLS)), 60)
        await storm.pass_over()
    async with database.connection() as connection:
        assert await connection.fetch(FAULTS, STEPS) == []
        assert await connection.fetch(OUT_OF_ORDER) == []
        assert await connection.fetchval("select count(distinct urn) from heard") == len(SCHOOLS)
    assert len(storm.batches) > 1
