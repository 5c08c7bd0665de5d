"""Says the current state of letters again, with the revisions that they have: `rollcall republish`."""

from common import outbox
from common.clock import Clock
from common.db import Database
from common.events.notifications import TOPIC

from notifications.actions import say
from notifications.store import republish as store

PAGE = 500


async def republish(database: Database, clock: Clock, school_urn: int | None = None) -> int:
    """Puts every letter (of one school, if given) into the outbox; how many."""
    after, said = None, 0
    while True:
        async with database.transaction() as tx:
            page = await store.letters(tx, school_urn, after, PAGE)
            await outbox.add(tx, [say.of_letter(letter, clock.now()) for letter in page], TOPIC)
        if not page:
            return said
        after, said = page[-1].letter_id, said + len(page)
