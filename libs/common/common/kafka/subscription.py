# pyright: basic
# aiokafka carries few types; strict mode would report every line that touches it.
"""A member of a consumer group on Kafka."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from common.broker import BrokerAwayError, Partition, Record
from common.kafka.client import ANSWER_SECONDS, Client
from common.kafka.records import record

GRACE_SECONDS = 0.05
"""How much longer than its own timeout a `getmany` is waited for, before the next poll picks it up."""
HINT_SECONDS = 2.0
LOOK_SECONDS = 1.0
"""How often a subscription that gets no records asks whether the broker and the topics are still there."""

SESSION_MS = 10_000
"""After so long without a heartbeat a member is taken for dead. Heartbeats share the event loop with the handlers."""
HEARTBEAT_MS = 1_000
REBALANCE_MS = 20_000
REQUEST_MS = 30_000
"""More than a rebalance lasts: joining a group is one request."""
MAX_POLL_MS = 300_000
FETCH_BYTES = 4_000_000
"""How much of one partition a lagging reader gets at once: batches can be no larger."""


class KafkaSubscription:
    """See `common.broker.Subscription`."""

    def __init__(
        self, connection: Mapping[str, Any], client: Client[AIOKafkaConsumer], topics: tuple[str, ...]
    ) -> None:
        self._connection = connection
        self._client = client
        self._topics = topics
        self._getting: asyncio.Task[Any] | None = None
        self._outdated: set[Partition] = set()
        self._looked = time.monotonic()
        self._reader: Client[AIOKafkaConsumer] | None = None

    @classmethod
    async def open(
        cls, connection: Mapping[str, Any], group: str, topics: Sequence[str], member: str
    ) -> "KafkaSubscription":
        """Joins; BrokerAwayError as well when a topic is not there (yet). Partitions come with the first polls."""
        consumer = AIOKafkaConsumer(
            **connection,
            client_id=member,
            group_id=group,
            group_instance_id=member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_poll_interval_ms=MAX_POLL_MS,
            request_timeout_ms=REQUEST_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        client = Client(consumer, consumer._client, consumer.stop)
        subscription = cls(connection, client, tuple(topics))
        try:
            await client.ask(consumer.start())
            await client.check_topics(topics)
            await client.ask(consumer._client.set_topics(topics))
            if not all(consumer.partitions_for_topic(topic) for topic in topics):
                raise BrokerAwayError("the partitions of a topic are not known yet")
            consumer.subscribe(list(topics))
        except BaseException:
            await client.close()
            raise
        return subscription

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109 - a poll without records is no error
        max_records: int,
    ) -> Mapping[Partition, Sequence[Record]]:
        """See `Subscription`."""
        self._client.check()
        if self._getting is None:
            get = self._client.inner.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
            self._getting = asyncio.create_task(get)
        first = {self._getting, self._client.lost}
        await asyncio.wait(first, timeout=timeout + GRACE_SECONDS, return_when="FIRST_COMPLETED")
        self._client.check()
        if not self._getting.done():
            await self._look()
            return {}
        getting, self._getting = self._getting, None
        outdated, self._outdated = self._outdated, set()
        try:
            polled = {
                (partition := Partition(*place)): [record(item, partition) for item in items]
                for place, items in getting.result().items()
            }
        except KafkaError as error:
            raise self._client.judge(error) from error
        if not polled:
            await self._look()
        return {partition: records for partition, records in polled.items() if partition not in outdated}

    async def _look(self) -> None:
        """Without records, whether the broker is still there shows only when it is asked."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            await self._client.check_topics(self._topics)

    def assignment(self) -> frozenset[Partition]:
        """See `Subscription`. Empty while the group is sharing its partitions out."""
        if self._client.inner._subscription.reassignment_in_progress:
            return frozenset()
        return frozenset(Partition(*place) for place in self._client.inner.assignment())

    def seek(self, partition: Partition, offset: int) -> None:
        """See `Subscription`. Of no effect when the partition is not this member's any more."""
        if partition in self.assignment():
            self._client.inner.seek(TopicPartition(*partition), offset)
        if self._getting is not None and self._getting.done():
            self._outdated.add(partition)  # what it brings was read before the seek

    async def read_one(self, partition: Partition, offset: int) -> Record | None:
        """See `Subscription`. By a client of its own, which belongs to no group."""
        self._client.check()
        reader = await self._open_reader()
        return await reader.ask(_read_one(reader.inner, TopicPartition(*partition), offset))

    async def _open_reader(self) -> Client[AIOKafkaConsumer]:
        """The client for single records; a new one when it lost its connection since it was last needed."""
        if self._reader is not None and self._reader.lost.done():
            await self._reader.close()
            self._reader = None
        if self._reader is None:
            consumer = AIOKafkaConsumer(
                **self._connection,
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=1,  # the broker rounds it up to one batch
                request_timeout_ms=int(ANSWER_SECONDS * 1000),
            )
            self._reader = Client(consumer, consumer._client, consumer.stop)
            await self._reader.ask(consumer.start())
        return self._reader

    def end(self, partition: Partition) -> int | None:
        """See `Subscription`."""
        place = TopicPartition(*partition)
        return self._client.inner.highwater(place) if place in self._client.inner.assignment() else None

    async def hint(self, offsets: Mapping[Partition, int]) -> None:
        """See `Subscription`."""
        mine = self.assignment()
        places = {TopicPartition(*partition): offset for partition, offset in offsets.items() if partition in mine}
        if places:
            await self._client.attempt(self._client.inner.commit(places), HINT_SECONDS)

    async def close(self) -> None:
        """See `Subscription`. A lost member does not leave: its namesake takes its place."""
        if self._getting is not None:
            self._getting.cancel()
        if not self._client.lost.done():
            coordinator: Any = self._client.inner._coordinator
            coordinator._group_instance_id = None  # aiokafka keeps a static member from leaving
        await self._client.close()
        if self._reader is not None:
            await self._reader.close()


async def _read_one(reader: AIOKafkaConsumer, place: TopicPartition, offset: int) -> Record | None:
    """Does not return while the broker keeps silent."""
    reader.assign([place])
    try:
        first = await reader.beginning_offsets([place])
        end = await reader.end_offsets([place])
        if not first[place] <= offset < end[place]:
            return None
        reader.seek(place, offset)
        found: dict[TopicPartition, list[Any]] = {}
        while not found:
            found = await reader.getmany(place, timeout_ms=1000, max_records=1)
        item = found[place][0]
        return record(item, Partition(*place)) if item.offset == offset else None
    except OffsetOutOfRangeError:
        return None
    finally:
        reader.unsubscribe()
