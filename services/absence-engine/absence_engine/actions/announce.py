"""Says what happened to episodes."""

from collections.abc import Sequence

from common import outbox
from common.clock import Clock
from common.db import Transaction
from common.events.absence_engine import TOPIC

from absence_engine.domain import events
from absence_engine.domain.events import Told
from absence_engine.store import schools


async def episodes(tx: Transaction, told: Sequence[Told], clock: Clock) -> None:
    """Announces the present state of each of these episodes."""
    if told:
        calendars = await schools.calendars(tx, {one.episode.school_urn for one in told})
        await outbox.add(tx, events.states(told, calendars, clock.today(), clock.now()), TOPIC)
