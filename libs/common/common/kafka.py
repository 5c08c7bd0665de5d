# pyright: basic
# aiokafka carries few types; strict mode would report every line that touches it.
"""The broker port on Apache Kafka, through aiokafka: the only module that imports it.

What aiokafka 0.14 does against expectation, and what is done about it here:

- a broker that is gone leaves `start`, `stop`, `send_batch` and `getmany` waiting for ever: every wait has a bound, and
  `_end` stops a client, cancels what it left running and closes its connections;
- a client mends its connections silently, also to a broker that was wiped meanwhile: `_Connections` tells of the first
  one that breaks, and the client is dropped, not mended; a new subscription looks where it stands;
- a cancelled `getmany` switches `max_poll_interval_ms` off, and one that meets a rebalance waits without bound: it runs
  in a task that is never cancelled, and that a later `poll` picks up;
- records may come before an assignment listener has finished, and a listener's errors are swallowed: no listeners; the
  caller seeks where `assignment` grew;
- a static member never leaves its group: `close` leaves; a crash does not, and the restarted namesake gets the same
  partitions back without a rebalance;
- `commit` raises after a rebalance and may retry for ever: it is a hint, bounded, its failures ignored;
- the admin client does not raise when a topic can't be made: its response is read.

Batches are built by hand, one partition each, and the next is sent when the last is acknowledged: order survives
retries without the idempotent producer, which would go on beyond every timeout.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import CloseReason
from aiokafka.errors import (
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    for_code,
)

from common.broker import Broker, BrokerAwayError, Message, Partition, Publisher, Record, Subscription
from common.partitioning import partition_of

ANSWER_SECONDS = 10.0
"""How long the broker may take for one answer."""
GRACE_SECONDS = 0.05
"""How much longer than its own timeout a `getmany` is waited for, before the next poll picks it up."""
STOP_SECONDS = 5.0
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

BATCH_BYTES = 500_000
"""Half of what a broker takes by default; a single larger message is a batch of its own."""

ID_HEADER = "ce_id"

T = TypeVar("T")


def open_kafka(bootstrap: str) -> Broker:
    """The Kafka at `bootstrap` (host:port, several with commas). Connects when it is first used."""
    return KafkaBroker(bootstrap)


class KafkaBroker:
    """See `common.broker.Broker`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Topics get the broker's default replication. Returns when each of their partitions has a leader."""
        if not topics:
            return
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=int(ANSWER_SECONDS * 1000))
        try:
            await _answer(admin.start())
            there = set(await _answer(admin.list_topics()))
            # Minus one asks for the broker's default; aiokafka lets it pass only beside an assignment, be it empty.
            absent = [NewTopic(name, count, -1, {}) for name, count in topics.items() if name not in there]
            if absent:
                _check_created(await _answer(admin.create_topics(absent)))
            await _wait_for_leaders(admin, list(topics))
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(admin.close(), STOP_SECONDS)

    async def publisher(self, topics: Sequence[str]) -> Publisher:
        """BrokerAwayError as well when a topic is not there (yet)."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=False,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(ANSWER_SECONDS * 1000),
        )
        connections = _Connections(producer.client)
        try:
            await _answer(producer.start())
            partitions = {topic: len(await _answer(producer.partitions_for(topic))) for topic in topics}
        except BaseException:
            await _end(producer, gone=True)
            raise
        return KafkaPublisher(producer, connections, partitions)

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """BrokerAwayError as well when a topic is not there (yet). Partitions arrive with the first polls."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
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
        connections = _Connections(consumer._client)
        try:
            await _answer(consumer.start())
            await _check_topics(consumer, topics)
            consumer.subscribe(list(topics))
        except BaseException:
            await _end(consumer, gone=True)
            raise
        return KafkaSubscription(self._bootstrap, consumer, connections, tuple(topics))

    async def close(self) -> None:
        """Nothing is held open between calls."""


