"""The current state of every letter, page by page, to be said again: harmless at any time, readers know the
revision.
"""

from common import rows
from common.db import Transaction

from notifications.domain.values import Letter

LETTERS = """
select * from letter where ($1::int is null or school_urn = $1) and ($2::uuid is null or letter_id > $2)
order by letter_id limit $3
"""


async def letters(tx: Transaction, school_urn: int | None, after: str | None, limit: int) -> list[Letter]:
    """Letters by id, of one school or of all."""
    return [rows.read(Letter, row) for row in await tx.fetch(LETTERS, school_urn, after, limit)]
