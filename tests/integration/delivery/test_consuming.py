"""The consumer on real servers: every record takes effect once, whatever happens to brokers, members and positions."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import pytest
from common.broker import Broker, Message, Partition, Record
from common.consume import Consumer, Handle, rewind
from common.db import Database, Transaction
from common.dead_letters import keep
from common.events import Event, encode
from common.ledger import not_followed
from common.relay import OutboxSource, Relay

from tests.delivery import entry, hear, heard, ledger, running, say, until, waiting

A, B = 100001, 100002
SCHOOLS = range(100001, 100013)
PARTITIONS = 3


@pytest.fixture
def group() -> str:
    return f"listeners-{uuid.uuid4().hex[:8]}"


Listener = Callable[..., Consumer]


@pytest.fixture
def listener(database: Database, broker: Broker, topic: str, group: str) -> Listener:
    """Makes a member of the test's group."""

    def make(member: str = "one", handle: Handle = hear, **options: Any) -> Consumer:
        return Consumer(
            database,
            broker,
            group=group,
            member=f"{group}-{member}",
            topics=[topic],
            handle=handle,
            name="test",
            partitions=PARTITIONS,
            **options,
        )

    return make


@pytest.fixture
def relay(database: Database, broker: Broker, topic: str) -> Relay:
    return Relay(database, broker, OutboxSource([topic]), name="test", partitions=PARTITIONS)


def all_heard(database: Database, last: int, urns: Sequence[int] = SCHOOLS) -> Callable[[], Any]:
    """Whether the effects of every entry up to `last` are there, for `until`."""

    async def check() -> bool:
        return all([(await heard(database, urn))[-1:] == [last] for urn in urns])

    return check


async def nothing_twice(database: Database, last: int, urns: Sequence[int] = SCHOOLS) -> None:
    """No gap, no duplicate, each ledger in its order."""
    for urn in urns:
        assert await heard(database, urn) == list(range(1, last + 1))


async def republish(database: Database, events: Sequence[Event], topic: str, relay: Relay) -> None:
    await say(database, events, topic)
    relay.wake()


async def test_all_entries_take_effect_once_and_in_order(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async with running(relay, listener()):
        for number in range(1, 6):
            await say(database, [entry(urn, number) for urn in SCHOOLS], topic)
        await until(all_heard(database, 5))
    await nothing_twice(database, 5)


async def test_what_is_sent_twice_takes_effect_once(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async with running(relay, listener()):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)] * 2, topic)
        await say(database, [entry(urn, 4) for urn in SCHOOLS], topic)
        await until(all_heard(database, 4))
    await nothing_twice(database, 4)


