"""What is published arrives whole, untouched and in order, where Kafka would put it."""

import asyncio

from aiokafka.partitioner import DefaultPartitioner
from common.broker import Broker, Message, Partition
from common.partitioning import partition_of
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.broker.brokers import KEYS, PARTITIONS, by_key, joined, messages, publish, read


async def test_records_of_a_key_come_in_the_order_in_which_they_were_sent(
    broker: Broker, topic: str, group: str
) -> None:
    for start in range(0, 50, 10):
        await publish(broker, topic, [message for key in KEYS for message in messages(10, key, start)])
    async with joined(broker, group, topic) as member:
        values = by_key(await read(member, 50 * len(KEYS)))
    assert values == {key: [message.value for message in messages(50, key)] for key in KEYS}


async def test_a_key_goes_to_the_partition_that_every_kafka_client_would_choose(broker: Broker, topic: str) -> None:
    publisher = await broker.publisher([topic])
    chosen = {key: publisher.partition_for(topic, key) for key in KEYS}
    await publisher.close()
    assert chosen == {key: DefaultPartitioner()(key, range(PARTITIONS), range(PARTITIONS)) for key in KEYS}
    assert len(set(chosen.values())) == PARTITIONS


@given(key=st.binary(), partitions=st.integers(1, 100))
def test_the_partition_of_any_key_is_that_of_kafka(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == DefaultPartitioner()(key, range(partitions), range(partitions))


async def test_any_bytes_pass_through_untouched(broker: Broker, topic: str, group: str) -> None:
    poison = [bytes(range(256)), b"", b"\0", b"\xff\xfe{", b"null", "ünï".encode("utf-16")]
    sent = [Message(bytes([0, 255, number]), value, f"id-{number}") for number, value in enumerate(poison)]
    await publish(broker, topic, sent)
    async with joined(broker, group, topic) as member:
        records = await read(member, len(sent))
    assert {(record.key, record.value, record.id) for record in records} == {(m.key, m.value, m.id) for m in sent}


async def test_a_message_without_an_id_is_a_record_without_one(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, [Message(b"key", b"value", "")])
    async with joined(broker, group, topic) as member:
        (record,) = await read(member, 1)
    assert (record.key, record.value, record.id) == (b"key", b"value", "")


async def test_a_large_batch_arrives_whole_and_in_order(broker: Broker, topic: str, group: str) -> None:
    body = b"x" * 300
    sent = [Message(KEYS[0], body + b"%d" % number, str(number)) for number in range(20_000)]
    await publish(broker, topic, sent)
    async with joined(broker, group, topic) as member:
        records = await read(member, len(sent))
    assert [record.value for record in records] == [message.value for message in sent]
    assert [record.offset for record in records] == list(range(len(sent)))


async def test_a_message_of_nearly_a_megabyte_arrives_between_small_ones(
    broker: Broker, topic: str, group: str
) -> None:
    sent = [Message(KEYS[0], size * b"x", str(size)) for size in (10, 900_000, 20, 900_001, 30)]
    await publish(broker, topic, sent)
    async with joined(broker, group, topic) as member:
        records = await read(member, len(sent))
    assert [len(record.value) for record in records] == [len(message.value) for message in sent]


async def test_partitions_may_be_published_to_at_the_same_time(broker: Broker, topic: str, group: str) -> None:
    publisher = await broker.publisher([topic])
    batches = {number: messages(100, b"key %d" % number) for number in range(PARTITIONS)}
    await asyncio.gather(*(publisher.publish(Partition(topic, number), batch) for number, batch in batches.items()))
    await publisher.close()
    async with joined(broker, group, topic) as member:
        values = by_key(await read(member, 100 * PARTITIONS))
    assert values == {batch[0].key: [message.value for message in batch] for batch in batches.values()}


async def test_publishing_nothing_does_nothing(broker: Broker, topic: str, group: str) -> None:
    publisher = await broker.publisher([topic])
    await publisher.publish(Partition(topic, 0), [])
    await publisher.close()
    async with joined(broker, group, topic) as member:
        assert await member.read_one(Partition(topic, 0), 0) is None


async def test_a_reader_never_passes_over_a_record_of_a_slower_publisher(
    broker: Broker, topic: str, group: str
) -> None:
    """Offsets become readable in their order, also while several publishers write to one partition."""

    async def write(key: bytes) -> None:
        publisher = await broker.publisher([topic])
        for start in range(0, 300, 3):
            await publisher.publish(Partition(topic, 0), messages(3, key, start))
        await publisher.close()

    async with joined(broker, group, topic) as member, asyncio.TaskGroup() as writers:
        for key in KEYS[:3]:
            writers.create_task(write(key))
        records = await read(member, 900)
    assert [record.offset for record in records] == list(range(900))
    assert by_key(records) == {key: [message.value for message in messages(300, key)] for key in KEYS[:3]}


async def test_topics_that_are_there_stay_as_they_are(broker: Broker, topic: str, group: str) -> None:
    await publish(broker, topic, messages(3))
    await broker.ensure_topics({topic: 2 * PARTITIONS})
    publisher = await broker.publisher([topic])
    assert max(publisher.partition_for(topic, key) for key in KEYS) < PARTITIONS
    await publisher.close()
    async with joined(broker, group, topic) as member:
        assert len(await read(member, 3)) == 3
