"""Working on batches, a piece at a time: each piece is one transaction, with its marks, their results and the job's
position. So a job that was stopped, however hard, goes on where it was, and nothing of it happens twice.

Two pieces are under way at once: while PostgreSQL keeps one, the other is decided. Jobs take turns; where there is but
one, the piece behind goes ahead of its turn, and is kept only if the job has come to where it begins. Schools are
locked for one piece only, so that their own registers get in between; and a piece is decided in bites, so that nobody
waits long for this process.
"""

import asyncio
import time
from collections.abc import Callable, Set
from datetime import timedelta
from typing import NamedTuple

import asyncpg
import structlog
from common.clock import Clock
from common.codes import code_table
from common.db import RETRYABLE, Database, Transaction
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


class _Flight:
    """A piece on its way: of which job it is, and whether it is ahead of its turn.

    Once it has `begun` it waits for no lock any more, and it is known which schools it has locked and how the job goes
    on behind it; `over`: it was committed, or given up.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.job: Job | None = None
        self.is_ahead = False
        self.schools: Set[int] = frozenset()
        self.following: Job | None = None


class _NotItsTurnError(Exception):
    """The job has not come to where the piece begins, or somebody else is at it: what is due is done in its turn."""


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
        """Works on whatever is queued, until `stop`: two pieces at a time."""
        before: _Flight | None = None
        under_way: list[asyncio.Task[Job | None]] = []
        try:
            while not stop.is_set():
                self._pulse.beat()
                turn = self._queued.turn
                flight = _Flight()
                under_way.append(asyncio.create_task(self._fly(flight, before)))
                await flight.begun.wait()
                before = flight
                while under_way and (len(under_way) > 1 or flight.job is None):
                    await under_way.pop(0)
                if flight.job is None:
                    await self._rest(turn)
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def work(self) -> Job | None:
        """Takes one piece of the job that has waited longest; that job, or None when there is nothing to do."""
        return await self._fly(_Flight(), None)

    async def _rest(self, turn: int) -> None:
        if time.monotonic() >= self._tidied + TIDY_SECONDS:
            self._tidied = time.monotonic()
            await self.tidy()
        await self._queued.wait(turn, LOOK_SECONDS)

    async def _fly(self, flight: _Flight, before: _Flight | None) -> Job | None:
        """Takes a piece, wholly or not at all; its job."""
        try:
            async with self._database.transaction() as tx:
                done = await self._piece(tx, flight, before)
        except (_NotItsTurnError, *RETRYABLE):
            return flight.job
        except asyncpg.DataError:  # nothing that is sent should come so far: that job ends, the others go on
            if flight.job is None:
                raise
            if flight.is_ahead:
                return flight.job
            flight.over.set()  # it is rolled back: what waits for it lets its locks go
            done = await self._fail(flight.job, "refused", "A value is out of the range that can be kept.")
        finally:
            flight.begun.set()
            flight.over.set()
        if done is None:
            return None
        if done.said:
            self._wake()
        if done.job.ended_at is not None:
            job = done.job
            log.info("job ended", job_id=job.job_id, state=job.state, dry_run=job.dry_run, counts=dict(job.counts))
        return done.job

    async def _fail(self, job: Job, code: str, words: str) -> Done:
        now = self._clock.now()
        ended = jobs.failed(job, code, words, now, now)
        async with self._database.transaction() as tx:
            await store.move(tx, ended)
        return Done(ended, said=False)

    async def _piece(self, tx: Transaction, flight: _Flight, before: _Flight | None) -> Done | None:
        """Load, decide, save, announce: as much of a job as one transaction takes."""
        began = self._clock.now()
        job = await self._job(tx, flight, before)
        if job is None:
            return None
        piece = await self._next(tx, job)
        if isinstance(piece, MalformedBatchError):
            if flight.is_ahead:
                raise _NotItsTurnError
            ended = jobs.failed(job, "malformed", piece.words, began, self._clock.now())
            await store.move(tx, ended)
            return Done(ended, said=False)
        flight.following = jobs.behind(job, piece)
        urns = {sent.register.urn for sent in piece.registers}
        if flight.is_ahead and before is not None and not before.schools.isdisjoint(urns):
            await before.over.wait()  # not in line for its locks: registers that wait for them come first
        heads = await bulk.lock(tx, job, piece)
        flight.schools = heads.keys()
        flight.begun.set()
        results, sequences, said = await bulk.take(tx, job, piece, heads, self._clock.today(), self._codes)
        if flight.is_ahead and before is not None:
            job = await self._catch_up(tx, job, before)
        after = jobs.advanced(job, piece, results, sequences, began, self._clock.now())
        if results:
            await store.add_result(tx, job.job_id, job.pieces, jobs.as_lines(results), jobs.as_table(results))
        await store.move(tx, after)
        return Done(after, said)

    async def _job(self, tx: Transaction, flight: _Flight, before: _Flight | None) -> Job | None:
        """The job of which the next piece is to be taken; of that under way only when no other has anything to do."""
        busy = None if before is None or before.over.is_set() else before
        flight.job = await store.take(tx, busy.job.job_id if busy is not None and busy.job is not None else None)
        if flight.job is None and busy is not None and busy.following is not None:
            flight.job, flight.is_ahead = busy.following, True
        return flight.job

    async def _catch_up(self, tx: Transaction, job: Job, before: _Flight) -> Job:
        """The job of a piece ahead of its turn, locked, once its turn has come.

        Nothing that this waits for waits for the piece: what is before it has its locks already.
        """
        await before.over.wait()
        come = await store.hold(tx, job)
        if come is None:
            raise _NotItsTurnError
        return come

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
        if isinstance(piece, Piece) and (following := jobs.behind(job, piece)) is not None:
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
        part = await store.slice_of(tx, job.job_id, job.position + len(given), PIECE_BYTES)
        if not part:
            raise _NotItsTurnError  # its job has ended meanwhile, and what was sent was let go
        given += part
    return given


def _read(job: Job, given: bytes) -> Piece | MalformedBatchError:
    at_end = job.position + len(given) == job.bytes
    try:
        return reading.read(job.form, given, at_end, job.lines, PIECE_MARKS, job.stamp(), job.layout)
    except MalformedBatchError as error:
        return error
