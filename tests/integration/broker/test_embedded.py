"""What only the embedded broker has to prove: its database, its retention, its bounds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from common.broker import Broker, BrokerAwayError, Message, Partition
from common.db import database_url
from common.embedded import janitor, open_embedded, subscription

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
    until,
)

TOPIC = "ledger"
LONG_AGO = datetime.now(UTC).date() - timedelta(days=60)
MOVE_BACK = "update record set kept_at = $1::date + interval '1 hour'"


@pytest.fixture
async def broker(restartable_postgres: servers.Postgres) -> AsyncIterator[Broker]:
    broker = open_embedded(restartable_postgres.url)
    await broker.ensure_topics({TOPIC: PARTITIONS})
    yield broker
    await broker.close()


@asynccontextmanager
async def _database(server: servers.Postgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url(server.url, "broker"))
    try:
        yield connection
    finally:
        await connection.close()


async def _age(server: servers.Postgres) -> str:
    """Moves every record into a week of long ago; returns the name of that week's table."""
    start = LONG_AGO - timedelta(days=LONG_AGO.weekday())
    name = f"record_{start:%Y%m%d}"
    async with _database(server) as connection:
        await connection.execute(janitor.MAKE.format(name=name, start=start, end=start + janitor.SPAN))
        await connection.execute(MOVE_BACK, start)
    return name


async def _sweep(server: servers.Postgres) -> list[str]:
    async with _database(server) as connection, connection.transaction():
        return await janitor.sweep(connection)


async def test_many_processes_may_make_the_database_at_the_same_time(restartable_postgres: servers.Postgres) -> None:
    brokers = [open_embedded(restartable_postgres.url) for _ in range(6)]
    await asyncio.gather(*(broker.ensure_topics({TOPIC: PARTITIONS, "other": 1}) for broker in brokers))
    await publish(brokers[0], TOPIC, messages(1))
    for broker in brokers:
        await broker.close()


async def test_records_are_dropped_by_the_week_when_they_are_too_old(
    broker: Broker, restartable_postgres: servers.Postgres
) -> None:
    await publish(broker, TOPIC, messages(5))
    old = await _age(restartable_postgres)
    await publish(broker, TOPIC, messages(5, start=5))
    async with joined(broker, "group", TOPIC) as member:
        records = await read(member, 10)
        assert await _sweep(restartable_postgres) == [old]
        place = records[0].partition
        assert await member.read_one(place, 2) is None
        for offset in (0, 2):  # where nothing stands any more, the next record that does is read
            member.seek(place, offset)
            assert [record.offset for record in await read(member, 5)] == [5, 6, 7, 8, 9]
    assert await _sweep(restartable_postgres) == []


async def test_a_reader_of_a_partition_whose_records_are_all_gone_reads_what_comes_next(
    broker: Broker, restartable_postgres: servers.Postgres
) -> None:
    await publish(broker, TOPIC, messages(5))
    await _age(restartable_postgres)
    await _sweep(restartable_postgres)
    async with joined(broker, "group", TOPIC) as member:
        await assigned(member, everywhere(TOPIC))
        await publish(broker, TOPIC, messages(1, start=5))
        assert [record.offset for record in await read(member, 1)] == [5]


async def test_tables_for_the_weeks_to_come_are_there(broker: Broker, restartable_postgres: servers.Postgres) -> None:
    async with _database(restartable_postgres) as connection:
        names = {row["name"] for row in await connection.fetch(janitor.THERE)}
        today = await connection.fetchval(janitor.TODAY)
    monday = today - timedelta(days=today.weekday())
    assert names == {f"record_{monday + timedelta(weeks=week):%Y%m%d}" for week in range(janitor.AHEAD)}


async def test_a_database_that_is_dropped_under_us_is_made_again(
    broker: Broker, restartable_postgres: servers.Postgres
) -> None:
    publisher = await broker.publisher([TOPIC])
    member = await broker.subscribe("group", [TOPIC], "first")
    admin = await asyncpg.connect(restartable_postgres.url)
    await admin.execute("drop database rollcall_broker with (force)")
    await admin.close()
    with pytest.raises(BrokerAwayError):
        await publisher.publish(Partition(TOPIC, 0), messages(1))
    with pytest.raises(BrokerAwayError):
        await member.poll(0.5, 10)
    with pytest.raises(BrokerAwayError):
        await broker.subscribe("group", [TOPIC], "first")
    await publisher.close()
    await member.close()
    await broker.ensure_topics({TOPIC: PARTITIONS})
    await publish(broker, TOPIC, messages(1))


async def test_a_member_that_does_not_poll_for_too_long_is_thrown_out(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "MAX_POLL", "1s")
    stuck = await broker.subscribe("group", [TOPIC], "stuck")
    monkeypatch.undo()
    await assigned(stuck, everywhere(TOPIC))
    async with joined(broker, "group", TOPIC, "other") as other:
        await assigned(other, everywhere(TOPIC))
    with pytest.raises(BrokerAwayError):
        await stuck.poll(0.5, 10)
    await stuck.close()


async def test_a_poll_brings_no_more_bytes_than_fit(broker: Broker) -> None:
    await publish(broker, TOPIC, [Message(KEYS[0], b"x" * 900_000, str(number)) for number in range(30)])
    total = 0
    async with joined(broker, "group", TOPIC) as member:
        while total < 30:
            polled = await member.poll(1, 1000)
            values = [record.value for records in polled.values() for record in records]
            assert sum(map(len, values)) <= subscription.POLL_BYTES + 900_000
            total += len(values)


async def test_no_partition_waits_behind_a_full_one(broker: Broker) -> None:
    await publish(broker, TOPIC, [message for key in KEYS for message in messages(50, key)])
    async with joined(broker, "group", TOPIC) as member:
        await until([member], lambda: member.assignment() == everywhere(TOPIC))
        for partition in everywhere(TOPIC):
            member.seek(partition, 0)
        first = [partition for _ in range(PARTITIONS) for partition in await member.poll(1, 10)]
    assert sorted(first) == sorted(everywhere(TOPIC))