class KafkaPublisher:
    """See `common.broker.Publisher`. Different partitions may be published to at the same time."""

    def __init__(self, producer: AIOKafkaProducer, connections: "_Connections", partitions: Mapping[str, int]) -> None:
        self._producer = producer
        self._connections = connections
        self._partitions = partitions

    def partition_for(self, topic: str, key: bytes) -> int:
        """See `Publisher`."""
        return partition_of(key, self._partitions[topic])

    async def publish(self, partition: Partition, messages: Sequence[Message]) -> None:
        """See `Publisher`. A batch leaves when the one before it is acknowledged."""
        for batch in self._batches(messages):
            sending = asyncio.create_task(_answer(self._send(batch, partition)))
            await asyncio.wait({sending, self._connections.broken}, return_when="FIRST_COMPLETED")
            if not sending.done():
                await _cancel({sending})
                self._connections.check()
            try:
                sending.result()
            except BrokerAwayError:
                self._connections.lose()
                raise

    async def _send(self, batch: Any, partition: Partition) -> None:
        acknowledged = await self._producer.send_batch(batch, partition.topic, partition=partition.number)
        await acknowledged

    def _batches(self, messages: Sequence[Message]) -> Iterator[Any]:
        batch = self._producer.create_batch()
        for message in messages:
            headers = [(ID_HEADER, message.id.encode())] if message.id else []
            if batch.append(timestamp=None, key=message.key, value=message.value, headers=headers) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=message.key, value=message.value, headers=headers)
        if batch.record_count():
            yield batch

    async def close(self) -> None:
        """See `Publisher`."""
        await _end(self._producer, gone=self._connections.broken.done())


class KafkaSubscription:
    """See `common.broker.Subscription`."""

    def __init__(
        self, bootstrap: str, consumer: AIOKafkaConsumer, connections: "_Connections", topics: tuple[str, ...]
    ) -> None:
        self._bootstrap = bootstrap
        self._consumer = consumer
        self._connections = connections
        self._topics = topics
        self._getting: asyncio.Task[Any] | None = None
        self._outdated: set[Partition] = set()
        self._looked = time.monotonic()
        self._reader: AIOKafkaConsumer | None = None

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109 - a poll without records is no error
        max_records: int,
    ) -> Mapping[Partition, Sequence[Record]]:
        """See `Subscription`."""
        if self._getting is None:
            get = self._consumer.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
            self._getting = asyncio.create_task(get)
        first = {self._getting, self._connections.broken}
        await asyncio.wait(first, timeout=timeout + GRACE_SECONDS, return_when="FIRST_COMPLETED")
        self._connections.check()
        if not self._getting.done():
            await self._look()
            return {}
        getting, self._getting = self._getting, None
        outdated, self._outdated = self._outdated, set()
        try:
            polled = {Partition(*place): [_record(item) for item in items] for place, items in getting.result().items()}
        except KafkaError as error:
            raise _translated(error) from error
        if not polled:
            await self._look()
        return {partition: records for partition, records in polled.items() if partition not in outdated}

    async def _look(self) -> None:
        """Without records, whether the broker is still there shows only when it is asked."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                await _check_topics(self._consumer, self._topics)
            except BrokerAwayError:
                self._connections.lose()
                raise

    def assignment(self) -> frozenset[Partition]:
        """See `Subscription`. Empty while the group is sharing its partitions out."""
        if self._consumer._subscription.reassignment_in_progress:
            return frozenset()
        return frozenset(Partition(*place) for place in self._consumer.assignment())

    def seek(self, partition: Partition, offset: int) -> None:
        """See `Subscription`. Of no effect when the partition is not this member's any more."""
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(TopicPartition(*partition), offset)
        if self._getting is not None and self._getting.done():
            self._outdated.add(partition)  # what it brings was read before the seek

    async def read_one(self, partition: Partition, offset: int) -> Record | None:
        """See `Subscription`. By a client of its own, which belongs to no group."""
        try:
            return await _answer(self._read_one(TopicPartition(*partition), offset))
        except BrokerAwayError:
            self._connections.lose()
            raise

    async def _read_one(self, place: TopicPartition, offset: int) -> Record | None:
        if self._reader is None:
            self._reader = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=1,  # the broker rounds it up to one batch
                request_timeout_ms=int(ANSWER_SECONDS * 1000),
            )
            await self._reader.start()
        reader = self._reader
        reader.assign([place])
        try:
            first = await reader.beginning_offsets([place])
            end = await reader.end_offsets([place])
            if not first[place] <= offset < end[place]:
                return None
            reader.seek(place, offset)
            while not (found := await reader.getmany(place, timeout_ms=1000, max_records=1)):
                pass  # bounded by the caller
            item = found[place][0]
            return _record(item) if item.offset == offset else None
        except OffsetOutOfRangeError:
            return None
        finally:
            reader.unsubscribe()

    def end(self, partition: Partition) -> int | None:
        """See `Subscription`."""
        place = TopicPartition(*partition)
        return self._consumer.highwater(place) if place in self._consumer.assignment() else None

    async def hint(self, offsets: Mapping[Partition, int]) -> None:
        """See `Subscription`."""
        mine = self.assignment()
        places = {TopicPartition(*partition): offset for partition, offset in offsets.items() if partition in mine}
        if places:
            with contextlib.suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(self._consumer.commit(places), HINT_SECONDS)

    async def close(self) -> None:
        """See `Subscription`."""
        gone = self._connections.broken.done()
        if self._getting is not None:
            self._getting.cancel()
        if not gone:
            _let_leave(self._consumer)
        await _end(self._consumer, gone=gone)
        if self._reader is not None:
            await _end(self._reader, gone=gone)


