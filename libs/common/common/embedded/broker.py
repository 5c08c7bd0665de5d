"""The embedded broker: makes its database, its topics, publishers and subscriptions, and keeps its house in order."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import asyncpg
import structlog

from common.broker import Broker, BrokerAwayError, Publisher, Subscription
from common.db import create_database_if_absent, database_url
from common.embedded import janitor, schema, store
from common.embedded.publisher import EmbeddedPublisher
from common.embedded.session import Session, away_is_named
from common.embedded.subscription import EmbeddedSubscription

log = structlog.get_logger()

DATABASE = "broker"
SWEEP_SECONDS = 3600.0


def open_embedded(server_url: str) -> Broker:
    """The broker on the PostgreSQL server at `server_url`, in the database `rollcall_broker`.

    Connects when it is first used; `ensure_topics` makes the database when it is absent, also after it was wiped.
    """
    return EmbeddedBroker(server_url)


class EmbeddedBroker:
    """See `common.broker.Broker`."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._url = database_url(server_url, DATABASE)
        self._sweeping: asyncio.Task[None] | None = None

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """See `Broker`. Brings the tables up to date on the way, and starts the hourly sweep."""
        with away_is_named():
            await create_database_if_absent(self._server_url, DATABASE)
        session = await Session.open(self._url, "rollcall broker")
        try:
            async with session.transaction() as tx:
                await schema.bring_up_to_date(tx)
                await store.make_topics(tx, topics)
            async with session.transaction() as tx:
                await janitor.sweep(tx)
        finally:
            await session.close()
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep_once()
            except (BrokerAwayError, asyncpg.PostgresError) as error:
                log.warning("broker not swept", error=str(error))  # the next hour will do as well

    async def _sweep_once(self) -> None:
        session = await Session.open(self._url, "rollcall broker janitor")
        try:
            async with session.transaction() as tx:
                dropped = await janitor.sweep(tx)
            if dropped:
                log.info("old records dropped", partitions=dropped)
        finally:
            await session.close()

    async def publisher(self, topics: Sequence[str]) -> Publisher:
        """See `Broker`."""
        return await EmbeddedPublisher.open(self._url, topics)

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """See `Broker`."""
        return await EmbeddedSubscription.open(self._url, group, topics, member)

    async def close(self) -> None:
        """See `Broker`."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
