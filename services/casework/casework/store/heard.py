"""The newest state that the absence engine and notifications told, by episode, by letter and by mark N."""

from collections.abc import Iterable, Sequence

from common import mirror, rows
from common.db import Transaction

from casework.domain.reasons import Day
from casework.domain.values import Episode, Letter, Reason

EPISODES = "select * from episode where episode_id = any($1::uuid[])"
LETTERS = "select * from letter where letter_id = any($1::uuid[])"
REASONS = """
select reason.* from unnest($1::uuid[], $2::int[], $3::date[]) as wanted(told_pupil_id, school_urn, day)
join reason using (told_pupil_id, school_urn, day)
"""

SAVE_EPISODES = rows.upsert("episode", Episode, "episode_id", newer=True)
SAVE_LETTERS = rows.upsert("letter", Letter, "letter_id", newer=True)
SAVE_REASONS = rows.upsert("reason", Reason, "reason_id")

MOVE = (
    "update letter set pupil_id = $2 where pupil_id = $1",
    "update reason set pupil_id = $2 where pupil_id = $1",
)


RECLAIM_LETTERS = "update letter set pupil_id = $3 where told_as = $1 and pupil_id = $2"
RECLAIM_REASONS = """
update reason set pupil_id = $3 where told_pupil_id = $1 and pupil_id = $2
returning told_pupil_id::text, school_urn, day
"""
REHOME_LETTERS = """
update letter set pupil_id = e.pupil_id from episode as e
where e.episode_id = letter.episode_id and letter.pupil_id = any($1::uuid[]) and letter.pupil_id <> e.pupil_id
"""


async def reclaim(tx: Transaction, told_as: str, before: str, after: str) -> set[Day]:
    """What was heard of an id was about another child; the days whose Ns were."""
    await mirror.reclaim(tx, told_as, before, after)
    await tx.execute(RECLAIM_LETTERS, told_as, before, after)
    return {Day(*row) for row in await tx.fetch(RECLAIM_REASONS, told_as, before, after)}


async def rehome_letters(tx: Transaction, pupil_ids: Iterable[str]) -> None:
    """Letters about these children's episodes are about the child of the episode."""
    await tx.execute(REHOME_LETTERS, list(pupil_ids))


async def episodes(tx: Transaction, ids: Iterable[str]) -> dict[str, Episode]:
    """The episodes with these ids that have been heard of."""
    found = [rows.read(Episode, row) for row in await tx.fetch(EPISODES, list(ids))]
    return {episode.episode_id: episode for episode in found}


async def letters(tx: Transaction, ids: Iterable[str]) -> dict[str, Letter]:
    """The letters with these ids that have been heard of."""
    found = [rows.read(Letter, row) for row in await tx.fetch(LETTERS, list(ids))]
    return {letter.letter_id: letter for letter in found}


async def reasons(tx: Transaction, days: Iterable[Day]) -> list[Reason]:
    """The Ns of these days that have been heard of, each day named once."""
    listed = list(days)
    columns = [day.told_pupil_id for day in listed], [day.school_urn for day in listed], [day.day for day in listed]
    return [rows.read(Reason, row) for row in await tx.fetch(REASONS, *columns)]


async def save_reasons(tx: Transaction, reasons: Sequence[Reason]) -> None:
    """Keeps what was heard of Ns."""
    if reasons:
        await tx.execute(SAVE_REASONS, rows.as_json(reasons))


async def save(tx: Transaction, episodes: Sequence[Episode], letters: Sequence[Letter]) -> None:
    """Keeps newer states; an older one never replaces a newer."""
    if episodes:
        await tx.execute(SAVE_EPISODES, rows.as_json(episodes))
    if letters:
        await tx.execute(SAVE_LETTERS, rows.as_json(letters))


async def move(tx: Transaction, dead: str, survivor: str) -> None:
    """What was heard of a dead child was about the survivor."""
    await mirror.move(tx, dead, survivor)
    for statement in MOVE:
        await tx.execute(statement, dead, survivor)
