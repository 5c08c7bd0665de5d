"""A broker that stops, comes back, or is wiped: an expected state for the relay and for the consumer."""

import asyncio
import time

from common.consume import Consumer
from common.db import Database
from common.kafka import open_kafka
from common.relay import OutboxSource, Relay

from tests import servers
from tests.delivery import entry, hear, heard, ledger, running, say, until, waiting

URN = 100001
TOPIC = "ledger"
SCHOOLS = range(100001, 100013)


async def test_what_is_said_while_the_broker_is_away_is_heard_when_it_is_back(
    database: Database, restartable_kafka: servers.Kafka
) -> None:
    broker = open_kafka(restartable_kafka.bootstrap)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="test")
    consumer = Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")

    async def both(degraded: bool) -> bool:
        states = (relay.health(), consumer.health())
        assert all(health.ok for health in states)
        return all(health.degraded is degraded for health in states)

    async def all_heard(last: int) -> bool:
        return await heard(database, URN) == list(range(1, last + 1))

    async with running(relay, consumer):
        await say(database, ledger(URN, 3), TOPIC)
        await until(lambda: all_heard(3))
        assert await both(degraded=False)
        await asyncio.to_thread(restartable_kafka.kill)
        await say(database, ledger(URN, 6, first=4), TOPIC)
        await until(lambda: both(degraded=True))
        assert await waiting(database) == 3
        await asyncio.to_thread(restartable_kafka.start)
        await until(lambda: all_heard(6), 60)
        await until(lambda: both(degraded=False))


async def test_a_loop_that_starts_without_a_broker_waits_for_it(
    database: Database, restartable_kafka: servers.Kafka
) -> None:
    await asyncio.to_thread(restartable_kafka.stop)
    broker = open_kafka(restartable_kafka.bootstrap)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="test")
    consumer = Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")

    async def all_heard() -> bool:
        return await heard(database, URN) == [1, 2, 3]

    async with running(relay, consumer):
        await say(database, ledger(URN, 3), TOPIC)
        await until(lambda: _true(relay.health().degraded and consumer.health().degraded))
        await asyncio.to_thread(restartable_kafka.start)
        await until(all_heard, 60)


async def test_a_loop_stops_in_time_though_the_broker_is_away(
    database: Database, restartable_kafka: servers.Kafka
) -> None:
    broker = open_kafka(restartable_kafka.bootstrap)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="test")
    consumer = Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")

    async def all_heard() -> bool:
        return await heard(database, URN) == [1]

    async with running(relay, consumer):
        await say(database, ledger(URN, 1), TOPIC)
        await until(all_heard)
        await asyncio.to_thread(restartable_kafka.kill)
        await say(database, ledger(URN, 2, first=2), TOPIC)
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 10


async def test_a_wiped_broker_that_is_refilled_beyond_the_stored_offset_is_replayed(
    database: Database, restartable_kafka: servers.Kafka
) -> None:
    """The ledgers are republished whole, behind other records: old offsets would skip the new entries among them."""
    broker = open_kafka(restartable_kafka.bootstrap)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="test")
    consumer = Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")

    async def all_heard(last: int) -> bool:
        return all([await heard(database, urn) == list(range(1, last + 1)) for urn in SCHOOLS])

    async with running(relay):
        async with running(consumer):
            await say(database, [event for urn in SCHOOLS for event in ledger(urn, 5)], TOPIC)
            await until(lambda: all_heard(5))
        await asyncio.to_thread(restartable_kafka.wipe)
        await asyncio.to_thread(restartable_kafka.start)
        await say(database, [entry(urn, number) for number in range(1, 16) for urn in SCHOOLS], TOPIC)
        await until(lambda: _emptied(database), 60)
        async with running(consumer):
            await until(lambda: all_heard(15), 60)


async def test_a_broker_that_is_wiped_under_a_running_consumer_is_replayed(
    database: Database, restartable_kafka: servers.Kafka
) -> None:
    broker = open_kafka(restartable_kafka.bootstrap)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="test")
    consumer = Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")

    async def all_heard(last: int) -> bool:
        return all([await heard(database, urn) == list(range(1, last + 1)) for urn in SCHOOLS])

    async with running(relay, consumer):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 5)], TOPIC)
        await until(lambda: all_heard(5))
        await asyncio.to_thread(restartable_kafka.wipe)
        await say(database, [entry(urn, number) for number in range(1, 16) for urn in SCHOOLS], TOPIC)
        await asyncio.to_thread(restartable_kafka.start)
        await until(lambda: all_heard(15), 60)


async def _emptied(database: Database) -> bool:
    return await waiting(database) == 0


async def _true(state: bool) -> bool:
    return state
