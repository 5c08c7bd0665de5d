"""Working on batches, a piece at a time: each piece is one transaction, with its marks, their results and the job's
position. So a job that was stopped, however hard, goes on where it was, and nothing of it happens twice.

Jobs take turns. Schools are locked for one piece only, so that their own registers get in between; and a piece is
decided in bites, so that nobody waits long for this process.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import asyncpg
import structlog
from common.clock import Clock
from common.codes import code_table
from common.db import Database, Transaction
from common.health import Health
from common.listen import Signal
from common.loops import Pulse

from registers.actions import bulk
from registers.actions.receiving import SILENT
from registers.domain.batches import jobs, reading
from registers.domain.batches.jobs import Job
from registers.domain.batches.values import MalformedBatchError, Piece
from registers.store import batches as store

PIECE_MARKS = 6000
"""How many marks of a batch one transaction takes, about."""
PIECE_BYTES = 256 * 1024
MOST_AHEAD = 4
"""How many jobs may have a piece that is read before its turn."""
LOOK_SECONDS = 1.0
TIDY_SECONDS = 60.0
KEPT = timedelta(days=7)
"""How long a job and its results can be asked for."""

log = structlog.get_logger()


class Done(NamedTuple):
    """What became of a piece: the job as it stands now, and whether there is something for the relay."""

    job: Job
    said: bool


class _Ahead(NamedTuple):
    """A piece that is being read before its turn, where it is known already where it begins."""

    position: int
    piece: "asyncio.Future[Piece | MalformedBatchError]"


class Batches:
    """Background work: takes the marks of all jobs. `wake` is called after each commit that added to a ledger; `queued`
    is set when there is a new job.
    """

    name = "batches"

    def __init__(self, database: Database, clock: Clock, wake: Callable[[], None], queued: Signal) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._codes = code_table()
        self._queued = queued
        self._pulse = Pulse()
        self._tidied = float("-inf")
        self._ahead: dict[str, _Ahead] = {}

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Works on whatever is queued, until `stop`."""
        while not stop.is_set():
            self._pulse.beat()
            turn = self._queued.turn
            if await self.work() is None:
                if time.monotonic() >= self._tidied + TIDY_SECONDS:
                    self._tidied = time.monotonic()
                    await self.tidy()
                await self._queued.wait(turn, LOOK_SECONDS)

    async def work(self) -> Job | None:
        """Takes one piece of the job that has waited longest; that job, or None when there is nothing to do."""
        taken: list[Job] = []
        try:
            done = await self._database.in_transaction(lambda tx: self._piece(tx, taken))
        except asyncpg.DataError:  # nothing that is sent should come so far: that job ends, the others go on
            done = await self._fail(taken[-1], "refused", "A value is out of the range that can be kept.")
        if done is None:
            return None
        if done.said:
            self._wake()
        if done.job.ended_at is not None:
            job = done.job
            log.info("job ended", job_id=job.job_id, state=job.state, dry_run=job.dry_run, counts=dict(job.counts))
        return done.job

    async def _fail(self, job: Job, code: str, words: str) -> Done:
        ended = jobs.failed(job, code, words, self._clock.now())
        async with self._database.transaction() as tx:
            await store.move(tx, ended)
        return Done(ended, said=False)

    async def _piece(self, tx: Transaction, taken: list[Job]) -> Done | None:
        """Load, decide, save, announce: as much of a job as one transaction takes."""
        job = await store.take(tx)
        if job is None:
            return None
        taken.append(job)
        now = self._clock.now()
        piece = await self._next(tx, job)
        if isinstance(piece, MalformedBatchError):
            ended = jobs.failed(job, "malformed", piece.words, now)
            await store.move(tx, ended)
            return Done(ended, said=False)
        results, sequences, said = await bulk.take(tx, job, piece, self._clock.today(), self._codes)
        after = jobs.advanced(job, piece, results, sequences, now)
        if results:
            await store.add_result(tx, job.job_id, job.pieces, jobs.as_lines(results), jobs.as_table(results))
        await store.move(tx, after)
        return Done(after, said)

    async def _next(self, tx: Transaction, job: Job) -> Piece | MalformedBatchError:
        """The next piece of a job. The one after it is read meanwhile, in a thread, while PostgreSQL is at work."""
        ahead = self._ahead.pop(job.job_id, None)
        if ahead is not None and ahead.position == job.position:
            piece = await ahead.piece
        else:
            piece = await asyncio.to_thread(_read, job, await _given(tx, job, PIECE_BYTES))
        most = PIECE_BYTES
        while isinstance(piece, Piece) and not piece.used and job.position + most < job.bytes:
            most += PIECE_BYTES  # not even one register is whole
            piece = await asyncio.to_thread(_read, job, await _given(tx, job, most))
        if isinstance(piece, Piece) and job.position + piece.used < job.bytes:
            following = job._replace(position=job.position + piece.used, lines=job.lines + piece.rows)
            reading_on = asyncio.to_thread(_read, following, await _given(tx, following, PIECE_BYTES))
            self._ahead[job.job_id] = _Ahead(following.position, asyncio.ensure_future(reading_on))
            if len(self._ahead) > MOST_AHEAD:
                del self._ahead[next(iter(self._ahead))]
        return piece

    async def tidy(self) -> None:
        """Forgets jobs that ended long ago, and batches of which the rest never came."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await store.drop(tx, await store.old(tx, now - KEPT, now - SILENT))


async def _given(tx: Transaction, job: Job, most: int) -> bytes:
    """The next bytes of what was sent: `most`, a little more, or all that are left."""
    given = b""
    while len(given) < most and job.position + len(given) < job.bytes:
        given += await store.slice_of(tx, job.job_id, job.position + len(given), PIECE_BYTES)
    return given


def _read(job: Job, given: bytes) -> Piece | MalformedBatchError:
    at_end = job.position + len(given) == job.bytes
    try:
        return reading.read(job.form, given, at_end, job.lines, PIECE_MARKS, job.stamp(), job.layout)
    except MalformedBatchError as error:
        return error
