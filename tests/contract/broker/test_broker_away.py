"""A broker that stops, dies, hangs or is wiped: said in bounded time, survived with a new client, nothing lost."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from common.broker import Broker, BrokerAwayError, Message, Partition, Publisher, Subscription

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
    async with asyncio.timeout(60):
        while True:
            try:
                return await broker.ensure_topics({TOPIC: PARTITIONS})
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
    await publish(fragile, TOPIC, messages(1, KEYS[1]))


async def test_a_restart_under_load_loses_nothing_and_keeps_each_keys_order(fragile: Broker, server: Server) -> None:
    """Publisher and reader do as the relay and the consumer do: drop the client, make a new one, say it again."""
    await fragile.ensure_topics({TOPIC: PARTITIONS})
    restarted, progress = asyncio.Event(), asyncio.Event()
    seen: dict[Partition, list[Message]] = {}
    sent = 0

    async def write() -> None:
        nonlocal sent
        publisher = None
        while not (restarted.is_set() and sent >= 200):
            try:
                publisher = publisher or await fragile.publisher([TOPIC])
                for key in KEYS[:5]:
                    place = Partition(TOPIC, publisher.partition_for(TOPIC, key))
                    await publisher.publish(place, messages(1, key, sent))
                sent += 1
                progress.set()
            except BrokerAwayError:
                if publisher is not None:
                    await publisher.close()
                publisher = None
                await asyncio.sleep(0.05)
        assert publisher is not None
        await publisher.close()

    async def written(count: int) -> None:
        while sent < count:
            await progress.wait()
            progress.clear()

    async def follow(writing: asyncio.Task[None]) -> None:
        subscription, places = None, dict[Partition, int]()
        while not (writing.done() and len(_once(seen)) == 5 and min(map(len, _once(seen).values())) == sent):
            try:
                subscription = subscription or await fragile.subscribe("group", [TOPIC], "first")
                for partition, records in (await subscription.poll(0.2, 1000)).items():
                    if records[0].offset != places.get(partition, 0):
                        subscription.seek(partition, places.get(partition, 0))
                        continue
                    places[partition] = records[-1].offset + 1
                    seen.setdefault(partition, []).extend(Message(r.key, r.value, r.id) for r in records)
            except BrokerAwayError:
                if subscription is not None:
                    await subscription.close()
                subscription = None
                await asyncio.sleep(0.05)
        assert subscription is not None
        await subscription.close()

    async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write())
        tasks.create_task(follow(writing))
        for stop in (server.stop, server.kill):
            await asyncio.wait_for(written(sent + 20), 60)
            await asyncio.to_thread(stop)
            await asyncio.to_thread(server.start)
        restarted.set()
    assert _once(seen) == {key: [message.value for message in messages(sent, key)] for key in KEYS[:5]}


def _once(seen: dict[Partition, list[Message]]) -> dict[bytes, list[bytes]]:
    """Each key's values without repetitions, in the order of their first appearance."""
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for message in (message for part in seen.values() for message in part):
        values[message.key].append(message.value)
    return {key: list(dict.fromkeys(repeated)) for key, repeated in values.items()}


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