class _Connections:
    """Tells of the first connection of a client that breaks. It hooks into the client's own callback."""

    def __init__(self, client: Any) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mend = client._on_connection_closed

        def closed(connection: Any, reason: CloseReason | None) -> None:
            if reason in (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT):
                self.lose()
            mend(connection, reason)

        client._on_connection_closed = closed

    def lose(self) -> None:
        """The client is not to be used any more."""
        if not self.broken.done():
            self.broken.set_result(None)

    def check(self) -> None:
        """BrokerAwayError once a connection broke."""
        if self.broken.done():
            raise BrokerAwayError("the connection to Kafka broke")


def _record(item: Any) -> Record:
    record_id = next((value for name, value in item.headers if name == ID_HEADER), b"")
    return Record(
        partition=Partition(item.topic, item.partition),
        offset=item.offset,
        key=item.key or b"",
        value=item.value or b"",
        id=(record_id or b"").decode(errors="replace"),
    )


async def _answer(asked: Awaitable[T]) -> T:
    """What the broker answers, or BrokerAwayError when it can't be reached or is too slow."""
    try:
        return await asyncio.wait_for(asked, ANSWER_SECONDS)
    except TimeoutError as error:
        raise BrokerAwayError("Kafka did not answer in time") from error
    except (KafkaError, OSError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    """BrokerAwayError for what may pass; other errors (a refused login, a message too large) as they are."""
    passing = isinstance(error, OSError | KafkaConnectionError | KafkaTimeoutError) or type(error) is KafkaError
    if passing or getattr(error, "retriable", False):
        return BrokerAwayError(f"{type(error).__name__}: {error}")
    return error


def _check_created(response: Any) -> None:
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise _translated(error(name))


async def _wait_for_leaders(admin: AIOKafkaAdminClient, topics: list[str]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        described = await _answer(admin.describe_topics(topics))
        leaders = [part["leader"] for topic in described for part in topic["partitions"] if not topic["error_code"]]
        if len({topic["topic"] for topic in described if topic["partitions"]}) == len(topics) and min(leaders) >= 0:
            return
        if time.monotonic() > deadline:
            raise BrokerAwayError("the partitions of a topic have no leader")
        await asyncio.sleep(0.02)


async def _check_topics(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> None:
    """BrokerAwayError when the broker does not answer, or has not all of the topics: another one, or a wiped one."""
    missing = set(topics) - await _answer(consumer.topics())
    if missing:
        raise BrokerAwayError(f"topics are not there: {sorted(missing)}")


def _let_leave(consumer: AIOKafkaConsumer) -> None:
    """Has `stop` leave the group, which aiokafka keeps a static member from."""
    coordinator: Any = consumer._coordinator
    coordinator._group_instance_id = None


async def _end(client: Any, *, gone: bool) -> None:
    """Stops a producer or consumer in bounded time. `gone`: the broker is, so what waits for it is cancelled first."""
    if gone:
        await _cancel(_tasks_of(client))
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    await _cancel({stopping, *_tasks_of(client)})
    inner = getattr(client, "client", None) or client._client
    for connection in inner._conns.values():
        connection.close()


def _tasks_of(client: Any) -> set[asyncio.Task[Any]]:
    """The running tasks of a client: coroutines that are methods of one of its parts."""
    parts = {id(part) for part in (client, *vars(client).values()) if type(part).__module__.startswith("aiokafka")}
    frames = {task: getattr(task.get_coro(), "cr_frame", None) for task in asyncio.all_tasks()}
    return {task for task, frame in frames.items() if frame is not None and id(frame.f_locals.get("self")) in parts}


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancels what still runs, waits a moment, and takes note of how it ended, so that nobody is told later."""
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=1)
        for task in done:
            if not task.cancelled():
                task.exception()
