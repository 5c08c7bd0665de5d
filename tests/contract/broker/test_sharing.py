"""Members of a group share the partitions, and what one leaves behind the others take over."""

import asyncio
import contextlib

from common.broker import Broker

from tests.contract.broker.brokers import (
    KEYS,
    Outsider,
    assigned,
    everywhere,
    joined,
    messages,
    publish,
    read,
    until,
)

SESSION_SECONDS = 10
"""How long Kafka waits for a sign of life before it gives a member up."""


async def test_two_members_share_the_partitions_evenly(broker: Broker, topic: str, group: str) -> None:
    async with joined(broker, group, topic, "first") as first, joined(broker, group, topic, "second") as second:
        await until([first, second], lambda: len(first.assignment()) == len(second.assignment()) == 3)
        assert first.assignment() | second.assignment() == everywhere(topic)


async def test_a_record_goes_to_the_member_that_has_its_partition(broker: Broker, topic: str, group: str) -> None:
    async with joined(broker, group, topic, "first") as first, joined(broker, group, topic, "second") as second:
        await until([first, second], lambda: len(first.assignment()) == len(second.assignment()) == 3)
        await publish(broker, topic, [message for key in KEYS for message in messages(5, key)])
        got: dict[str, list[str]] = {"first": [], "second": []}
        async with asyncio.timeout(60):
            while sum(map(len, got.values())) < 5 * len(KEYS):
                for name, member in (("first", first), ("second", second)):
                    for partition, records in (await member.poll(0.2, 1000)).items():
                        assert partition in member.assignment()
                        got[name] += [record.id for record in records]
    assert not set(got["first"]) & set(got["second"])
    assert all(got.values())


async def test_a_member_too_many_gets_nothing(broker: Broker, topic: str, group: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(joined(broker, group, topic, f"member-{number}")) for number in range(7)
        ]
        await until(members, lambda: sorted(len(member.assignment()) for member in members) == [0, 1, 1, 1, 1, 1, 1])


async def test_what_a_member_leaves_the_others_take_over(broker: Broker, topic: str, group: str) -> None:
    async with joined(broker, group, topic, "first") as first:
        async with joined(broker, group, topic, "second") as second:
            await until([first, second], lambda: len(first.assignment()) == len(second.assignment()) == 3)
        async with asyncio.timeout(SESSION_SECONDS - 2):  # it said so: nobody waits for its session to run out
            await assigned(first, everywhere(topic))


async def test_what_a_dead_member_had_the_others_take_over(
    broker: Broker, kind: str, address: str, topic: str, group: str
) -> None:
    async with joined(broker, group, topic, "first") as first:
        async with asyncio.TaskGroup() as tasks:
            starting = tasks.create_task(Outsider.start(kind, address, group, topic, "second"))
            await until([first], starting.done)
        outsider = starting.result()
        await until([first], lambda: len(first.assignment()) == 3)
        await outsider.kill()
        async with asyncio.timeout(3 * SESSION_SECONDS):
            await assigned(first, everywhere(topic))


async def test_a_dead_members_namesake_gets_what_it_had_and_reads_again_what_was_not_hinted(
    broker: Broker, kind: str, address: str, topic: str, group: str
) -> None:
    await publish(broker, topic, messages(10))
    outsider = await Outsider.start(kind, address, group, topic, "first")
    assert [await outsider.line() for _ in range(10)] == [message.id for message in messages(10)]
    await publish(broker, topic, messages(1, start=10))
    assert await outsider.line() == "100000-10"  # so the hint after the first ten has been given
    await outsider.kill()
    async with joined(broker, group, topic, "first") as member:
        async with asyncio.timeout(SESSION_SECONDS - 2):  # its name is its claim: nobody waits for a session to run out
            again = [record.id for record in await read(member, 1)]
        assert again[0] in {"100000-5", "100000-10"}
        assert again == [f"100000-{number}" for number in range(int(again[0].rpartition("-")[2]), 11)]


async def test_a_member_started_twice_is_one_member(broker: Broker, topic: str, group: str) -> None:
    """The newer one has the partitions: the older one is what a process left behind that nobody heard die."""
    older = await broker.subscribe(group, [topic], "first")
    await assigned(older, everywhere(topic))
    async with joined(broker, group, topic, "first") as newer:
        await assigned(newer, everywhere(topic))
    with contextlib.suppress(Exception):
        await older.close()


async def test_a_slow_member_is_not_thrown_out(broker: Broker, topic: str, group: str) -> None:
    """It is away for longer than a session lasts without a sign of life, three times, in the middle of its work."""
    async with joined(broker, group, topic, "slow") as slow, joined(broker, group, topic, "quick") as quick:
        await until([slow, quick], lambda: len(slow.assignment()) == len(quick.assignment()) == 3)
        its_own = slow.assignment()
        busy = asyncio.create_task(asyncio.sleep(SESSION_SECONDS + 3))
        await until([quick], busy.done)
        await slow.poll(0.1, 1000)
        assert slow.assignment() == its_own
        assert quick.assignment() == everywhere(topic) - its_own
