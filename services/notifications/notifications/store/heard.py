"""The newest state of each episode that the absence engine told, with its evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import msgspec
from common import rows
from common.db import Transaction
from common.events.absence_engine import Explanation

from notifications.domain.values import Episode, ExplainedEpisode

EPISODES = "select * from episode where episode_id = any($1::uuid[])"
OF_CHILDREN = "select * from episode where pupil_id = any($1::uuid[]) order by episode_id"
SAVE = rows.upsert("episode", ExplainedEpisode, "episode_id", newer=True)


async def episodes(tx: Transaction, ids: Iterable[str]) -> dict[str, Episode]:
    """The episodes with these ids that have been heard of."""
    found = [rows.read(Episode, row) for row in await tx.fetch(EPISODES, list(ids))]
    return {episode.episode_id: episode for episode in found}


async def of_children(tx: Transaction, pupil_ids: Iterable[str]) -> list[Episode]:
    """All episodes of these children."""
    return [rows.read(Episode, row) for row in await tx.fetch(OF_CHILDREN, list(pupil_ids))]


async def explained(tx: Transaction, episode_id: str) -> ExplainedEpisode | None:
    """One episode with its evidence."""
    row = await tx.fetchrow(EPISODES, [episode_id])
    if row is None:
        return None
    light = rows.read(Episode, row)
    known = {field.name: getattr(light, field.name) for field in fields(light)}
    return ExplainedEpisode(**known, explanation=msgspec.json.decode(row["explanation"], type=Explanation))


async def save(tx: Transaction, episodes: Sequence[ExplainedEpisode]) -> None:
    """Keeps newer states; an older one never replaces a newer."""
    if episodes:
        await tx.execute(SAVE, rows.as_json(episodes))
