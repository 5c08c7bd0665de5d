"""What is due for the workers, shared among the replicas, and the lock that a hand-over holds."""

from datetime import datetime
from typing import NamedTuple

from common import rows
from common.db import Transaction

from notifications.domain.values import Letter

CLAIM = """
update settlement set due_at = $2, attempts = settlement.attempts + 1
from (
    select episode_id, letter_kind from settlement where state = 'due' and due_at <= $1
    order by due_at limit $3 for update skip locked
) as due, episode
where settlement.episode_id = due.episode_id and settlement.letter_kind = due.letter_kind
    and episode.episode_id = due.episode_id
returning settlement.episode_id::text, settlement.letter_kind, settlement.attempts, episode.pupil_id::text
"""

POSTPONE_SETTLEMENT = """
update settlement set due_at = $3 where episode_id = $1 and letter_kind = $2 and state = 'due'
"""

DUE_LETTERS = """
select letter_id::text from letter where status in ('queued', 'sending') and due_at <= $1
order by due_at, letter_id limit $2
"""

LETTER = "select * from letter where letter_id = $1"

POSTPONE_LETTER = """
update letter set due_at = $2 where letter_id = $1 and status in ('queued', 'sending') and due_at <= $2
"""

TRY_HOLD = "select pg_try_advisory_lock(hashtextextended($1, 7))"
LET_GO = "select pg_advisory_unlock(hashtextextended($1, 7))"


class Claim(NamedTuple):
    """A settlement that one worker works on until its lease is over."""

    episode_id: str
    letter_kind: str
    attempts: int
    pupil_id: str


async def claim(tx: Transaction, now: datetime, until: datetime, limit: int) -> list[Claim]:
    """Takes settlements that are due; they are due again at `until` unless they are settled by then."""
    return [Claim(*row) for row in await tx.fetch(CLAIM, now, until, limit)]


async def postpone_settlement(tx: Transaction, claimed: Claim, until: datetime) -> None:
    """Tries again at `until`."""
    await tx.execute(POSTPONE_SETTLEMENT, claimed.episode_id, claimed.letter_kind, until)


async def due_letters(tx: Transaction, now: datetime, limit: int) -> list[str]:
    """Ids of letters to look at: queued ones whose hold has passed, and any that is (or was left) being handed over."""
    return [row["letter_id"] for row in await tx.fetch(DUE_LETTERS, now, limit)]


async def letter(tx: Transaction, letter_id: str) -> Letter | None:
    """A letter as it is now, unlocked."""
    row = await tx.fetchrow(LETTER, letter_id)
    return None if row is None else rows.read(Letter, row)


async def postpone_letter(tx: Transaction, letter_id: str, until: datetime) -> None:
    """Looks at a letter again at `until`."""
    await tx.execute(POSTPONE_LETTER, letter_id, until)


async def try_hold(connection: Transaction, letter_id: str) -> bool:
    """Takes the letter's advisory lock for as long as the connection lives; False when another sender has it."""
    return await connection.fetchval(TRY_HOLD, letter_id)


async def let_go(connection: Transaction, letter_id: str) -> None:
    """Gives the letter's advisory lock back."""
    await connection.execute(LET_GO, letter_id)
