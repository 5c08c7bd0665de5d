"""Looks at all children of an authority once more, after another version of its policy came into force: background work
in chunks, so that registers are counted meanwhile, and cut off anywhere goes on where it was.

A chunk is an evaluation like any other: its children are locked, loaded and evaluated whole; their episodes, what is
said of them and the place that has been reached are written together.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

import structlog
from common import metrics
from common.clock import Clock
from common.db import Database, Transaction
from common.health import Health
from common.listen import Signal, work_off
from common.loops import Pulse, pause

from absence_engine.actions import announce
from absence_engine.actions.evaluate import Touch, evaluate
from absence_engine.actions.holding import Policies
from absence_engine.actions.policies import keep_up
from absence_engine.store import children, episodes, figures, progress
from absence_engine.store import policies as store

CHILDREN_A_CHUNK = 2000
CHUNKS_AT_ONCE = 2
"""While PostgreSQL writes one, the next is worked out."""
LOOK_SECONDS = 2.0
"""How soon midnight is noticed."""

log = structlog.get_logger()


class Beginnings:
    """Which parts may begin: those at whose first sight nobody was at work who is not done by now. A batch that read
    the versions before a publication may commit a child after it, whom a part that had begun would miss.
    """

    def __init__(self) -> None:
        self._after: dict[str, int] = {}

    async def ready(self, tx: Transaction) -> list[str]:
        """The parts that nobody has begun and that may begin, by what made them; in a transaction of its own."""
        found = await store.not_begun(tx)
        self._after = {one.made: self._after.get(one.made, one.begun) for one in found}
        return [one.made for one in found if one.ended >= self._after[one.made]]


class Reevaluating:
    """Background work: notices that other versions are in force, and looks at whom that concerns. `changed` is set when
    they may be, `counted` whenever entries have been counted; `after_commit` is called when there is something to say.
    """

    name = "reevaluating"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policies: Policies,
        changed: Signal,
        counted: Signal,
        after_commit: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._policies = database, clock, policies
        self._changed, self._counted = changed, counted
        self._after_commit = after_commit
        self._beginnings = Beginnings()
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Works off what there is, chunk by chunk, and waits for more, until `stop`."""

        async def work() -> bool:
            await self._database.in_transaction(lambda tx: keep_up(tx, self._clock))
            ready = await self._database.in_transaction(self._beginnings.ready)
            return any(await asyncio.gather(*(self._chunk(stop, ready) for _ in range(CHUNKS_AT_ONCE))))

        await work_off(work, self._changed, stop, self._pulse, LOOK_SECONDS)

    async def _chunk(self, stop: asyncio.Event, ready: Collection[str]) -> bool:
        """One chunk, and a rest as long as it took if entries were counted meanwhile; False when there is none."""
        began, counted = time.monotonic(), self._counted.turn
        done = await self._database.in_transaction(lambda tx: evaluate_next(tx, self._clock, self._policies, ready))
        if done is None:
            return False
        metrics.REEVALUATED_CHILDREN.inc(done)
        busy = self._counted.turn != counted
        self._after_commit()
        await pause(stop, time.monotonic() - began if busy else 0.001)  # the others' turn in any case
        return True


async def evaluate_next(tx: Transaction, clock: Clock, policies: Policies, ready: Collection[str]) -> int | None:
    """Evaluates the next chunk that nobody else works on, of a part that has begun or is `ready` to; how many children
    that were, None when there is none.
    """
    job = await store.take(tx, ready)
    if job is None:
        return None
    ids = await store.next_ids(tx, job.la_code, job.cursor, CHILDREN_A_CHUNK, job.last)
    done = await _evaluate(tx, ids, clock, policies)
    if ids:
        await store.advance(tx, job, ids[-1], done)
    if len(ids) < CHILDREN_A_CHUNK:
        await store.finish(tx, job, clock.now())
        log.info("policy applied", la_code=job.la_code, version=job.version, part=job.part)
    return done


async def _evaluate(tx: Transaction, ids: Sequence[str], clock: Clock, policies: Policies) -> int:
    """Evaluates the children that some ids mean and that do not wait; how many."""
    if not ids:
        return 0
    living = {row.survivor or row.pupil_id for row in (await children.lock(tx, ids)).values()}
    owners = {pupil_id: pupil_id for pupil_id in living} | await children.dead_ids(tx, living)
    waiting = await progress.still_waiting(tx, owners)
    due = living - {owners[pupil_id] for pupil_id, waits in waiting.items() if waits}
    records = await figures.records(tx, sorted(due))
    touches = {child: Touch(everything=True, by_policy=True) for child in due}
    told = await evaluate(tx, records, touches, owners, clock.now(), policies)
    await episodes.save(tx, told)
    await announce.episodes(tx, told, clock)
    return len(due)
