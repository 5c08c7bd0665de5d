"""A broker that stops, dies, hangs or is wiped: said in bounded time, survived with a new client, nothing lost."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from common.broker import Broker, BrokerAwayError, Partition, Publisher, Record, Subscription

from tests import servers
from tests.contract.broker.brokers import (
    KEYS,
    PARTITIONS,
    assigned,
    everywhere,
    joined,
    messages,
    publish,
    read,
)

TOPIC = "ledger"
BOUND_SECONDS = 25
"""Twice the time that a client gives the broker for an answer, and a little."""

Server = servers.Postgres | servers.Kafka


async def _away(ask: Callable[[], Awaitable[Any]]) -> None:
    """`ask`, perhaps again, raises BrokerAwayError, and soon."""

    async def until_it_raises() -> None:
        while True:
            await ask()

    with pytest.raises(BrokerAwayError):
        await asyncio.wait_for(until_it_raises(), BOUND_SECONDS)


async def _closes(thing: Publisher | Subscription) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        await thing.close()


async def _back(server: Server, broker: Broker) -> None:
    """Starts the server, and returns when it does what it is asked."""
    await asyncio.to_thread(server.start)
    await _taken_again(lambda: broker.ensure_topics({TOPIC: PARTITIONS}))


async def _taken_again(ask: Callable[[], Awaitable[Any]]) -> None:
    """Asks until it is answered: a Kafka that hung longer than its session has to register again before it leads."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except BrokerAwayError:
                await asyncio.sleep(0.1)


async def test_a_dead_broker_is_away_for_everybody_and_back_with_all_that_it_acknowledged(
    fragile: Broker, server: Server
) -> None:
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    await publish(fragile, TOPIC, messages(100))
    publisher = await fragile.publisher([TOPIC])
    subscription = await fragile.subscribe("group", [TOPIC], "first")
    await read(subscription, 100)
    await asyncio.to_thread(server.kill)

    await _away(lambda: publisher.publish(Partition(TOPIC, 0), messages(1, start=100)))
    await _away(lambda: subscription.poll(0.5, 100))
    await _away(lambda: subscription.read_one(Partition(TOPIC, 0), 0))
    await _closes(publisher)
    await _closes(subscription)
    await _away(lambda: fragile.publisher([TOPIC]))
    await _away(lambda: fragile.subscribe("group", [TOPIC], "first"))
    await _away(lambda: fragile.ensure_topics({TOPIC: PARTITIONS}))

    await _back(server, fragile)
    async with joined(fragile, "another group", TOPIC) as member:
        assert [record.value for record in await read(member, 100)] == [message.value for message in messages(100)]
    await publish(fragile, TOPIC, messages(1, start=100))


async def test_a_hint_to_a_dead_broker_is_forgotten_in_time(fragile: Broker, server: Server) -> None:
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    async with joined(fragile, "group", TOPIC) as member:
        await assigned(member, everywhere(TOPIC))
        await asyncio.to_thread(server.kill)
        async with asyncio.timeout(BOUND_SECONDS):
            await member.hint({Partition(TOPIC, 0): 0})


async def test_a_broker_that_hangs_is_away_as_well(fragile: Broker, server: Server) -> None:
    """No connection breaks; only the answers do not come."""
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    publisher = await fragile.publisher([TOPIC])
    subscription = await fragile.subscribe("group", [TOPIC], "first")
    await assigned(subscription, everywhere(TOPIC))
    server.freeze()
    try:
        await asyncio.gather(
            _away(lambda: publisher.publish(Partition(TOPIC, 0), messages(1))),
            _away(lambda: subscription.poll(0.5, 100)),
            _away(lambda: fragile.publisher([TOPIC])),
        )
        await asyncio.gather(_closes(publisher), _closes(subscription))
    finally:
        server.thaw()
    await _taken_again(lambda: publish(fragile, TOPIC, messages(1, KEYS[1])))


