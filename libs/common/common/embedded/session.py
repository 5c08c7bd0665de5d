"""A connection to the broker's database whose loss is a BrokerAwayError, whatever PostgreSQL or the socket calls it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

import asyncpg

from common.broker import BrokerAwayError
from common.db import Transaction

ANSWER_SECONDS = 10.0
"""How long the broker may take for one answer."""
STOP_SECONDS = 2.0

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is starting, stopping, or an operator ended the session
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,  # wiped: `ensure_topics` makes the database again,
    asyncpg.UndefinedTableError,  # and this is it before the tables are there
)


@contextlib.contextmanager
def away_is_named() -> Generator[None, None, None]:
    """Turns the errors of a server that is gone, going, coming or full into BrokerAwayError."""
    try:
        yield
    except AWAY as error:
        raise BrokerAwayError(f"{type(error).__name__}: {error}") from error


class Session:
    """One connection, used by one statement at a time. After a BrokerAwayError it is of no more use."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self._busy = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, application: str, **settings: str) -> "Session":
        """Connects, or raises BrokerAwayError."""
        with away_is_named():
            connection = await asyncpg.connect(
                url,
                timeout=ANSWER_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings={"application_name": application, "timezone": "UTC", "jit": "off", **settings},
            )
        return cls(connection)

    async def fetch(self, statement: str, *values: Any) -> Sequence[asyncpg.Record]:
        """The rows of a statement, which is a transaction of its own."""
        async with self._busy:
            with self._away_is_named():
                return await self.connection.fetch(statement, *values)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction, None]:
        """A transaction of several statements."""
        async with self._busy:
            with self._away_is_named():
                async with self.connection.transaction():
                    yield self.connection

    @contextlib.contextmanager
    def _away_is_named(self) -> Generator[None, None, None]:
        """BrokerAwayError for what a lost, hung or full server causes; the connection is dropped then."""
        try:
            with away_is_named():
                yield
        except BrokerAwayError:
            self.connection.terminate()
            raise
        except asyncpg.InternalClientError as error:  # the server's farewell came while nothing was asked
            self.connection.terminate()
            raise BrokerAwayError(str(error)) from error
        except asyncpg.InterfaceError as error:
            if not self.connection.is_closed():
                raise
            raise BrokerAwayError(str(error)) from error

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Calls `tell` as soon as the connection is seen to be lost."""
        self.connection.add_termination_listener(lambda _: tell())

    async def listen(self, channel: str, tell: Callable[[str], None]) -> None:
        """Calls `tell` with the payload of every notification on `channel`."""

        def heard(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
            tell(str(payload))

        async with self._busy:
            with self._away_is_named():
                await self.connection.add_listener(channel, heard)

    async def close(self) -> None:
        """Closes in bounded time, whatever state the connection is in."""
        try:
            await asyncio.wait_for(self.connection.close(), STOP_SECONDS)
        except (*AWAY, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError):
            self.connection.terminate()
