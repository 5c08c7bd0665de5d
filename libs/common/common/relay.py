"""The relay: what a service has to say leaves its database for the broker, at least once, each key in order.

One relay per service does this, under an advisory lock on the very connection that it works with: a lost connection is
a lost lock, and another replica takes over. It reads the oldest rows of its `Source`, groups them by partition, has one
batch in flight per partition, and deletes the batches that were acknowledged. What was not is still there, in front,
and is sent again from each key's first row on. There is no cursor: a row whose transaction commits late is found like
any other.

A broker that is away is an expected state: the client is dropped, the relay waits with growing delays and makes a new
one, and readiness says degraded. Any other error ends the process.

Map: `Source` is where rows come from (`OutboxSource` for the common table; registers joins its ledger). `Relay.run`
takes the lead and works; `Relay.wake` is called after a commit that wrote rows.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog

from common import metrics
from common.broker import Broker, BrokerAwayError, Message, Partition, Publisher
from common.db import Database, Transaction
from common.health import Health
from common.loops import Backoff, Pulse, pause

log = structlog.get_logger()

LOOK_SECONDS = 0.25
"""How often the relay looks without having been woken: rows of other processes, and of commits that it raced."""
PACE_SECONDS = 0.05
"""The least time between two looks, unless rows wait: a busy service would wake the relay for every single one."""
STANDBY_SECONDS = 0.5
COUNT_SECONDS = 10.0

FEWEST_ROWS, MOST_ROWS = 50, 2000
BATCH_BYTES = 4_000_000
"""About how much one look may bring: rows of 2 KB come by the thousand, rows of 80 KB by the fifty."""

TRY_LEAD = "select pg_try_advisory_lock(hashtextextended('rollcall relay', 0))"
COUNT = "select count(*) from outbox"
TAKE = "select id, topic, key, event_id, body from outbox order by id limit $1"
DONE = "delete from outbox where id = any($1::bigint[])"


class Outgoing(NamedTuple):
    """A row that is still to be published; `id` is the row's, `event_id` the event's."""

    id: int
    topic: str
    key: bytes
    event_id: str
    body: bytes


class Source(Protocol):
    """Where a relay's rows come from. The table behind it is called `outbox` in every service."""

    @property
    def topics(self) -> Sequence[str]:
        """The topics that rows are for."""
        ...

    async def take(self, connection: Transaction, limit: int) -> list[Outgoing]:
        """The oldest rows, at most `limit`, in the order in which they were written; they stay where they are."""
        ...

    async def done(self, connection: Transaction, ids: Sequence[int]) -> None:
        """Deletes rows that the broker has acknowledged."""
        ...


