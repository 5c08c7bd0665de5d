"""What notifications listens to: crossings and merges from the absence engine."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from common.broker import Record
from common.clock import Clock
from common.db import Transaction
from common.dead_letters import keep
from common.events import UnreadableEventError, absence_engine, decode

from notifications.actions import hear
from notifications.actions.follow import follow
from notifications.domain.values import ExplainedEpisode

GROUP = "notifications"
TOPICS = (absence_engine.TOPIC,)


def handler(clock: Clock, hold: timedelta) -> Callable[[Transaction, Sequence[Record]], Awaitable[None]]:
    """What the consumer does with each batch; records that make no sense are kept aside and hold nobody up."""

    async def handle(tx: Transaction, records: Sequence[Record]) -> None:
        told: list[hear.Merge | hear.Split | ExplainedEpisode] = []
        unreadable: list[tuple[Record, str]] = []
        for record in records:
            try:
                one = hear.hear(decode(record.value))
            except UnreadableEventError as error:
                unreadable.append((record, str(error)))
            else:
                told += [one] if one is not None else []
        await keep(tx, unreadable)
        await follow(tx, hear.sorted_out(told), clock, hold)

    return handle
