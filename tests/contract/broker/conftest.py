"""The suite's two subjects, the embedded broker and a real Apache Kafka: every test of this folder meets both."""

import uuid
from collections.abc import AsyncIterator

import pytest
from common.broker import Broker

from tests import servers
from tests.contract.broker.brokers import OPEN, PARTITIONS


@pytest.fixture(params=sorted(OPEN))
def kind(request: pytest.FixtureRequest) -> str:
    """`embedded` or `kafka`."""
    return str(request.param)


@pytest.fixture
def address(kind: str, request: pytest.FixtureRequest) -> str:
    """Where the session's server of that kind is."""
    return str(request.getfixturevalue({"embedded": "postgres_url", "kafka": "kafka"}[kind]))


@pytest.fixture
async def broker(kind: str, address: str) -> AsyncIterator[Broker]:
    """A broker on the session's server."""
    broker = OPEN[kind](address)
    yield broker
    await broker.close()


@pytest.fixture
def group() -> str:
    """A name for a group of this test's own."""
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def topic(broker: Broker) -> str:
    """An empty topic of this test's own."""
    name = f"topic-{uuid.uuid4().hex[:12]}"
    await broker.ensure_topics({name: PARTITIONS})
    return name


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> servers.Postgres | servers.Kafka:
    """A server of this test's own, to be stopped, killed and wiped."""
    server = request.getfixturevalue({"embedded": "restartable_postgres", "kafka": "restartable_kafka"}[kind])
    assert isinstance(server, servers.Postgres | servers.Kafka)
    return server


@pytest.fixture
async def fragile(kind: str, server: servers.Postgres | servers.Kafka) -> AsyncIterator[Broker]:
    """A broker on that server."""
    broker = OPEN[kind](server.url if isinstance(server, servers.Postgres) else server.bootstrap)
    yield broker
    await broker.close()
