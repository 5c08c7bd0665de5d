"""What the API asks: letters as a caller may see them. `schools` None means all; a dead pupil id means its survivor."""

from dataclasses import dataclass
from datetime import datetime

from common import rows
from common.db import Transaction

from notifications.domain.values import Letter

LETTER = "select * from letter where letter_id = $1 and ($2::int[] is null or school_urn = any($2))"

LETTERS = """
select * from letter
where ($1::int[] is null or school_urn = any($1)) and ($2::text is null or status = $2)
    and ($3::int is null or school_urn = $3)
    and ($4::uuid is null or pupil_id = coalesce((select survivor from alias where alias.pupil_id = $4), $4))
    and ($5::text is null or kind = $5) and ($6::uuid is null or episode_id = $6)
    and ($7::timestamptz is null or (made_at, letter_id) > ($7, $8::uuid))
order by made_at, letter_id limit $9
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters, and after which one (`made_at`, `letter_id`) the page begins."""

    schools: frozenset[int] | None
    status: str | None = None
    school_urn: int | None = None
    pupil_id: str | None = None
    kind: str | None = None
    episode_id: str | None = None
    after: tuple[datetime, str] | None = None


def _listed(schools: frozenset[int] | None) -> list[int] | None:
    return None if schools is None else sorted(schools)


async def letters(tx: Transaction, which: LetterFilter, limit: int) -> list[Letter]:
    """Letters in the order in which they were made, at most `limit`."""
    moment, letter_id = which.after or (None, None)
    found = await tx.fetch(
        LETTERS,
        _listed(which.schools),
        which.status,
        which.school_urn,
        which.pupil_id,
        which.kind,
        which.episode_id,
        moment,
        letter_id,
        limit,
    )
    return [rows.read(Letter, row) for row in found]


async def letter(tx: Transaction, letter_id: str, schools: frozenset[int] | None) -> Letter | None:
    """One letter, if the caller may see it."""
    row = await tx.fetchrow(LETTER, letter_id, _listed(schools))
    return None if row is None else rows.read(Letter, row)
