"""What casework and notifications keep, and what they know of others."""

from typing import NamedTuple

from audit.effects import NOBODY, LetterState, TaskState
from audit.read.registers import BATCH
from audit.read.snapshot import Connection
from audit.reasons import ReasonTask, Said

TASKS = """
select task_id::text, kind, pupil_id::text, episode_id::text, letter_id::text, status from task
where episode_id is not null
"""
LETTERS = """
select letter_id::text, kind, pupil_id::text, episode_id::text, recipient_id::text, status, overtaken, withheld,
    withheld_why, epoch, revision
from letter
"""
MIRRORED_EPISODES = "select episode_id::text, state, provisional, epoch, revision from episode"
MIRRORED_LETTERS = "select letter_id::text, status, overtaken, epoch, revision from letter"
ALIASES = "select pupil_id::text, survivor::text from alias where survivor <> pupil_id"
SETTLEMENTS = """
select episode_id::text, case when exists (
    select from letter where letter.episode_id = settlement.episode_id and recipient_id = $1
) then 'settled' else state end as state from settlement
"""
REASONS = """
select school_urn, told_pupil_id::text, day, session, state, due_on from reason where state <> 'settled'
"""
REASON_TASKS = """
select task_id::text, kind, school_urn, pupil_id::text, status, overdue from task where episode_id is null
"""
OUTBOX = "select count(*) from outbox"
LAST_OFFSETS = "select coalesce(sum(next_offset), 0)::bigint from position"


class Mirror(NamedTuple):
    """Somebody else's thing as it was last heard of: its state in two words, and how new that is."""

    state: str
    flag: bool
    revision: tuple[int, int]


async def tasks(connection: Connection) -> list[TaskState]:
    return [TaskState(*row) async for row in connection.cursor(TASKS, prefetch=BATCH)]


async def letters(connection: Connection) -> list[tuple[LetterState, tuple[int, int]]]:
    """Every letter, with its revision."""
    return [
        (LetterState(*list(row)[:9]), (row["epoch"], row["revision"]))
        async for row in connection.cursor(LETTERS, prefetch=BATCH)
    ]


async def mirrored_episodes(connection: Connection) -> dict[str, Mirror]:
    """Episodes as heard: state, provisional, revision."""
    return {
        row[0]: Mirror(row[1], row[2], (row[3], row[4]))
        async for row in connection.cursor(MIRRORED_EPISODES, prefetch=BATCH)
    }


async def mirrored_letters(connection: Connection) -> dict[str, Mirror]:
    """Letters as heard: status, overtaken, revision."""
    return {
        row[0]: Mirror(row[1], row[2], (row[3], row[4]))
        async for row in connection.cursor(MIRRORED_LETTERS, prefetch=BATCH)
    }


async def aliases(connection: Connection) -> dict[str, str]:
    """Dead ids and whom they mean."""
    return {row["pupil_id"]: row["survivor"] for row in await connection.fetch(ALIASES)}


async def settlements(connection: Connection) -> dict[str, str]:
    """By episode, whether its recipients are still to be asked for (`due`), or have been (`settled`): they are known,
    or there was nobody.
    """
    return {row["episode_id"]: row["state"] for row in await connection.fetch(SETTLEMENTS, NOBODY)}


async def reasons(connection: Connection) -> Said:
    """Marks N as heard: by school, pupil, date and session, their state and when they are overdue."""
    return {
        (row["school_urn"], row["told_pupil_id"], row["day"], row["session"]): (row["state"], row["due_on"])
        async for row in connection.cursor(REASONS, prefetch=BATCH)
    }


async def reason_tasks(connection: Connection) -> list[ReasonTask]:
    """The tasks that are about no episode."""
    return [ReasonTask(*row) async for row in connection.cursor(REASON_TASKS, prefetch=BATCH)]


async def outbox(connection: Connection) -> int:
    """How many events wait to be published."""
    return int(await connection.fetchval(OUTBOX))


async def last_offsets(connection: Connection) -> int:
    """A number that rises with everything that is consumed."""
    return int(await connection.fetchval(LAST_OFFSETS))
