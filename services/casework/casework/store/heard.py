"""The newest state that the absence engine and notifications told, by episode and by letter."""

from collections.abc import Iterable, Sequence

from common import rows
from common.db import Transaction

from casework.domain.values import Episode, Letter

EPISODES = "select * from episode where episode_id = any($1::uuid[])"
LETTERS = "select * from letter where letter_id = any($1::uuid[])"

SAVE_EPISODES = rows.upsert("episode", Episode, "episode_id", newer=True)
SAVE_LETTERS = rows.upsert("letter", Letter, "letter_id", newer=True)

MOVE = (
    "update episode set pupil_id = $2 where pupil_id = $1",
    "update letter set pupil_id = $2 where pupil_id = $1",
)


async def episodes(tx: Transaction, ids: Iterable[str]) -> dict[str, Episode]:
    """The episodes with these ids that have been heard of."""
    found = [rows.read(Episode, row) for row in await tx.fetch(EPISODES, list(ids))]
    return {episode.episode_id: episode for episode in found}


async def letters(tx: Transaction, ids: Iterable[str]) -> dict[str, Letter]:
    """The letters with these ids that have been heard of."""
    found = [rows.read(Letter, row) for row in await tx.fetch(LETTERS, list(ids))]
    return {letter.letter_id: letter for letter in found}


async def save(tx: Transaction, episodes: Sequence[Episode], letters: Sequence[Letter]) -> None:
    """Keeps newer states; an older one never replaces a newer."""
    if episodes:
        await tx.execute(SAVE_EPISODES, rows.as_json(episodes))
    if letters:
        await tx.execute(SAVE_LETTERS, rows.as_json(letters))


async def move(tx: Transaction, dead: str, survivor: str) -> None:
    """What was heard of a dead child was about the survivor."""
    for statement in MOVE:
        await tx.execute(statement, dead, survivor)
