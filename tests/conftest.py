"""Fixtures that every test may ask for: the real servers of `tests/servers.py`, one of each per session.

A test that stops or wipes a server takes a restartable one, which is its own.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import servers

LONGEST = [
    "test_keycloak.py", "test_fuzz.py", "test_faults.py", "test_any_delivery.py", "test_any_sequence.py",
    "test_merge_and_split.py", "test_demo.py", "test_broker_away.py", "test_large_changes.py",
]  # fmt: skip
"""The files that take more than half a minute are begun first, so that none is left over for one worker alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of the session's PostgreSQL server."""
    with servers.postgres() as server:
        yield server.url


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """The URL of an empty database of this test's own."""
    async with servers.fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of the session's Apache Kafka."""
    with servers.kafka() as server:
        yield server.bootstrap


@pytest.fixture
def restartable_postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL server of this test's own: `stop`, `kill`, `start` on the same data, `wipe`."""
    with servers.postgres() as server:
        yield server


@pytest.fixture
def restartable_kafka() -> Iterator[servers.Kafka]:
    """An Apache Kafka of this test's own: `stop`, `kill`, `start` on the same data, `wipe`."""
    with servers.kafka() as server:
        yield server
