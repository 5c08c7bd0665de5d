"""The episodes of the absence engine as a reader mirrors them: table `episode`, the newest state by episode.

`pupil_id` is the living child that the id of the event (`told_as`) means: it changes when that means another child. Its
columns that every reader has are in `tables.EpisodeMirror`. Whoever calls holds the locks of the children.
"""

from collections.abc import Collection

from common.db import Transaction

OWNERS = "select distinct pupil_id::text from episode where episode_id = any($1::uuid[])"
RECLAIM = "update episode set pupil_id = $3 where told_as = $1 and pupil_id = $2"
MOVE = "update episode set pupil_id = $2 where pupil_id = $1"


async def owners(tx: Transaction, episode_ids: Collection[str]) -> set[str]:
    """The children of these episodes, as far as they were heard of."""
    return {row[0] for row in await tx.fetch(OWNERS, list(episode_ids))} if episode_ids else set()


async def reclaim(tx: Transaction, told_as: str, before: str, after: str) -> None:
    """What was heard of an id was about another child."""
    await tx.execute(RECLAIM, told_as, before, after)


async def move(tx: Transaction, dead: str, survivor: str) -> None:
    """What was heard of a dead child was about the survivor."""
    await tx.execute(MOVE, dead, survivor)
