"""Saying the current state of every episode and alias again, with the revisions that they have: `rollcall republish`.

Harmless at any time: readers know the revision. The running relay sends it.
"""

from common import outbox
from common.clock import Clock
from common.db import Transaction
from common.events.absence_engine import TOPIC

from absence_engine.domain import events
from absence_engine.store import children, episodes, schools

PAGE = 500


async def republish(
    tx: Transaction, *, school: int | None = None, from_number: int | None = None, clock: Clock | None = None
) -> int:
    """Puts every episode (of one school, if given), and without a school every alias, into the outbox; how many.

    `from_number` is for ledgers: states have no numbers.
    """
    assert from_number is None
    clock = clock or Clock()
    aliases = await _aliases(tx, clock) if school is None else 0
    return aliases + await _episodes(tx, clock, school)


async def _aliases(tx: Transaction, clock: Clock) -> int:
    after, said = None, 0
    while page := await children.meanings(tx, after, PAGE):
        await outbox.add(tx, [events.meaning(*meaning, clock.now()) for meaning in page], TOPIC)
        after, said = page[-1][0], said + len(page)
    return said


async def _episodes(tx: Transaction, clock: Clock, school: int | None) -> int:
    after, said = None, 0
    while page := await episodes.page(tx, school, after, PAGE):
        calendars = await schools.calendars(tx, {told.episode.school_urn for told in page})
        await outbox.add(tx, events.states(page, calendars, clock.today(), clock.now()), TOPIC)
        after, said = page[-1].episode.episode_id, said + len(page)
    return said
