"""The relay on real servers: everything leaves, in order, and what goes wrong costs repetitions at most."""

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg
import pytest
from common import outbox
from common.broker import Broker, BrokerAwayError, Message, Partition, Publisher, Subscription
from common.db import Database, Transaction
from common.events import decode
from common.relay import OutboxSource, Relay

from tests.delivery import entry, ledger, published, running, say, until, waiting

SCHOOLS = range(100001, 100013)
PARTITIONS = 3


def relay(database: Database, broker: Broker, topic: str) -> Relay:
    return Relay(database, broker, OutboxSource([topic]), name="test", partitions=PARTITIONS)


async def emptied(database: Database) -> bool:
    return await waiting(database) == 0


async def numbers(broker: Broker, topic: str) -> dict[int, list[int | None]]:
    """The entries that were published, by school, in the order of their offsets."""
    found: dict[int, list[int | None]] = {}
    for records in (await published(broker, topic, PARTITIONS)).values():
        for record in records:
            event = decode(record.value)
            assert (record.id, record.key) == (event.id, event.subject.encode())
            found.setdefault(int(event.subject), []).append(event.sequence)
    return found


async def test_all_rows_leave_in_each_keys_order(database: Database, broker: Broker, topic: str) -> None:
    for number in range(1, 6):
        await say(database, [entry(urn, number) for urn in SCHOOLS], topic)
    async with running(relay(database, broker, topic)):
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {urn: [1, 2, 3, 4, 5] for urn in SCHOOLS}


async def test_a_commit_wakes_the_relay(database: Database, broker: Broker, topic: str) -> None:
    sender = relay(database, broker, topic)
    async with running(sender):
        for number in range(1, 4):
            await say(database, [entry(SCHOOLS[0], number)], topic)
            sender.wake()
            await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {SCHOOLS[0]: [1, 2, 3]}


async def test_a_row_that_commits_late_is_not_lost(database: Database, broker: Broker, topic: str) -> None:
    """Its id is lower than those that were published long ago: a cursor would have passed it."""
    late, punctual = SCHOOLS[:2]
    async with running(relay(database, broker, topic)):
        async with database.transaction() as tx:
            await outbox.add(tx, [entry(late, 1)], topic)
            await say(database, ledger(punctual, 3), topic)
            await until(lambda: emptied(database))
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {late: [1], punctual: [1, 2, 3]}


class InterruptedSource(OutboxSource):
    """An outbox whose relay dies after the broker has acknowledged, before the rows are deleted."""

    async def done(self, connection: Transaction, ids: Sequence[int]) -> None:
        raise InterruptedError


async def test_a_crash_between_acknowledgement_and_deletion_sends_again(
    database: Database, broker: Broker, topic: str
) -> None:
    await say(database, ledger(SCHOOLS[0], 3), topic)
    dying = Relay(database, broker, InterruptedSource([topic]), name="test", partitions=PARTITIONS)
    with pytest.raises(InterruptedError):
        await dying.run(asyncio.Event())
    assert await waiting(database) == 3
    async with running(relay(database, broker, topic)):
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {SCHOOLS[0]: [1, 2, 3, 1, 2, 3]}


class ForgetfulBroker:
    """A broker on a line that breaks: its first publisher loses acknowledgements of batches that arrived."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._fails = True

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        await self._broker.ensure_topics(topics)

    async def publisher(self, topics: Sequence[str]) -> Publisher:
        publisher = await self._broker.publisher(topics)
        fails, self._fails = self._fails, False
        return ForgetfulPublisher(publisher) if fails else publisher

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        return await self._broker.subscribe(group, topics, member)

    async def close(self) -> None:
        await self._broker.close()


class ForgetfulPublisher:
    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def partition_for(self, topic: str, key: bytes) -> int:
        return self._publisher.partition_for(topic, key)

    async def publish(self, partition: Partition, messages: Sequence[Message]) -> None:
        await self._publisher.publish(partition, messages)
        if partition.number:
            raise BrokerAwayError("the acknowledgement was lost")

    async def close(self) -> None:
        await self._publisher.close()


async def test_a_lost_acknowledgement_sends_its_partitions_again_and_no_others(
    database: Database, broker: Broker, topic: str
) -> None:
    for number in range(1, 4):
        await say(database, [entry(urn, number) for urn in SCHOOLS], topic)
    async with running(relay(database, ForgetfulBroker(broker), topic)):
        await until(lambda: emptied(database))
    for partition, records in (await published(broker, topic, PARTITIONS)).items():
        sent = [decode(record.value).id for record in records]
        once = list(dict.fromkeys(sent))
        assert sent == (once + once if partition else once)
    assert {tuple(dict.fromkeys(sent)) for sent in (await numbers(broker, topic)).values()} == {(1, 2, 3)}


async def test_a_replica_takes_over_when_the_leaders_connection_dies(
    database: Database, broker: Broker, topic: str
) -> None:
    leader = asyncio.create_task(relay(database, broker, topic).run(asyncio.Event()))
    await say(database, ledger(SCHOOLS[0], 3), topic)
    await until(lambda: emptied(database))
    async with running(relay(database, broker, topic)):
        async with database.connection() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                " and database = (select oid from pg_database where datname = current_database())"
            )
        await say(database, ledger(SCHOOLS[0], 6, first=4), topic)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await leader
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {SCHOOLS[0]: [1, 2, 3, 4, 5, 6]}


async def test_only_one_of_two_relays_works(database: Database, broker: Broker, topic: str) -> None:
    async with running(*(relay(database, broker, topic) for _ in range(3))):
        for number in range(1, 20):
            await say(database, [entry(urn, number) for urn in SCHOOLS], topic)
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {urn: list(range(1, 20)) for urn in SCHOOLS}


async def test_a_backlog_leaves_in_large_batches(database: Database, broker: Broker, topic: str) -> None:
    await say(database, [event for urn in SCHOOLS for event in ledger(urn, 400)], topic)
    async with running(relay(database, broker, topic)):
        await until(lambda: emptied(database))
    assert await numbers(broker, topic) == {urn: list(range(1, 401)) for urn in SCHOOLS}
