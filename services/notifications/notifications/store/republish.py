"""Says the current state of letters again, with the revisions that they have: harmless at any time."""

from common import outbox, rows
from common.clock import Clock
from common.db import Transaction
from common.events.notifications import TOPIC

from notifications.domain import say
from notifications.domain.values import Letter

PAGE = 500

LETTERS = """
select * from letter where ($1::int is null or school_urn = $1) and ($2::uuid is null or letter_id > $2)
order by letter_id limit $3
"""


async def republish(tx: Transaction, *, school: int | None = None, from_number: int | None = None) -> int:
    """Puts every letter (of one school, if given) into the outbox; how many. `from_number` is for ledgers."""
    after, said = None, 0
    while page := [rows.read(Letter, row) for row in await tx.fetch(LETTERS, school, after, PAGE)]:
        now = Clock().now()
        await outbox.add(tx, [say.of_letter(letter, now) for letter in page], TOPIC)
        after, said = page[-1].letter_id, said + len(page)
    return said
