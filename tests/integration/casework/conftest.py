"""casework's own database, migrated, and a way to hand it news."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from casework import consumer
from common.clock import Clock
from common.db import Database
from common.events import Data, absence_engine

from tests import servers
from tests.doors import migrated
from tests.keys import KEYRING
from tests.told import NOW, TODAY, records

Tell = Callable[..., Awaitable[None]]

CLOCK = Clock(fixed_today=TODAY, wall=lambda: NOW)


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    return migrated(postgres_url, "casework")


@pytest.fixture
async def database(postgres_url: str, template: str) -> AsyncIterator[Database]:
    async with servers.fresh_database(postgres_url, template) as url:
        opened = await Database.open(url, keyring=KEYRING)
        yield opened
        await opened.close()


@pytest.fixture
def tell(database: Database) -> Tell:
    """Hands casework a batch of events, as its consumer would."""
    handle = consumer.handler(CLOCK)

    async def tell(*told: Data, topic: str = absence_engine.TOPIC) -> None:
        await database.in_transaction(lambda tx: handle(tx, records(told, topic)))

    return tell
