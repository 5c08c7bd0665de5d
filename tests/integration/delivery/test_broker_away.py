"""A broker that stops, comes back, or is wiped: an expected state for the relay and for the consumer."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from common.broker import Broker
from common.consume import Consumer
from common.db import Database
from common.embedded import open_embedded
from common.kafka import open_kafka
from common.relay import OutboxSource, Relay

from tests import servers
from tests.delivery import entry, hear, heard, ledger, running, say, until, waiting

URN = 100001
SCHOOLS = range(100001, 100013)
TOPIC = "ledger"

Server = servers.Kafka | servers.Postgres


@pytest.fixture(params=["kafka", "embedded"])
def server(request: pytest.FixtureRequest) -> Server:
    """The server that the broker is, or is on; the service's own database is on another one."""
    return request.getfixturevalue("restartable_kafka" if request.param == "kafka" else "restartable_postgres")


@pytest.fixture
async def broker(server: Server) -> AsyncIterator[Broker]:
    broker = open_kafka(server.bootstrap) if isinstance(server, servers.Kafka) else open_embedded(server.url)
    yield broker
    await broker.close()


@pytest.fixture
def relay(database: Database, broker: Broker) -> Relay:
    return Relay(database, broker, OutboxSource([TOPIC]), name="test")


@pytest.fixture
def consumer(database: Database, broker: Broker) -> Consumer:
    return Consumer(database, broker, group="g", member="m", topics=[TOPIC], handle=hear, name="test")


async def states(relay: Relay, consumer: Consumer, *, degraded: bool) -> bool:
    """Whether both loops say that they are degraded, or that they are not; ready they are in any case."""
    both = (relay.health(), consumer.health())
    assert all(health.ok for health in both)
    return all(health.degraded is degraded for health in both)


async def all_heard(database: Database, last: int) -> bool:
    return all([await heard(database, urn) == list(range(1, last + 1)) for urn in SCHOOLS])


async def test_what_is_said_while_the_broker_is_away_is_heard_when_it_is_back(
    database: Database, relay: Relay, consumer: Consumer, server: Server
) -> None:
    async with running(relay, consumer):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], TOPIC)
        await until(lambda: all_heard(database, 3))
        await until(lambda: states(relay, consumer, degraded=False))
        await asyncio.to_thread(server.kill)
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 6, first=4)], TOPIC)
        await until(lambda: states(relay, consumer, degraded=True))
        assert await waiting(database) == 3 * len(SCHOOLS)
        await asyncio.to_thread(server.start)
        await until(lambda: all_heard(database, 6), 60)
        await until(lambda: states(relay, consumer, degraded=False))


async def test_loops_that_start_without_a_broker_wait_for_it(
    database: Database, relay: Relay, consumer: Consumer, server: Server
) -> None:
    await asyncio.to_thread(server.stop)
    async with running(relay, consumer):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], TOPIC)
        await until(lambda: states(relay, consumer, degraded=True))
        await asyncio.to_thread(server.start)
        await until(lambda: all_heard(database, 3), 60)


async def test_loops_stop_in_time_though_the_broker_is_away(
    database: Database, relay: Relay, consumer: Consumer, server: Server
) -> None:
    async with running(relay, consumer):
        await say(database, ledger(URN, 1), TOPIC)
        await until(lambda: heard(database, URN))
        await asyncio.to_thread(server.kill)
        await say(database, ledger(URN, 2, first=2), TOPIC)
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 10


async def test_a_wiped_broker_that_is_refilled_beyond_the_stored_offset_is_replayed(
    database: Database, relay: Relay, consumer: Consumer, server: Server
) -> None:
    """The ledgers are republished whole, in another order: at the old offsets stand records that were never applied."""
    async with running(relay):
        async with running(consumer):
            await say(database, [event for urn in SCHOOLS for event in ledger(urn, 5)], TOPIC)
            await until(lambda: all_heard(database, 5))
        await asyncio.to_thread(server.wipe)
        await asyncio.to_thread(server.start)
        await say(database, [entry(urn, number) for number in range(1, 16) for urn in SCHOOLS], TOPIC)
        await until(lambda: _emptied(database), 60)
        async with running(consumer):
            await until(lambda: all_heard(database, 15), 60)


async def test_a_broker_that_is_wiped_under_a_running_consumer_is_replayed(
    database: Database, relay: Relay, consumer: Consumer, server: Server
) -> None:
    async with running(relay, consumer):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 5)], TOPIC)
        await until(lambda: all_heard(database, 5))
        await asyncio.to_thread(server.wipe)
        await say(database, [entry(urn, number) for number in range(1, 16) for urn in SCHOOLS], TOPIC)
        await asyncio.to_thread(server.start)
        await until(lambda: all_heard(database, 15), 60)


async def _emptied(database: Database) -> bool:
    return await waiting(database) == 0
