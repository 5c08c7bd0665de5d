"""What notifications listens to: crossings and merges from the absence engine."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from common.broker import Record
from common.clock import Clock
from common.db import Transaction
from common.dead_letters import hear_or_keep
from common.events import absence_engine

from notifications.actions import hear
from notifications.actions.follow import follow

GROUP = "notifications"
TOPICS = (absence_engine.TOPIC,)


def handler(clock: Clock, hold: timedelta) -> Callable[[Transaction, Sequence[Record]], Awaitable[None]]:
    """What the consumer does with each batch; records that make no sense are kept aside and hold nobody up."""

    async def handle(tx: Transaction, records: Sequence[Record]) -> None:
        told = await hear_or_keep(tx, records, hear.hear)
        await follow(tx, hear.sorted_out(told), clock, hold)

    return handle
