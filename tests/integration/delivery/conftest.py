"""What the tests of delivery share: a broker, a topic of their own, and the listening service."""

import uuid
from collections.abc import AsyncIterator

import pytest
from common.broker import Broker
from common.db import Database
from common.kafka import open_kafka

from tests.delivery import listening


@pytest.fixture
async def broker(kafka: str) -> AsyncIterator[Broker]:
    broker = open_kafka(kafka)
    yield broker
    await broker.close()


@pytest.fixture
def topic() -> str:
    return f"ledger-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with listening(database_url) as database:
        yield database