async def test_a_restarted_consumer_goes_on_where_it_was(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    seen: list[int] = []

    async def count(tx: Transaction, records: Sequence[Record]) -> None:
        seen.append(len(records))
        await hear(tx, records)

    async with running(relay):
        for last in (3, 6):
            await say(database, [event for urn in SCHOOLS for event in ledger(urn, last, first=last - 2)], topic)
            async with running(listener(handle=count)):
                await until(all_heard(database, last))
    assert sum(seen) == 6 * len(SCHOOLS)


async def test_a_failing_handler_ends_the_consumer_and_loses_nothing(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async def hear_and_fail(tx: Transaction, records: Sequence[Record]) -> None:
        await hear(tx, records)
        raise ArithmeticError

    async with running(relay):
        await say(database, ledger(A, 3), topic)
        with pytest.raises(ArithmeticError):
            await listener(handle=hear_and_fail).run(asyncio.Event())
        assert await heard(database, A) == []
        async with running(listener()):
            await until(all_heard(database, 3, [A]))
    await nothing_twice(database, 3, [A])


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_a_batch_that_met_a_deadlock_is_done_again(
    database: Database, relay: Relay, listener: Listener, topic: str, error: type[asyncpg.PostgresError]
) -> None:
    failures = iter([error(), error()])

    async def hear_in_a_crowd(tx: Transaction, records: Sequence[Record]) -> None:
        await hear(tx, records)
        if (failure := next(failures, None)) is not None:
            raise failure

    async with running(relay, listener(handle=hear_in_a_crowd)):
        await say(database, ledger(A, 3), topic)
        await until(all_heard(database, 3, [A]))
    await nothing_twice(database, 3, [A])


async def test_a_gap_parks_one_school_and_a_republished_ledger_heals_it(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async with running(relay, listener()):
        await say(database, [*ledger(A, 2), *ledger(A, 5, first=4), *ledger(B, 5)], topic)
        await until(all_heard(database, 5, [B]))

        async def parked() -> list[str]:
            async with database.transaction() as tx:
                return [school.reason for school in await not_followed(tx) if school.seen == 5]

        await until(parked)
        assert await parked() == ["entry 3 is missing"]
        assert await heard(database, A) == [1, 2]
        await republish(database, ledger(A, 5, first=3), topic, relay)
        await until(all_heard(database, 5, [A]))
        assert await parked() == []
    await nothing_twice(database, 5, [A, B])


async def test_a_position_that_was_set_back_is_noticed_by_an_idle_consumer(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async with running(relay, listener()):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], topic)
        await until(all_heard(database, 3))
        async with database.transaction() as tx:
            await rewind(tx, topic)
            await tx.execute("truncate heard, ledger_position")
        await until(all_heard(database, 3))
    await nothing_twice(database, 3)


async def test_a_database_restored_from_a_backup_is_brought_up_to_date(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    """The broker's own hint is ahead of the restored position: nothing between the two may be lost."""
    async with running(relay):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], topic)
        async with running(listener()):
            await until(all_heard(database, 3))
        async with database.transaction() as tx:
            await tx.execute("truncate heard, ledger_position, position")
        async with running(listener()):
            await until(all_heard(database, 3))
    await nothing_twice(database, 3)


async def test_another_log_is_read_from_its_beginning(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    """The record before the position is not the one that was applied: its id says that the broker is another one."""
    async with running(relay):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], topic)
        async with running(listener()):
            await until(all_heard(database, 3))
        async with database.transaction() as tx:
            await tx.execute("truncate heard, ledger_position")
            await tx.execute("update position set record_id = 'of another broker' where next_offset > 0")
        async with running(listener()):
            await until(all_heard(database, 3))
    await nothing_twice(database, 3)


async def test_a_poison_record_is_kept_and_the_line_goes_on(
    database: Database, broker: Broker, relay: Relay, listener: Listener, topic: str
) -> None:
    await broker.ensure_topics({topic: PARTITIONS})
    publisher = await broker.publisher([topic])
    try:
        partition = Partition(topic, publisher.partition_for(topic, str(A).encode()))
        await publisher.publish(partition, [Message(str(A).encode(), b"\xff junk", "id with \0")])
    finally:
        await publisher.close()
    async with running(relay, listener()):
        await say(database, [event for urn in SCHOOLS for event in ledger(urn, 3)], topic)
        await until(all_heard(database, 3))
    await nothing_twice(database, 3)
    async with database.connection() as connection:
        assert await connection.fetchval("select body from dead_letter") == b"\xff junk"


async def test_a_dead_letter_takes_effect_after_the_upgrade_that_can_read_it(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    async with running(relay):
        await say(database, [entry(A, 1), *ledger(B, 3)], topic)
        async with running(listener()):
            await until(all_heard(database, 1, [A]))
        async with database.transaction() as tx:
            place = await tx.fetchrow("select partition from position where topic = $1 and next_offset > 0", topic)
            assert place is not None
            unreadable = Record(Partition(topic, place["partition"]), 0, str(A).encode(), encode(entry(A, 2)), "")
            await keep(tx, [(unreadable, "unknown type")])
        async with running(listener()):
            await until(all_heard(database, 2, [A]))
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from dead_letter") == 0


async def test_a_lagging_consumer_takes_larger_batches_than_one_that_keeps_up(
    database: Database, relay: Relay, listener: Listener, topic: str
) -> None:
    sizes: list[int] = []

    async def measure(tx: Transaction, records: Sequence[Record]) -> None:
        sizes.append(len(records))
        await hear(tx, records)

    await say(database, [event for urn in SCHOOLS for event in ledger(urn, 100)], topic)
    async with running(relay):
        await until(lambda: _emptied(database))
        async with running(listener(handle=measure, smallest=10)):
            await until(all_heard(database, 100))
    assert sizes[0] <= 20
    assert max(sizes) >= 4 * sizes[0]


async def _emptied(database: Database) -> bool:
    return await waiting(database) == 0


async def test_a_commit_is_told(database: Database, relay: Relay, listener: Listener, topic: str) -> None:
    told = asyncio.Event()
    async with running(relay, listener(after_commit=told.set)):
        await say(database, ledger(A, 1), topic)
        await asyncio.wait_for(told.wait(), 30)
        assert await heard(database, A) == [1]
