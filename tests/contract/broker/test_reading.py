"""Where a reader stands is its own business: it starts at the hint, and goes where it wants."""

import asyncio
import time

from common.broker import Broker, Partition, Subscription

from tests.contract.broker.brokers import KEYS, assigned, everywhere, joined, messages, polled, publish, read


async def _place(broker: Broker, topic: str) -> Partition:
    """The partition of the first key."""
    publisher = await broker.publisher([topic])
    await publisher.close()
    return Partition(topic, publisher.partition_for(topic, KEYS[0]))


async def test_a_new_group_starts_at_the_beginning(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, messages(10))
    async with joined(broker, group, topic) as member:
        assert [record.offset for record in await read(member, 10)] == list(range(10))


async def test_a_group_that_was_here_before_starts_at_its_hint(broker: Broker, topic: str, group: str) -> None:
    place = await _place(broker, topic)
    await publish(broker, topic, messages(10))
    async with joined(broker, group, topic) as member:
        await read(member, 10)
        await member.hint({place: 7})
    async with joined(broker, group, topic) as member:
        assert [record.offset for record in await read(member, 3)] == [7, 8, 9]


async def test_a_hint_is_not_needed(broker: Broker, topic: str, group: str) -> None:
    """A consumer that dies before it hinted reads everything again; it knows itself what it has done."""
    await publish(broker, topic, messages(10))
    for _ in range(2):
        async with joined(broker, group, topic) as member:
            assert len(await read(member, 10)) == 10


async def test_a_hint_for_a_partition_of_somebody_else_is_ignored(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, messages(3))
    async with joined(broker, group, topic) as member:
        await member.hint({Partition("elsewhere", 0): 5})
        assert len(await read(member, 3)) == 3


async def test_everything_can_be_replayed_from_the_start(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, [message for key in KEYS for message in messages(5, key)])
    async with joined(broker, group, topic) as member:
        once = await read(member, 5 * len(KEYS))
        for partition in member.assignment():
            member.seek(partition, 0)
        again = await read(member, 5 * len(KEYS))
    assert sorted(once, key=repr) == sorted(again, key=repr)


async def test_the_next_poll_reads_from_where_the_reader_went(broker: Broker, topic: str, group: str) -> None:
    place = await _place(broker, topic)
    await publish(broker, topic, messages(100))
    async with joined(broker, group, topic) as member:
        await read(member, 100)
        for offset in (40, 99, 3):
            member.seek(place, offset)
            assert (await read(member, 1))[0].offset == offset


async def test_going_somewhere_in_a_partition_of_somebody_else_does_nothing(
    broker: Broker, topic: str, group: str
) -> None:
    await publish(broker, topic, messages(3))
    async with joined(broker, group, topic) as member:
        member.seek(Partition("elsewhere", 0), 1)
        assert len(await read(member, 3)) == 3


async def test_a_place_beyond_the_end_means_the_beginning(broker: Broker, topic: str, group: str) -> None:
    """So it is with a broker that was wiped: what stands there now is read from its start."""
    place = await _place(broker, topic)
    await publish(broker, topic, messages(5))
    async with joined(broker, group, topic) as member:
        await read(member, 5)
        member.seek(place, 1000)
        assert [record.offset for record in await read(member, 5)] == [0, 1, 2, 3, 4]


async def test_a_poll_brings_no_more_than_was_asked_for(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, [message for key in KEYS for message in messages(10, key)])
    records = []
    async with joined(broker, group, topic) as member:
        while len(records) < 10 * len(KEYS):
            batch = [record for part in (await member.poll(1, 7)).values() for record in part]
            assert len(batch) <= 7
            records += batch
    assert len({(record.partition, record.offset) for record in records}) == 10 * len(KEYS)


async def test_a_poll_without_records_ends_in_time(broker: Broker, topic: str, group: str) -> None:
    async with joined(broker, group, topic) as member:
        await assigned(member, everywhere(topic))
        started = time.monotonic()
        assert not await member.poll(0.3, 100)
        assert time.monotonic() - started < 3


async def test_a_poll_that_waits_is_woken_by_a_record(broker: Broker, topic: str, group: str) -> None:
    async with joined(broker, group, topic) as member:
        await assigned(member, everywhere(topic))
        waiting = asyncio.create_task(member.poll(30, 100))
        started = time.monotonic()
        await publish(broker, topic, messages(1))
        assert await waiting
        assert time.monotonic() - started < 5


async def test_a_single_record_is_read_without_moving(broker: Broker, topic: str, group: str) -> None:
    place = await _place(broker, topic)
    await publish(broker, topic, messages(20))
    async with joined(broker, group, topic) as member:
        await read(member, 20)
        single = await member.read_one(place, 13)
        assert single is not None
        assert (single.offset, single.value, single.id) == (13, b"message 13", "100000-13")
        await publish(broker, topic, messages(1, start=20))
        assert [record.offset for record in await read(member, 1)] == [20]


async def test_a_record_that_is_not_there_is_none(broker: Broker, topic: str, group: str) -> None:
    place = await _place(broker, topic)
    await publish(broker, topic, messages(2))
    async with joined(broker, group, topic) as member:
        assert await member.read_one(place, 2) is None
        assert await member.read_one(place, 10_000) is None
        assert await member.read_one(place, 1) is not None


async def test_the_end_of_a_partition_is_known_once_it_was_read(broker: Broker, topic: str, group: str) -> None:
    place = await _place(broker, topic)
    await publish(broker, topic, messages(12))
    async with joined(broker, group, topic) as member:
        await read(member, 12)
        assert member.end(place) == 12


async def test_two_groups_each_get_everything(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, messages(10))

    async def offsets(member: Subscription) -> list[int]:
        return [record.offset for record in await read(member, 10)]

    async with joined(broker, group, topic) as one, joined(broker, f"{group}-other", topic) as other:
        assert await asyncio.gather(offsets(one), offsets(other)) == [list(range(10))] * 2


async def test_nothing_comes_twice_to_a_reader_that_reads_on(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, messages(10))
    async with joined(broker, group, topic) as member:
        await read(member, 10)
        assert await polled(member, 1.5) == []
