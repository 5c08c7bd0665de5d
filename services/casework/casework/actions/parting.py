"""Two children where there was one: each has its own tasks, case and timeline again.

What was told of an id goes with it; tasks, and lines of a timeline, go with the episode, letter or mark N that they are
about. `split` follows the word of it, `rehome` an episode that is told of another child than before: whichever comes
first.
"""

from collections.abc import Collection, Mapping

import structlog
from common import children
from common.clock import Clock
from common.db import Transaction
from common.meanings import Split

from casework.actions.keep import keep_and_say
from casework.domain import parting as rules
from casework.domain import reasons
from casework.domain.policy import policy_on
from casework.store import heard, work

log = structlog.get_logger()


async def split(tx: Transaction, told: Split, clock: Clock) -> None:
    """An id is its own again, or there is a new child; the timelines of both say so. Their rows are locked."""
    if told.restored:
        meaning = await children.mean(tx, told.other, told.other, told.version)
        if meaning is None:
            return
        await reclaim(tx, told.other, meaning[0], told.other, clock)
    pupil_id = (await children.living(tx, [told.pupil_id]))[told.pupil_id]
    lines = rules.told_of_split(pupil_id, told.other, told.version, clock.now(), restored=told.restored)
    await keep_and_say(tx, [], [], lines, clock)
    log.info("children split", pupil_id=pupil_id, other=told.other, restored=told.restored)


async def reclaim(tx: Transaction, told_as: str, before: str, after: str, clock: Clock) -> None:
    """An id that meant one child means another: what was told of it, and what that brought about, go with it."""
    await children.lock(tx, [before, after])
    days = await heard.reclaim(tx, told_as, before, after)
    kind = policy_on(clock.today()).reasons.task
    await work.reclaim_timeline(tx, told_as, before, after)
    await rehome(tx, {before, after}, clock, dict.fromkeys((reasons.task_id(day, kind) for day in days), after))


async def rehome(
    tx: Transaction, pupil_ids: Collection[str], clock: Clock, owners: Mapping[str, str] | None = None
) -> None:
    """Tasks, lines and cases among some living, locked children go where they belong: with their episodes. `owners`:
    whose those tasks are that are about none.
    """
    if not pupil_ids:
        return
    await heard.rehome_letters(tx, pupil_ids)
    await work.rehome_timeline(tx, pupil_ids)
    placed = await work.placed_tasks(tx, pupil_ids)
    cases = await work.cases_among(tx, pupil_ids, [rules.own_case(child) for child in pupil_ids])
    changed, moved = rules.rehome(sorted(pupil_ids), cases, placed, owners or {}, clock.now())
    await keep_and_say(tx, moved, changed, [], clock)
