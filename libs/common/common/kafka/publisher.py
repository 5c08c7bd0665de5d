# pyright: basic
# aiokafka carries few types; strict mode would report every line that touches it.
"""Sending to Kafka.

Batches are built by hand, and the next is sent when the last is acknowledged: order survives retries without the
idempotent producer, which would go on beyond every timeout.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from common.broker import Message, Partition
from common.kafka.client import ANSWER_SECONDS, Client
from common.kafka.records import header
from common.partitioning import partition_of

BATCH_BYTES = 500_000
"""Half of what a broker takes by default; a single larger message is a batch of its own."""


class KafkaPublisher:
    """See `common.broker.Publisher`. Different partitions may be published to at the same time."""

    def __init__(self, client: Client[AIOKafkaProducer], partitions: Mapping[str, int]) -> None:
        self._client = client
        self._partitions = partitions

    @classmethod
    async def open(cls, connection: Mapping[str, Any], topics: Sequence[str]) -> "KafkaPublisher":
        """Connects; BrokerAwayError as well when a topic is not there (yet)."""
        producer = AIOKafkaProducer(
            **connection,
            acks="all",
            enable_idempotence=False,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(ANSWER_SECONDS * 1000),
        )
        client = Client(producer, producer.client, producer.stop)
        try:
            await client.ask(producer.start())
            await client.check_topics(topics)
            partitions = {topic: len(await client.ask(producer.partitions_for(topic))) for topic in topics}
        except BaseException:
            await client.close()
            raise
        return cls(client, partitions)

    def partition_for(self, topic: str, key: bytes) -> int:
        """See `Publisher`."""
        return partition_of(key, self._partitions[topic])

    async def publish(self, partition: Partition, messages: Sequence[Message]) -> None:
        """See `Publisher`."""
        for batch in self._batches(messages):
            await self._client.ask(self._send(batch, partition))

    async def _send(self, batch: Any, partition: Partition) -> None:
        acknowledged = await self._client.inner.send_batch(batch, partition.topic, partition=partition.number)
        await acknowledged

    def _batches(self, messages: Sequence[Message]) -> Iterator[Any]:
        batch = self._client.inner.create_batch()
        for message in messages:
            record = {"timestamp": None, "key": message.key, "value": message.value, "headers": header(message.id)}
            if batch.append(**record) is None:
                yield batch
                batch = self._client.inner.create_batch()
                batch.append(**record)
        if batch.record_count():
            yield batch

    async def close(self) -> None:
        """See `Publisher`."""
        await self._client.close()
