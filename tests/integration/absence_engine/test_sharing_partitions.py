"""Engine processes that share the partitions, real ones on a real Kafka: a group that changes while it works leaves
what one engine would.
"""

import asyncio
import uuid
from collections.abc import Sequence
from random import Random

from common.broker import Message, Partition
from common.events import Event, encode
from common.kafka import open_kafka
from confluent_kafka.admin import AdminClient

from tests.bench.scale_out_bench import APPLIED, NEVER, Group
from tests.delivery import until
from tests.integration.absence_engine.ledgers import Engine
from tests.integration.absence_engine.test_deliveries import check_events, history, partition, state


async def publish(bootstrap: str, topic: str, entries: Sequence[Event]) -> None:
    """Publishes entries: each of the three schools has a partition, so that each of three members has work."""
    broker = open_kafka(bootstrap)
    await broker.ensure_topics({topic: 3})
    publisher = await broker.publisher([topic])
    for entry in entries:
        place = Partition(topic, entry.schoolurn % 3 if entry.schoolurn else 0)
        await publisher.publish(place, [Message(str(entry.schoolurn).encode(), encode(entry), entry.id)])
    await publisher.close()
    await broker.close()


async def applied(engine: Engine, count: int) -> None:
    """Returns once so many records have been applied."""

    async def are() -> bool:
        return (await engine.fetch(APPLIED))[0][0] >= count

    await until(are, seconds=120)


async def shared_by(bootstrap: str, group: str, members: int) -> None:
    """Returns once so many members have partitions of their own."""
    admin = AdminClient({"bootstrap.servers": bootstrap})

    async def is_shared() -> bool:
        (described,) = admin.describe_consumer_groups([group]).values()
        found = await asyncio.to_thread(described.result, 30)
        return sum(bool(one.assignment.topic_partitions) for one in found.members) == members

    await until(is_shared, seconds=60)


async def test_a_process_joins_another_is_killed_and_nothing_is_lost_or_doubled(
    engine: Engine, other_engine: Engine, kafka: str
) -> None:
    topic = f"ledger-{uuid.uuid4().hex[:12]}"
    chance = Random(41)
    ledgers = history(chance)
    for ledger in ledgers.values():
        await other_engine.take(ledger.entries)
    entries = partition(chance, list(ledgers.values()))
    third = len(entries) // 3
    group = Group(engine.database.url, kafka, f"group-{topic}", topic, NEVER, largest=4)
    try:
        group.start()
        group.start()
        await publish(kafka, topic, entries[:third])
        await applied(engine, 1)
        group.start()
        await publish(kafka, topic, entries[third : 2 * third])
        await shared_by(kafka, group.name, 3)
        await publish(kafka, topic, entries[2 * third :])
        await applied(engine, 2 * third + 1)
        group.kill()
        await applied(engine, len(entries))
    finally:
        group.end()
    assert await state(engine) == await state(other_engine)
    assert len(await engine.standing()) > 3
    await check_events(engine)
