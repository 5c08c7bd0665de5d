# pyright: basic
# aiokafka carries few types; strict mode would report every line that touches it.
"""A way to a Kafka: makes topics, publishers and subscriptions."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from common.broker import Broker, BrokerAwayError, Publisher, Subscription
from common.kafka.client import ANSWER_SECONDS, Client
from common.kafka.publisher import KafkaPublisher
from common.kafka.subscription import KafkaSubscription
from common.kafka_access import PLAINTEXT, KafkaAccess


def open_kafka(bootstrap: str, access: KafkaAccess = PLAINTEXT) -> Broker:
    """The Kafka at `bootstrap` (host:port, several with commas). Connects when it is first used.

    OSError when the certificates that it is to be known by can't be read.
    """
    return KafkaBroker({"bootstrap_servers": bootstrap, **access.options()})


class KafkaBroker:
    """See `common.broker.Broker`."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        """`connection`: where it is and how it is talked to, in the words of aiokafka."""
        self._connection = connection

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """See `Broker`. Topics get the broker's default replication. Returns when each partition has a leader."""
        if not topics:
            return
        admin = AIOKafkaAdminClient(**self._connection, request_timeout_ms=int(ANSWER_SECONDS * 1000))
        client = Client(admin, admin._client, admin.close)
        try:
            await client.ask(admin.start())
            there = set(await client.ask(admin.list_topics()))
            # Minus one asks for the broker's default; aiokafka lets it pass only beside an assignment, be it empty.
            absent = [NewTopic(name, count, -1, {}) for name, count in topics.items() if name not in there]
            if absent:
                _check_made(client, await client.ask(admin.create_topics(absent)))
            await _wait_for_leaders(client, list(topics))
        finally:
            await client.close()

    async def publisher(self, topics: Sequence[str]) -> Publisher:
        """See `Broker`."""
        return await KafkaPublisher.open(self._connection, topics)

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """See `Broker`."""
        return await KafkaSubscription.open(self._connection, group, topics, member)

    async def close(self) -> None:
        """See `Broker`. Nothing is held open between calls."""


def _check_made(client: Client[AIOKafkaAdminClient], response: Any) -> None:
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise client.judge(error(name))


async def _wait_for_leaders(client: Client[AIOKafkaAdminClient], topics: list[str]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not all(map(_is_led, described := await client.ask(client.inner.describe_topics(topics)))):
        if time.monotonic() > deadline:
            raise BrokerAwayError(f"partitions have no leader: {described}")
        await asyncio.sleep(0.02)


def _is_led(topic: Mapping[str, Any]) -> bool:
    return bool(topic["partitions"]) and all(part["leader"] >= 0 for part in topic["partitions"])
