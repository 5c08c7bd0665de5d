"""Agreeing with clients: what is put holds at once in this process, and within moments everywhere."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime

from common.access.directory import Directory
from common.clock import Clock
from common.db import Database, Transaction
from common.errors import NotFoundError
from common.preconditions import Precondition

from registers.domain.consumers import Consumer
from registers.store import consumers as store

UNKNOWN = "Nothing was ever agreed with this client."


class Consumers:
    """`directory`: what this process judges requests by. `wake` is called when there is something to be relayed."""

    def __init__(self, database: Database, clock: Clock, directory: Directory, wake: Callable[[], None]) -> None:
        self._database, self._clock = database, clock
        self._directory, self._wake = directory, wake

    async def put(self, consumer: Consumer, only: Precondition) -> Consumer:
        """Makes this what is agreed with a client; an agreement that was ended is in force again. StaleError unless
        `only` holds of the present one.
        """

        async def work(tx: Transaction) -> Consumer:
            known = await _locked(tx, consumer.client_id)
            only.check(None if known is None else known.state)
            return known if known is not None and known == consumer else await self._change(tx, consumer)

        return await self._changed(work)

    async def revoke(self, client_id: str, only: Precondition) -> Consumer:
        """Ends an agreement: it opens nothing from now on, and stays to be read. NotFoundError; StaleError as `put`."""

        async def work(tx: Transaction) -> Consumer:
            known = await _locked(tx, client_id)
            if known is None:
                raise NotFoundError(UNKNOWN)
            only.check(known.state)
            if known.revoked_at is not None:
                return known
            return await self._change(tx, replace(known, revoked_at=self._clock.now()))

        return await self._changed(work)

    async def look(self, client_id: str) -> Consumer:
        """What is agreed with a client; NotFoundError."""
        async with self._database.transaction() as tx:
            known = await store.read(tx, client_id)
        if known is None:
            raise NotFoundError(UNKNOWN)
        return known

    async def page(self, after: str, limit: int) -> list[Consumer]:
        """Agreements by client, from the one after `after` on."""
        async with self._database.transaction() as tx:
            return await store.page(tx, after, limit)

    async def _change(self, tx: Transaction, consumer: Consumer) -> Consumer:
        await store.put(tx, consumer)
        (told,) = await store.resolve(tx, [consumer.client_id])
        await store.announce(tx, [told], self._clock.now())
        return told

    async def _changed(self, work: Callable[[Transaction], Awaitable[Consumer]]) -> Consumer:
        changed = await self._database.in_transaction(work)
        await self._directory.refresh()
        self._wake()
        return changed


async def _locked(tx: Transaction, client_id: str) -> Consumer | None:
    await store.lock(tx)
    return await store.read(tx, client_id)


async def follow_school(tx: Transaction, las: Collection[str], now: datetime) -> bool:
    """Tells what agreements about these authorities come to, one of whose schools is new, or theirs no longer; whether
    there are any.
    """
    await store.lock(tx)
    moved = await store.resolve(tx, (), las)
    await store.announce(tx, moved, now)
    return bool(moved)
