"""The registers of a batch's piece, by the same rules as one that comes alone: `recording` decides and keeps them.

They are taken in bites: while this process decides one, PostgreSQL reads what the next one needs.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from common.codes import Code
from common.db import Transaction
from common.errors import NotFoundError, RollcallError

from registers.actions.recording import Outcome, decide, keep
from registers.domain.batches import values
from registers.domain.batches.jobs import Job
from registers.domain.batches.sorting import Slot, bites, repeated, slot, split
from registers.domain.batches.values import Piece, RowResult, SentRegister
from registers.domain.ledger import Head
from registers.domain.register import Known
from registers.store import registers as store
from registers.store import schools

BITE_MARKS = 1500


class Taken(NamedTuple):
    """What became of a piece: the results of all its marks, the last number of each school that it is about, and
    whether it said anything there.
    """

    results: list[RowResult]
    sequences: Mapping[int, int]
    said: bool


async def take(tx: Transaction, job: Job, piece: Piece, today: date, codes: Mapping[str, Code]) -> Taken:
    """Takes the registers of a piece; of a dry run, nothing stays."""
    if not job.dry_run:
        return await _take(tx, job, piece, today, codes)
    trial = tx.transaction()
    await trial.start()
    taken = await _take(tx, job, piece, today, codes)
    await trial.rollback()
    return Taken(taken.results, {}, said=False)


async def _take(tx: Transaction, job: Job, piece: Piece, today: date, codes: Mapping[str, Code]) -> Taken:
    heads = await schools.lock(tx, {sent.register.urn for sent in piece.registers if job.opens(sent.register.urn)})
    before = dict(heads)
    results = list(piece.refused)
    for sent in piece.registers:
        if sent.register.urn not in heads:
            results += values.refused(sent, NotFoundError("No such school."))
    ours = [sent for sent in piece.registers if sent.register.urn in heads]
    results += await _Bites(tx, heads, today, codes, repeated(ours), job.dry_run).take(ours)
    results.sort(key=lambda result: result.line or 0)
    return Taken(results, {urn: head.number for urn, head in heads.items()}, heads != before)


class _Bites:
    """Registers as they are taken, bite by bite. `again`: sessions of which there are several; a dry run keeps those
    only, for the later ones to be decided by.
    """

    def __init__(
        self,
        tx: Transaction,
        heads: dict[int, Head],
        today: date,
        codes: Mapping[str, Code],
        again: set[Slot],
        dry_run: bool,
    ) -> None:
        self._tx = tx
        self._heads = heads
        self._today = today
        self._codes = codes
        self._again = again
        self._dry_run = dry_run

    async def take(self, sent: Sequence[SentRegister]) -> list[RowResult]:
        """The results of all marks of some registers."""
        results: list[RowResult] = []
        waiting = list(bites(sent, BITE_MARKS))
        known: Sequence[Known] | None = None
        for number, bite in enumerate(waiting):
            if known is None:
                known = await self._known(bite)
            following = waiting[number + 1] if number + 1 < len(waiting) else None
            ahead = None if following is None or self._may_depend(following) else self._known(following)
            told, known = await self._bite(bite, known, ahead)
            results += told
        return results

    async def _known(self, bite: Sequence[SentRegister]) -> list[Known]:
        return await store.known(self._tx, [sent.register for sent in bite])

    def _may_depend(self, bite: Sequence[SentRegister]) -> bool:
        """Whether the bite before it may bring marks of its sessions."""
        return any(slot(sent) in self._again for sent in bite)

    async def _bite(
        self, bite: Sequence[SentRegister], known: Sequence[Known], ahead: Coroutine[None, None, list[Known]] | None
    ) -> tuple[list[RowResult], list[Known] | None]:
        """Takes registers of different sessions; their results, and what `ahead` says, which is asked meanwhile.

        Of a register that is refused, rows of a table are tried by themselves: one of them never loses the others.
        """
        reading = None if ahead is None else asyncio.ensure_future(ahead)
        try:
            if reading is not None:
                await asyncio.sleep(0)  # the question is on its way before this process is busy
            registers = [sent.register for sent in bite]
            decided = decide(registers, known, self._heads, self._today, self._codes)
            results, refused = _told(bite, decided.outcomes)
        finally:
            read = None if reading is None else await reading
        if not self._dry_run or refused or self._may_depend(bite):
            await keep(self._tx, decided)
        for sent, error in refused:
            parts = split(sent, error)
            results += values.refused(sent, error) if not parts else []
            for part in parts:
                results += (await self._bite([part], await self._known([part]), None))[0]
        return results, read


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
