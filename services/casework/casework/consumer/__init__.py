"""What casework listens to: crossings and merges from the absence engine, letters from notifications."""

from collections.abc import Awaitable, Callable, Sequence

from common.broker import Record
from common.clock import Clock
from common.db import Transaction
from common.dead_letters import keep
from common.events import UnreadableEventError, absence_engine, decode, notifications

from casework.actions import hear
from casework.actions.follow import follow

GROUP = "casework"
TOPICS = (absence_engine.TOPIC, notifications.TOPIC)


def handler(clock: Clock) -> Callable[[Transaction, Sequence[Record]], Awaitable[None]]:
    """What the consumer does with each batch; records that make no sense are kept aside and hold nobody up."""

    async def handle(tx: Transaction, records: Sequence[Record]) -> None:
        told: list[hear.Told] = []
        unreadable: list[tuple[Record, str]] = []
        for record in records:
            try:
                one = hear.hear(decode(record.value))
            except UnreadableEventError as error:
                unreadable.append((record, str(error)))
            else:
                told += [one] if one is not None else []
        await keep(tx, unreadable)
        await follow(tx, hear.sorted_out(told), clock)

    return handle
