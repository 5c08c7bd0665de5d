"""Marks that a large change has left to be judged: background work in short writes, so that registers go on meanwhile.

Each chunk is a write of its own: it locks the school, judges what is next by the roll, the calendar, the code table and
the day of that moment, notes how far it has come, and says what that changes. So it does not matter what else is
written between two chunks, or how often the work is cut off; several processes that do it take turns by the lock. The
last chunk says that the school's recalculation has ended.
"""

import asyncio
import time

import structlog
from common.academic import Session
from common.db import Database
from common.health import Health
from common.listen import Signal, work_off
from common.loops import Pulse, pause

from registers.actions.settling import settle, settle_arrived
from registers.actions.writing import Write, Writer
from registers.store import marks
from registers.store import rejudging as store

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""How soon it is noticed that another process has left something."""
MARKS_A_CHUNK = 2000
"""What a chunk is to judge, more or less: a day of a large school, a tenth of a second."""
MOST_DAYS = 10
"""A chunk never takes more days than this: those to come may be fuller than those that were."""


class Rejudging:
    """Background work: judges what large changes have left. `queued` is set when there may be something."""

    name = "rejudging"

    def __init__(self, database: Database, writer: Writer, queued: Signal) -> None:
        self._database = database
        self._writer = writer
        self._queued = queued
        self._days: dict[int, int] = {}
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Works off what there is, one chunk of each school in turn, and waits for more, until `stop`."""

        async def work() -> bool:
            async with self._database.transaction() as tx:
                urns = await store.schools(tx)
            for urn in urns:
                if stop.is_set():
                    break
                await self._chunk(urn, stop)
            return bool(urns)

        await work_off(work, self._queued, stop, self._pulse, LOOK_SECONDS)

    async def _chunk(self, urn: int, stop: asyncio.Event) -> None:
        """One chunk, and a rest as long as it took: half of the time is for the others."""
        began = time.monotonic()
        days = self._days.get(urn, 1)
        judged = await judge_next(self._writer, urn, days)
        fitting = min(2 * days, MOST_DAYS, days * MARKS_A_CHUNK // max(judged, 1))
        self._days = {urn: max(fitting, 1)} | {at: n for at, n in self._days.items() if at != urn}
        await pause(stop, time.monotonic() - began)


async def judge_next(writer: Writer, urn: int, days: int) -> int:
    """Judges the next chunk that is left at a school, of at most so many days; how many marks that were."""

    async def work(write: Write) -> tuple[int, tuple[int, int] | None]:
        job = await store.next_job(write.tx, urn, days)
        if job is None:
            return 0, None  # another process was faster
        if job.what == store.ARRIVALS:
            judged = await _arrivals(write, urn, job)
        else:
            placed = await store.slots(write.tx, urn, job) if job.days else []
            judged, moved = len(placed), await settle(write, urn, placed)
            await store.advance(write.tx, job, done=not job.days, sessions=len(Session) * len(job.days), moved=moved)
        if ended := await store.end(write.tx, urn):
            write.facts(urn).recalculated(*ended)
        return judged, ended

    (judged, ended), _ = await writer.run([urn], work)
    if ended is not None:
        log.info("school recalculated", urn=urn, sessions=ended[0], marks=ended[1])
    return judged


async def _arrivals(write: Write, urn: int, job: store.Job) -> int:
    """Takes in marks whose pupils the school knows by now; those that are left are for the next chunk."""
    arrived = await marks.find_pupils(write.tx, urn, MARKS_A_CHUNK)
    sessions = await settle_arrived(write, urn, arrived)
    done = len(arrived) < MARKS_A_CHUNK
    await store.advance(write.tx, job, done=done, sessions=sessions, moved=len(arrived))
    return len(arrived)
