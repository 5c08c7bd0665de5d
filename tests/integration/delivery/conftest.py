"""What the tests of delivery share: a broker, a topic of their own, and the listening service."""

import uuid
from collections.abc import AsyncIterator

import pytest
from common.broker import Broker
from common.db import Database
from common.embedded import open_embedded
from common.kafka import open_kafka

from tests.delivery import listening


@pytest.fixture(params=["kafka", "embedded"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """Each of the two implementations in turn."""
    if request.param == "kafka":
        broker = open_kafka(request.getfixturevalue("kafka"))
    else:
        broker = open_embedded(request.getfixturevalue("postgres_url"))
    yield broker
    await broker.close()


@pytest.fixture
def topic() -> str:
    return f"ledger-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with listening(database_url) as database:
        yield database
