"""What the absence engine listens to: the schools' ledgers."""

from collections.abc import Awaitable, Callable, Sequence

from common.broker import Record
from common.clock import Clock
from common.consume import Pile
from common.db import Transaction
from common.events.registers import TOPIC
from common.ledger import Reading, fresh_entries
from common.listen import notify

from absence_engine.actions.apply import apply_batch, apply_entries, quiet
from absence_engine.actions.batch import Batch
from absence_engine.actions.holding import Policies
from absence_engine.store import progress

GROUP = "absence-engine"
TOPICS = (TOPIC,)
CHANNEL = "counted"
"""Told at every commit: somebody may be waiting for an entry to be counted (`at_least`)."""


def handler(clock: Clock, policies: Policies) -> Callable[[Transaction, Sequence[Record]], Awaitable[None]]:
    """What the consumer does with the records of a poll."""

    async def handle(tx: Transaction, records: Sequence[Record]) -> None:
        await apply_entries(tx, await fresh_entries(tx, records), clock, policies)
        await notify(tx, CHANNEL)

    return handle


class LedgerPile:
    """What the consumer puts together when it lags far behind, in a replay above all (`common.consume.Pile`)."""

    def __init__(self, clock: Clock, policies: Policies) -> None:
        self._clock, self._policies = clock, policies
        self._reading, self._batch = Reading(), Batch()

    @property
    def is_full(self) -> bool:
        """See `Pile`."""
        return self._batch.is_full or self._reading.is_full

    async def take(self, connection: Transaction, records: Sequence[Record]) -> None:
        """See `Pile`."""
        self._reading.take(records)
        if unknown := await self._reading.ask(connection):
            self._batch.know(unknown, await progress.states(connection, unknown))
        self._batch.add(self._reading.judge())

    async def apply(self, tx: Transaction, beat: Callable[[], None] = quiet) -> None:
        """See `Pile`."""
        await self._reading.check(tx)
        await self._reading.save(tx)
        await apply_batch(tx, self._batch, self._clock, self._policies, beat)
        await notify(tx, CHANNEL)


def pile(clock: Clock, policies: Policies) -> Callable[[], Pile]:
    """What makes a new one."""
    return lambda: LedgerPile(clock, policies)
