"""casework's own database, migrated, and a way to hand it news."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from casework import consumer
from common.clock import Clock
from common.db import Database
from common.events import Data, absence_engine
from common.migrate import migrate

from tests.told import NOW, TODAY, records

Tell = Callable[..., Awaitable[None]]

CLOCK = Clock(fixed_today=TODAY, wall=lambda: NOW)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, "casework")
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def tell(database: Database) -> Tell:
    """Hands casework a batch of events, as its consumer would."""
    handle = consumer.handler(CLOCK)

    async def tell(*told: Data, topic: str = absence_engine.TOPIC) -> None:
        await database.in_transaction(lambda tx: handle(tx, records(told, topic)))

    return tell
