"""Lists for officers: episodes of an authority by kind, newest first; who is on a school's roll."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from common.db import Transaction

from absence_engine.domain.claims import Episode
from absence_engine.store import episodes

PAGE = """
with page as materialized (
    select episode_id from episode
    where state = $1 and kind = $2 and school_urn = any($3::int[])
        and ($4::date is null or (crossed_on, crossed_session, episode_id) < ($4, $5::smallint, $6::uuid))
    order by crossed_on desc, crossed_session desc, episode_id desc limit $7
)
select episode_id::text from page
"""
"""All of it is in the index: of episodes of other authorities nothing else is read."""


class Place(NamedTuple):
    """An episode's place in the list: the day and half of its crossing, and its id."""

    day: date
    session: int
    episode_id: str


async def page(
    tx: Transaction, state: str, kind: str, urns: Collection[int], after: Place | None, limit: int
) -> list[Episode]:
    """Episodes of one state and kind whose crossing was marked at some schools, the latest crossing first."""
    where = (None, None, None) if after is None else after
    rows = await tx.fetch(PAGE, state, kind, sorted(urns), *where, limit)
    ids = [row[0] for row in rows]
    found = await episodes.by_id(tx, ids)
    return [found[id] for id in ids]
