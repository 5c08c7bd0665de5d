"""Working on batches, a piece at a time: each piece is one transaction, with its marks, their results and the job's
position. So a job that was stopped, however hard, goes on where it was, and nothing of it happens twice.

Jobs take turns. Schools are locked for one piece only, so that their own registers get in between; and a piece is
decided in bites, so that nobody waits long for this process.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import asyncpg
import structlog
from common.clock import Clock
from common.codes import code_table
from common.db import Database, Transaction
from common.errors import InvalidError, NotFoundError
from common.health import Health
from common.listen import Signal
from common.loops import Pulse

from registers.actions.receiving import SILENT
from registers.actions.recording import Outcome, write_registers
from registers.domain.batches import jobs, reading, values
from registers.domain.batches.jobs import Job
from registers.domain.batches.sorting import bites, repeated, slot, split
from registers.domain.batches.values import MalformedBatchError, Piece, RowResult, SentRegister
from registers.domain.ledger import Head
from registers.store import batches as store
from registers.store import schools

PIECE_MARKS = 6000
"""How many marks of a batch one transaction takes, about."""
PIECE_BYTES = 256 * 1024
BITE_MARKS = 1500
LOOK_SECONDS = 1.0
TIDY_SECONDS = 60.0
KEPT = timedelta(days=7)
"""How long a job and its results can be asked for."""

log = structlog.get_logger()


class Done(NamedTuple):
    """What became of a piece: the job as it stands now, and whether there is something for the relay."""

    job: Job
    said: bool


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
        try:
            piece = await _read(tx, job)
        except MalformedBatchError as error:
            ended = jobs.failed(job, "malformed", error.words, now)
            await store.move(tx, ended)
            return Done(ended, said=False)
        take = self._try if job.dry_run else self._record
        results, sequences, said = await take(tx, job, piece)
        after = jobs.advanced(job, piece, results, sequences, now)
        if results:
            await store.add_result(tx, job.job_id, job.pieces, jobs.as_lines(results), jobs.as_table(results))
        await store.move(tx, after)
        return Done(after, said)

    async def _record(self, tx: Transaction, job: Job, piece: Piece) -> tuple[list[RowResult], dict[int, int], bool]:
        """Takes the registers of a piece; the results of all its marks, the last number of each school that it is
        about, and whether it said anything there.
        """
        heads = await schools.lock(tx, {sent.register.urn for sent in piece.registers if job.opens(sent.register.urn)})
        before = dict(heads)
        open_to_job = [sent for sent in piece.registers if sent.register.urn in heads]
        results = list(piece.refused)
        for sent in piece.registers:
            if sent.register.urn not in heads:
                results += values.refused(sent, NotFoundError("No such school."))
        again = repeated(open_to_job)
        for bite in bites(open_to_job, BITE_MARKS):
            keep = not job.dry_run or any(slot(sent) in again for sent in bite)
            results += await self._bite(tx, bite, heads, keep=keep)
        results.sort(key=lambda result: result.line or 0)
        return results, {urn: head.number for urn, head in heads.items()}, heads != before

    async def _try(self, tx: Transaction, job: Job, piece: Piece) -> tuple[list[RowResult], dict[int, int], bool]:
        """The same, and nothing of it stays."""
        trial = tx.transaction()
        await trial.start()
        results, _, _ = await self._record(tx, job, piece)
        await trial.rollback()
        return results, {}, False

    async def _bite(
        self, tx: Transaction, bite: Sequence[SentRegister], heads: dict[int, Head], *, keep: bool
    ) -> list[RowResult]:
        """Takes some registers of different sessions. Of one that is refused, rows of a table are tried by themselves:
        one of them never loses the others.
        """
        today = self._clock.today()
        outcomes = await write_registers(tx, [sent.register for sent in bite], heads, today, self._codes, keep=keep)
        results: list[RowResult] = []
        for sent, outcome in zip(bite, outcomes, strict=True):
            if isinstance(outcome, Outcome):
                results += values.answers_of(sent, outcome.answers)
            elif isinstance(outcome, InvalidError) and (parts := split(sent, outcome)):
                for part in parts:
                    results += await self._bite(tx, [part], heads, keep=True)
            else:
                results += values.refused(sent, outcome)
        return results

    async def tidy(self) -> None:
        """Forgets jobs that ended long ago, and batches of which the rest never came."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await store.drop(tx, await store.old(tx, now - KEPT, now - SILENT))


async def _read(tx: Transaction, job: Job) -> Piece:
    """The next piece of what was sent. MalformedBatchError where it can't be read any further."""
    given, most = b"", PIECE_BYTES
    while True:
        while len(given) < most and job.position + len(given) < job.bytes:
            given += await store.slice_of(tx, job.job_id, job.position + len(given), PIECE_BYTES)
        at_end = job.position + len(given) == job.bytes
        piece = reading.read(job.form, given, at_end, job.lines, PIECE_MARKS, job.stamp(), job.layout)
        if piece.used or at_end:
            return piece
        most += PIECE_BYTES
