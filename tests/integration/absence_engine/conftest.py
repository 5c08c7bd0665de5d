"""A migrated engine database for each test, copied from one that is made once."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from absence_engine.domain.policy import Policy
from common.db import Database
from common.migrate import migrate

from tests import servers
from tests.integration.absence_engine.ledgers import Engine
from tests.keys import KEYRING


@pytest.fixture(scope="session")
def engine_template(postgres_url: str) -> str:
    """The name of a migrated database to copy."""

    async def make() -> str:
        async with servers.fresh_database(postgres_url) as url:
            await migrate(url, "absence_engine")
            admin = await servers.asyncpg.connect(postgres_url)
            name = "template_absence_engine"
            await admin.execute(f'create database {name} template "{url.rsplit("/", 1)[1]}"')
            await admin.close()
            return name

    return asyncio.run(make())


@pytest.fixture
def shipped() -> Sequence[Policy] | None:
    """The versions of the policy that the engine has; None: all. A module of tests may have others."""
    return None


@pytest.fixture
async def engine(postgres_url: str, engine_template: str, shipped: Sequence[Policy] | None) -> AsyncIterator[Engine]:
    """An engine on an empty, migrated database."""
    async with servers.fresh_database(postgres_url, engine_template) as url:
        database = await Database.open(url, keyring=KEYRING)
        yield Engine(database, shipped=shipped)
        await database.close()


@pytest.fixture
async def other_engine(
    postgres_url: str, engine_template: str, shipped: Sequence[Policy] | None
) -> AsyncIterator[Engine]:
    """A second engine on a database of its own."""
    async with servers.fresh_database(postgres_url, engine_template) as url:
        database = await Database.open(url, keyring=KEYRING)
        yield Engine(database, shipped=shipped)
        await database.close()
