"""What the absence engine listens to: the schools' ledgers."""

from collections.abc import Awaitable, Callable, Sequence

from common.broker import Record
from common.clock import Clock
from common.db import Transaction
from common.events.registers import TOPIC
from common.ledger import fresh_entries
from common.listen import notify

from absence_engine.actions.apply import apply_entries
from absence_engine.actions.holding import Policies

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