class OutboxSource:
    """The common table `outbox`, as `outbox.add` fills it."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)

    async def take(self, connection: Transaction, limit: int) -> list[Outgoing]:
        """See `Source`."""
        return [
            Outgoing(row["id"], row["topic"], row["key"].encode(), row["event_id"], row["body"])
            for row in await connection.fetch(TAKE, limit)
        ]

    async def done(self, connection: Transaction, ids: Sequence[int]) -> None:
        """See `Source`."""
        await connection.execute(DONE, ids)


class Relay:
    """Background work: publishes what the source holds. `partitions` is for topics that do not exist yet."""

    def __init__(self, database: Database, broker: Broker, source: Source, *, name: str, partitions: int = 6) -> None:
        self.name = name
        self._database, self._broker, self._source = database, broker, source
        self._partitions = partitions
        self._woken = asyncio.Event()
        self._pulse = Pulse()
        self._backoff = Backoff()
        self._publisher: Publisher | None = None
        self._limit = MOST_ROWS // 4
        self._counted = self._emptied = time.monotonic()

    def wake(self) -> None:
        """There may be rows: look soon."""
        self._woken.set()

    def health(self) -> Health:
        """Degraded while the broker is away; a standby replica is in good health."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Waits for the lead, then publishes until `stop`. Raises what it can't mend, a lost connection included."""
        async with self._database.connection() as connection:
            while not await connection.fetchval(TRY_LEAD):
                self._pulse.beat()
                await pause(stop, STANDBY_SECONDS)
                if stop.is_set():
                    return
            log.info("relay leads", relay=self.name)
            try:
                await self._lead(connection, stop)
            finally:
                await self._drop()

    async def _lead(self, connection: Transaction, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            looked = time.monotonic()
            limit = self._limit
            rows = await self._source.take(connection, limit)
            await self._measure(connection, rows, limit)
            if rows and not await self._publish(connection, rows):
                await pause(stop, self._backoff.next())
                continue
            self._pulse.beat()
            if len(rows) < limit:
                self._emptied = time.monotonic()
                await self._rest(stop, looked)

    async def _rest(self, stop: asyncio.Event, looked: float) -> None:
        """Until somebody wakes us, or the time is up; but not before the pace allows."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
        await pause(stop, max(0.0, looked + PACE_SECONDS - time.monotonic()))

    async def _publish(self, connection: Transaction, rows: Sequence[Outgoing]) -> bool:
        """Sends rows, all partitions at once, and deletes what was acknowledged; False when the broker is away."""
        try:
            publisher = await self._connected()
        except BrokerAwayError as error:
            await self._lost(error)
            return False
        batches: dict[Partition, list[Outgoing]] = {}
        for row in rows:
            batches.setdefault(Partition(row.topic, publisher.partition_for(row.topic, row.key)), []).append(row)
        answers = await asyncio.gather(
            *(
                publisher.publish(partition, [Message(row.key, row.body, row.event_id) for row in batch])
                for partition, batch in batches.items()
            ),
            return_exceptions=True,
        )
        acknowledged: list[int] = []
        for (partition, batch), answer in zip(batches.items(), answers, strict=True):
            if answer is None:
                acknowledged.extend(row.id for row in batch)
                metrics.RELAY_MESSAGES.labels(self.name, partition.topic).inc(len(batch))
        if acknowledged:
            await self._source.done(connection, acknowledged)
        return await self._judge([answer for answer in answers if answer is not None])

    async def _judge(self, failures: Sequence[BaseException]) -> bool:
        """False after the broker went away; raises what is not that."""
        for failure in failures:
            if not isinstance(failure, BrokerAwayError):
                raise failure
        if failures:
            await self._lost(failures[0])
            return False
        self._backoff.reset()
        return True

    async def _connected(self) -> Publisher:
        """The publisher in use, or a new one."""
        if self._publisher is None:
            await self._broker.ensure_topics(dict.fromkeys(self._source.topics, self._partitions))
            self._publisher = await self._broker.publisher(self._source.topics)
            metrics.BROKER_AWAY.labels(self.name).set(0)
        return self._publisher

    async def _lost(self, error: BaseException) -> None:
        if self._pulse.well:
            log.warning("broker away", loop=self.name, error=str(error))
        self._pulse.beat("broker away")
        metrics.BROKER_AWAY.labels(self.name).set(1)
        metrics.BROKER_LOSSES.labels(self.name).inc()
        await self._drop()

    async def _drop(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()

    async def _measure(self, connection: Transaction, rows: Sequence[Outgoing], limit: int) -> None:
        """Says how far behind we are, and asks next time for as many rows of this size as one look should bring."""
        now = time.monotonic()
        metrics.OUTBOX_BEHIND.labels(self.name).set(now - self._emptied)
        if len(rows) < limit:
            metrics.OUTBOX_ROWS.labels(self.name).set(len(rows))
            return
        if now - self._counted > COUNT_SECONDS:
            self._counted = now
            metrics.OUTBOX_ROWS.labels(self.name).set(await connection.fetchval(COUNT))
        size = sum(len(row.body) for row in rows) // len(rows) + 1
        self._limit = max(FEWEST_ROWS, min(MOST_ROWS, 2 * limit, BATCH_BYTES // size))
