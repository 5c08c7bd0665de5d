"""Records that retention took away: what is there is applied, and the reader does not wait for what is gone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import pytest
from common.broker import Broker, Record
from common.consume import Consumer
from common.db import Database, Transaction, database_url
from common.events import decode
from common.relay import OutboxSource, Relay
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.delivery import HEAR, heard, ledger, running, say, until, waiting

URN = 100001
DELETE = """
delete from record using partition p join topic t on t.id = p.topic_id
where record.partition_id = p.id and t.name = $1 and record."offset" < $2
"""

Forget = Callable[[str, int], Awaitable[None]]


@pytest.fixture
def forget(request: pytest.FixtureRequest, broker: Broker) -> Forget:
    """Takes the records before an offset away from a topic of one partition."""

    async def of_kafka(topic: str, before: int) -> None:
        admin = AdminClient({"bootstrap.servers": request.getfixturevalue("kafka")})
        deleted = admin.delete_records([TopicPartition(topic, 0, before)])
        await asyncio.to_thread(lambda: [future.result(10) for future in deleted.values()])

    async def of_postgres(topic: str, before: int) -> None:
        connection = await asyncpg.connect(database_url(request.getfixturevalue("postgres_url"), "broker"))
        try:
            await connection.execute(DELETE, topic, before)
        finally:
            await connection.close()

    return of_kafka if "kafka" in request.node.callspec.id else of_postgres


async def hear_all(tx: Transaction, records: Sequence[Record]) -> None:
    """A handler that follows no ledger: every record has its effect."""
    events = [decode(record.value) for record in records]
    await tx.execute(HEAR, [event.schoolurn for event in events], [event.sequence for event in events])


async def test_records_that_are_gone_are_passed_over(
    database: Database, broker: Broker, topic: str, forget: Forget
) -> None:
    relay = Relay(database, broker, OutboxSource([topic]), name="test", partitions=1)

    def listener() -> Consumer:
        return Consumer(
            database, broker, group=topic, member=topic, topics=[topic], handle=hear_all, name="test", partitions=1
        )

    async def emptied() -> bool:
        return await waiting(database) == 0

    async def heard_to(number: int) -> bool:
        return (await heard(database, URN))[-1:] == [number]

    async with running(relay):
        await say(database, ledger(URN, 4), topic)
        await until(emptied)
        await forget(topic, 2)
        async with running(listener()):
            await until(lambda: heard_to(4))
        await say(database, ledger(URN, 8, first=5), topic)
        await until(emptied)
        await forget(topic, 6)
        async with running(listener()):
            await until(lambda: heard_to(8))
    assert await heard(database, URN) == [3, 4, 7, 8]
