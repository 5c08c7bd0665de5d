"""A real Apache Kafka that is talked to encrypted, and by whom it knows: aiokafka on each of its listeners."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from common.broker import BrokerAwayError
from common.kafka import open_kafka
from common.kafka_access import KafkaAccess, Mechanism, Protocol

from tests import servers
from tests.contract.broker.brokers import joined, messages, publish, read

USER, PASSWORD = servers.SecuredKafka.USER, servers.SecuredKafka.PASSWORD


@pytest.fixture(scope="module")
def secured() -> Iterator[servers.SecuredKafka]:
    with servers.secured_kafka() as server:
        yield server


def access(secured: servers.SecuredKafka, protocol: Protocol, mechanism: Mechanism = "SCRAM-SHA-512") -> KafkaAccess:
    """What the listener of that name wants."""
    ca_file = secured.ca_file if "SSL" in protocol else None
    wanted = KafkaAccess(protocol=protocol, ca_file=ca_file, mechanism=mechanism)
    wanted = replace(wanted, user=USER, password=PASSWORD) if wanted.has_login else wanted
    assert wanted.problem() is None
    return wanted


def at(secured: servers.SecuredKafka, protocol: Protocol, host: str = "127.0.0.1") -> str:
    return f"{host}:{secured.ways[protocol]}"


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [
        ("PLAINTEXT", "PLAIN"), ("SSL", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-256"), ("SASL_SSL", "PLAIN"),
        ("SASL_SSL", "SCRAM-SHA-256"), ("SASL_SSL", "SCRAM-SHA-512"),
    ],
)  # fmt: skip
async def test_records_go_out_and_come_in_by_each_way(
    secured: servers.SecuredKafka, protocol: Protocol, mechanism: Mechanism
) -> None:
    topic = f"topic-{uuid.uuid4().hex}"
    broker = open_kafka(at(secured, protocol), access(secured, protocol, mechanism))
    await broker.ensure_topics({topic: 1})
    await publish(broker, topic, messages(5))
    async with joined(broker, f"group-{topic}", topic) as subscription:
        found = await read(subscription, 5)
        assert [record.id for record in found] == [message.id for message in messages(5)]
        assert await subscription.read_one(found[0].partition, 3) == found[3]
    await broker.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "another"},
        {"user": "another"},
        {"ca_file": None},
        {"protocol": "SSL"},
        {"protocol": "SASL_PLAINTEXT"},
    ],
    ids=["password", "user", "unknown signer", "no login", "not encrypted"],
)
async def test_who_is_not_let_in_or_does_not_trust_the_broker_finds_it_away(
    secured: servers.SecuredKafka, wrong: dict[str, object]
) -> None:
    broker = open_kafka(at(secured, "SASL_SSL"), replace(access(secured, "SASL_SSL"), **wrong))  # type: ignore[arg-type]
    with pytest.raises(BrokerAwayError):
        await broker.ensure_topics({"anything": 1})


async def test_a_broker_under_another_name_than_its_certificates_is_not_trusted(secured: servers.SecuredKafka) -> None:
    broker = open_kafka(at(secured, "SASL_SSL", "localhost"), access(secured, "SASL_SSL"))
    with pytest.raises(BrokerAwayError):
        await broker.ensure_topics({"anything": 1})