class Writer:
    """Publishes numbered messages under five keys as the relay does: drops a lost client and says it again."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.sent = 0
        self._progress = asyncio.Event()
        self.enough, self.finished = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Until it is told that it is enough."""
        publisher = None
        while not self.enough.is_set():
            try:
                publisher = publisher or await self._broker.publisher([TOPIC])
                for key in KEYS[:5]:
                    place = Partition(TOPIC, publisher.partition_for(TOPIC, key))
                    await publisher.publish(place, messages(1, key, self.sent))
            except BrokerAwayError:
                if publisher is not None:
                    await publisher.close()
                publisher = None
                await asyncio.sleep(0.05)
            else:
                self.sent += 1
                self._progress.set()
        if publisher is not None:
            await publisher.close()
        self.finished.set()

    async def has_sent(self, count: int) -> None:
        """Returns once so many numbers are acknowledged."""
        while self.sent < count:
            await self._progress.wait()
            self._progress.clear()


class Follower:
    """Reads as the consumer does: keeps its own place, and goes back to it when something else comes."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._places: dict[Partition, int] = {}
        self._seen: dict[bytes, list[bytes]] = defaultdict(list)

    async def run(self, writer: Writer) -> None:
        """Until all that was acknowledged has come."""
        subscription = None
        while not (writer.finished.is_set() and all(len(values) >= writer.sent for values in self.once().values())):
            try:
                subscription = subscription or await self._broker.subscribe("group", [TOPIC], "first")
                for partition, records in (await subscription.poll(0.2, 1000)).items():
                    self._take(subscription, partition, records)
            except BrokerAwayError:
                if subscription is not None:
                    await subscription.close()
                subscription = None
                await asyncio.sleep(0.05)
        if subscription is not None:
            await subscription.close()

    def _take(self, subscription: Subscription, partition: Partition, records: Sequence[Record]) -> None:
        place = self._places.get(partition, 0)
        if records[0].offset != place:
            subscription.seek(partition, place)
            return
        self._places[partition] = records[-1].offset + 1
        for record in records:
            self._seen[record.key].append(record.value)

    def once(self) -> dict[bytes, list[bytes]]:
        """Each key's values without repetitions, in the order of their first appearance."""
        return {key: list(dict.fromkeys(self._seen[key])) for key in KEYS[:5]}


async def test_a_restart_under_load_loses_nothing_and_keeps_each_keys_order(fragile: Broker, server: Server) -> None:
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    writer, follower = Writer(fragile), Follower(fragile)
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        tasks.create_task(follower.run(writer))
        for stop in (server.stop, server.kill):
            await writer.has_sent(writer.sent + 20)
            await asyncio.to_thread(stop)
            await asyncio.to_thread(server.start)
        await writer.has_sent(writer.sent + 20)
        writer.enough.set()
    assert follower.once() == {key: [message.value for message in messages(writer.sent, key)] for key in KEYS[:5]}


async def test_a_wiped_broker_shows_by_another_id_where_we_stood(fragile: Broker, server: Server) -> None:
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    await publish(fragile, TOPIC, messages(5))
    async with joined(fragile, "group", TOPIC) as member:
        records = await read(member, 5)
    last = records[-1]
    await asyncio.to_thread(server.wipe)
    await _back(server, fragile)
    async with joined(fragile, "group", TOPIC) as member:
        assert await member.read_one(last.partition, last.offset) is None
    await publish(fragile, TOPIC, messages(20, start=100))
    async with joined(fragile, "group", TOPIC) as member:
        other = await member.read_one(last.partition, last.offset)
        assert other is not None
        assert other.id != last.id
        assert [record.value for record in await read(member, 20)] == [m.value for m in messages(20, start=100)]


async def test_a_wiped_broker_is_away_for_those_who_knew_the_old_one(fragile: Broker, server: Server) -> None:
    """None of them reads on, or writes on, as if nothing had happened."""
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    await publish(fragile, TOPIC, messages(5))
    publisher = await fragile.publisher([TOPIC])
    subscription = await fragile.subscribe("group", [TOPIC], "first")
    await read(subscription, 5)
    await asyncio.to_thread(server.wipe)
    await _back(server, fragile)
    await publish(fragile, TOPIC, messages(20, start=100))
    await _away(lambda: publisher.publish(Partition(TOPIC, 0), messages(1)))
    await _away(lambda: subscription.poll(0.5, 100))
    await _closes(publisher)
    await _closes(subscription)


async def test_a_topic_that_is_not_there_yet_is_a_broker_that_is_away(broker: Broker) -> None:
    started = time.monotonic()
    await _away(lambda: broker.publisher(["nobody-made-me"]))
    await _away(lambda: broker.subscribe("group", ["nobody-made-me"], "first"))
    assert time.monotonic() - started < 2 * BOUND_SECONDS
