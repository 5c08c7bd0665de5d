"""Answers: a child's episodes, and the explanation of one."""

from common.db import Transaction
from common.errors import NotFoundError
from common.security import Caller

from absence_engine.actions.figures import may_see, visible
from absence_engine.domain.claims import Episode
from absence_engine.domain.events import Told
from absence_engine.store import children, episodes
from absence_engine.store import figures as store


async def of_pupil(tx: Transaction, pupil_id: str, caller: Caller) -> list[Episode]:
    """A child's episodes in time order, reversed ones included; errors as `figures.visible`."""
    await store.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/episodes")
    ids = {record.pupil_id, *await children.dead_ids(tx, [record.pupil_id])}
    found = await episodes.of_children(tx, ids)
    return sorted(found, key=lambda episode: (episode.crossed, episode.kind, episode.episode_id))


async def explained(tx: Transaction, episode_id: str, caller: Caller) -> Told:
    """An episode with its explanation; NotFoundError when there is none, or none that the caller may see."""
    await store.snapshot(tx)
    told = (await episodes.whole(tx, [episode_id])).get(episode_id)
    if told is None:
        raise NotFoundError
    if not caller.reach.is_everywhere:
        living = await store.living(tx, told.episode.pupil_id)
        assert living is not None
        (record,) = await store.records(tx, [living])
        if not may_see(caller, record):
            raise NotFoundError
    return told
