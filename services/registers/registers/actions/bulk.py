"""The registers of a batch's piece, by the same rules as one that comes alone: `recording` decides and keeps them.

They are taken in bites: while this process decides one, PostgreSQL keeps the one before and reads what the next needs.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar

from common.codes import Code
from common.db import Transaction
from common.errors import NotFoundError, RollcallError

from registers.actions.recording import Decided, Outcome, decide, keep
from registers.domain.batches import values
from registers.domain.batches.jobs import Job
from registers.domain.batches.sorting import Slot, bites, repeated, slot, split
from registers.domain.batches.values import Piece, RowResult, SentRegister
from registers.domain.ledger import Head
from registers.domain.register import Known
from registers.store import naming, schools
from registers.store.naming import Names

BITE_MARKS = 3000
MORSEL_MARKS = 300

T = TypeVar("T")


class Taken(NamedTuple):
    """What became of a piece: the results of all its marks, the last number of each school that it is about, and
    whether it said anything there.
    """

    results: list[RowResult]
    sequences: Mapping[int, int]
    said: bool


async def lock(tx: Transaction, job: Job, piece: Piece) -> dict[int, Head]:
    """Locks the schools that a piece is about, and says where their ledgers end; those that are unknown, or that the
    job must not write to, are missing.
    """
    return await schools.lock(tx, {sent.register.urn for sent in piece.registers if job.opens(sent.register.urn)})


async def take(
    tx: Transaction, job: Job, piece: Piece, heads: dict[int, Head], today: date, codes: Mapping[str, Code]
) -> Taken:
    """Takes the registers of a piece, of which the schools are locked; of a dry run, nothing stays."""
    if not job.dry_run:
        return await _take(tx, job, piece, heads, today, codes)
    trial = tx.transaction()
    await trial.start()
    taken = await _take(tx, job, piece, heads, today, codes)
    await trial.rollback()
    return Taken(taken.results, {}, said=False)


async def _take(
    tx: Transaction, job: Job, piece: Piece, heads: dict[int, Head], today: date, codes: Mapping[str, Code]
) -> Taken:
    before = dict(heads)
    results = list(piece.refused)
    for sent in piece.registers:
        if sent.register.urn not in heads:
            results += values.refused(sent, NotFoundError("No such school."))
    ours = [sent for sent in piece.registers if sent.register.urn in heads]
    line = _Line(tx)
    try:
        results += await _Bites(line, heads, today, codes, repeated(ours), job.dry_run).take(ours)
        await line.end()
    finally:
        await line.stop()
    results.sort(key=lambda result: result.line or 0)
    return Taken(results, {urn: head.number for urn, head in heads.items()}, heads != before)


class _Bites:
    """Registers as they are taken, bite by bite. `again`: sessions of which there are several; a dry run keeps those
    only, for the later ones to be decided by.
    """

    def __init__(
        self,
        line: "_Line",
        heads: dict[int, Head],
        today: date,
        codes: Mapping[str, Code],
        again: set[Slot],
        dry_run: bool,
    ) -> None:
        self._line = line
        self._names = Names()
        self._heads = heads
        self._today = today
        self._codes = codes
        self._again = again
        self._dry_run = dry_run

    async def take(self, sent: Sequence[SentRegister]) -> list[RowResult]:
        """The results of all marks of some registers."""
        results: list[RowResult] = []
        waiting = list(bites(sent, BITE_MARKS))
        asked: asyncio.Task[list[Known]] | None = None
        for number, bite in enumerate(waiting):
            known = await (asked or self._ask(bite))
            asked = None
            if number + 1 < len(waiting) and not self._may_depend(waiting[number + 1]):
                asked = self._ask(waiting[number + 1])
            results += await self._bite(bite, known)
        return results

    def _ask(self, bite: Sequence[SentRegister]) -> "asyncio.Task[list[Known]]":
        return self._line.put(lambda tx: naming.known(tx, [sent.register for sent in bite], self._names))

    def _may_depend(self, bite: Sequence[SentRegister]) -> bool:
        """Whether the bite before it may bring marks of its sessions."""
        return any(slot(sent) in self._again for sent in bite)

    async def _bite(self, bite: Sequence[SentRegister], known: Sequence[Known]) -> list[RowResult]:
        """Takes registers of different sessions; their results.

        Of a register that is refused, rows of a table are tried by themselves: one of them never loses the others.
        """
        decided = await self._decide(bite, known)
        results, refused = _told(bite, decided.outcomes)
        if not self._dry_run or refused or self._may_depend(bite):
            self._line.put(lambda tx: keep(tx, decided))
        for sent, error in refused:
            parts = split(sent, error)
            results += values.refused(sent, error) if not parts else []
            for part in parts:
                results += await self._bite([part], await self._ask([part]))
        return results

    async def _decide(self, bite: Sequence[SentRegister], known: Sequence[Known]) -> Decided:
        """Decides a bite in morsels, so that what waits in line gets its turn in between."""
        decided, start = Decided([], [], []), 0
        for morsel in bites(bite, MORSEL_MARKS):
            registers, end = [sent.register for sent in morsel], start + len(morsel)
            part = decide(registers, known[start:end], self._heads, self._today, self._codes)
            decided.outcomes.extend(part.outcomes)
            decided.recorded.extend(part.recorded)
            decided.entries.extend(part.entries)
            start = end
            await asyncio.sleep(0)
        return decided


class _Line:
    """What is asked of a connection, one thing after the other, while whoever asks goes on."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._last: asyncio.Task[Any] | None = None

    def put(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> "asyncio.Task[T]":
        """Has it done when all that was put before is done; nothing is, once something has failed."""
        before = self._last

        async def in_turn() -> T:
            if before is not None:
                await before
            return await work(self._tx)

        self._last = task = asyncio.create_task(in_turn())
        return task

    async def end(self) -> None:
        """Waits until all is done; raises what went wrong."""
        if self._last is not None:
            await self._last

    async def stop(self) -> None:
        """Breaks off what is still to be done."""
        if self._last is not None:
            self._last.cancel()
            await asyncio.gather(self._last, return_exceptions=True)


def _told(
    bite: Sequence[SentRegister], outcomes: Sequence[Outcome | RollcallError]
) -> tuple[list[RowResult], list[tuple[SentRegister, RollcallError]]]:
    """The results of the registers that were taken; those that were not."""
    results: list[RowResult] = []
    refused: list[tuple[SentRegister, RollcallError]] = []
    for sent, outcome in zip(bite, outcomes, strict=True):
        if isinstance(outcome, Outcome):
            results += values.answers_of(sent, outcome.answers)
        else:
            refused.append((sent, outcome))
    return results, refused
