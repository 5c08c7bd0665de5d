"""PostgreSQL: a pool, transactions at READ COMMITTED, retries of what the database asks to be retried.

All statements live in the services' `store` rooms and here. The edge (a route, a consumer, a worker) opens the
transaction; nobody below commits. With the transaction come the keys that its database's rows are sealed with
(`keyring`): who may read the one needs the other.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from common.sealed import Keyring

Transaction: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""A connection inside an open transaction."""

T = TypeVar("T")

RETRYABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What PostgreSQL raises when the same work, done again, is expected to succeed."""

ATTEMPTS = 8
CLOSE_SECONDS = 1.5
"""Less than `run` gives a service to close."""


class _Connection(asyncpg.Connection):
    """A connection that brings the keys of its database along. Tasks that share it take turns, statement by statement:
    asyncpg would refuse the second one.
    """

    keyring: Keyring | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = asyncio.Lock()

    async def execute(self, *args: Any, **kwargs: Any) -> str:
        async with self._turn:
            return await super().execute(*args, **kwargs)

    async def fetch(self, *args: Any, **kwargs: Any) -> list[Any]:
        async with self._turn:
            return await super().fetch(*args, **kwargs)

    async def fetchrow(self, *args: Any, **kwargs: Any) -> Any:
        async with self._turn:
            return await super().fetchrow(*args, **kwargs)

    async def fetchval(self, *args: Any, **kwargs: Any) -> Any:
        async with self._turn:
            return await super().fetchval(*args, **kwargs)


class Database:
    """A service's own database: a bounded pool of connections."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str) -> None:
        self._pool = pool
        self.url = url

    @classmethod
    async def open(
        cls, url: str, *, max_size: int = 10, application: str = "rollcall", keyring: Keyring | None = None
    ) -> "Database":
        """Connects; raises OSError or asyncpg.PostgresError when the server does not answer."""
        pool = await asyncpg.create_pool(
            url,
            connection_class=type("Connection", (_Connection,), {"keyring": keyring}),
            min_size=1,
            max_size=max_size,
            command_timeout=60,
            server_settings={"application_name": application, "timezone": "UTC", "jit": "off"},
            reset=_nothing_to_reset,
        )
        return cls(pool, url)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """One transaction on one connection; committed when the block ends well, rolled back otherwise."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Transaction]:
        """A connection without a transaction: single reads, session-level locks, which it leaves with the block."""
        async with self._pool.acquire() as connection:
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await connection.reset()

    async def in_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Runs `work` in a transaction of its own, again when it met a deadlock or a serialization failure."""
        for attempt in range(ATTEMPTS):
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except RETRYABLE:
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    async def answers(self, within: float = 2.0) -> bool:
        """Whether the server answers a query within some seconds."""
        try:
            async with asyncio.timeout(within), self._pool.acquire() as connection:
                return await connection.fetchval("select true")
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def close(self) -> None:
        """Closes the pool; connections that are busy for longer than CLOSE_SECONDS are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()


def keyring(tx: Transaction) -> Keyring:
    """The keys that the rows of the transaction's database are sealed with, for the `store` that reads them."""
    found: Keyring | None = getattr(tx, "keyring", None)
    if found is None:
        raise LookupError("this database was opened without keys")
    return found


async def _nothing_to_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A transaction leaves nothing behind in its session: resetting it would cost each one a round trip."""


def database_url(server_url: str, service: str) -> str:
    """The URL of a service's own database on a server: `rollcall_<service>`, dashes as underscores."""
    return urlunsplit(urlsplit(server_url)._replace(path="/rollcall_" + service.replace("-", "_")))


async def create_database_if_absent(server_url: str, service: str) -> str:
    """Makes the service's database when it is not there; returns its URL."""
    url = database_url(server_url, service)
    name = urlsplit(url).path.lstrip("/")
    admin = await asyncpg.connect(urlunsplit(urlsplit(server_url)._replace(path="/postgres")))
    try:
        if not await admin.fetchval("select 1 from pg_database where datname = $1", name):
            try:
                await admin.execute(f'create database "{name}"')
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                return url  # another service of the same name was faster
    finally:
        await admin.close()
    return url
