"""Registers: the hot path. Those that arrive while others are being written are written together, in one transaction.

A register must wait for its school's lock anyway; so a `Recorder` collects what arrives and takes, whenever it is free,
all that waits: one statement locks the schools, one reads, one keeps the marks, one appends to the ledgers. Each
register is still a write of its own: it is decided alone, has its own entries in the ledger, and is refused alone. Two
registers of one session at one school are never taken together, so each is decided on what the other left.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from common.academic import Session
from common.clock import Clock
from common.codes import Code, code_table
from common.db import Database, Transaction
from common.errors import NotFoundError, RollcallError, StaleError
from common.preconditions import NOTHING_ASKED, Precondition

from registers.actions.writing import new_id
from registers.domain import ledger as ledger_rules
from registers.domain import register as rules
from registers.domain.ledger import Head, LedgerEntry
from registers.domain.register import Known, MarkAnswer, Recorded, Register
from registers.domain.standing import state_of_register
from registers.store import marks, reading, schools
from registers.store import registers as store
from registers.store.registers import Submission

MOST_REGISTERS = 32
MOST_MARKS = 4000
"""How much one transaction takes: a second register of 2,000 marks is not held up by ten others."""
WRITERS = 2
"""While PostgreSQL works for one, Python works for the other."""


class Outcome(NamedTuple):
    """The answers to the marks of a register, in order, and the last number of its school that it stands behind."""

    answers: list[MarkAnswer]
    sequence: int


class _Job(NamedTuple):
    register: Register
    outcome: "asyncio.Future[Outcome]"
    only: Precondition = NOTHING_ASKED


class Recorder:
    """Writes registers. `wake` is called after each commit that added to a ledger."""

    def __init__(self, database: Database, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._codes = code_table()
        self._waiting: list[_Job] = []
        self._busy: set[int] = set()
        self._writers: set[asyncio.Task[None]] = set()

    async def record(self, register: Register, only: Precondition = NOTHING_ASKED) -> Outcome:
        """Takes a register once it is committed. NotFoundError: unknown school; InvalidError: ambiguous pupils;
        StaleError unless `only` holds of what stands in the session.
        """
        rules.check_keys(register.marks)
        job = _Job(register, asyncio.get_running_loop().create_future(), only)
        self._waiting.append(job)
        self._start()
        return await job.outcome

    def _start(self) -> None:
        """Puts another writer to work when there is something for it to do."""
        if len(self._writers) < WRITERS and (batch := self._take()):
            writer = asyncio.create_task(self._write(batch))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)

    def _take(self) -> list[_Job]:
        """The registers to write next: in the order of arrival, none of a school that another writer has."""
        batch: list[_Job] = []
        left: list[_Job] = []
        taken: set[tuple[int, date, Session]] = set()
        size = 0
        for job in self._waiting:
            register = job.register
            slot = register.urn, register.on, register.session
            size += len(register.marks)
            full = batch and (size > MOST_MARKS or len(batch) == MOST_REGISTERS)
            if full or slot in taken or register.urn in self._busy:
                left.append(job)
            else:
                batch.append(job)
            taken.add(slot)
        self._waiting = left
        self._busy |= {job.register.urn for job in batch}
        return batch

    async def _write(self, batch: list[_Job]) -> None:
        """Writes a batch, then whatever has arrived in the meantime."""
        while batch:
            outcomes, said = await self._try(batch)
            self._busy -= {job.register.urn for job in batch}
            for job, outcome in zip(batch, outcomes, strict=True):
                if job.outcome.done():
                    continue  # its caller has given up
                if isinstance(outcome, Outcome):
                    job.outcome.set_result(outcome)
                else:
                    job.outcome.set_exception(outcome)
            if said:
                self._wake()
            batch = self._take()

    async def _try(self, batch: Sequence[_Job]) -> "tuple[Sequence[Outcome | Exception], bool]":
        try:
            return await self._database.in_transaction(lambda tx: self._record(tx, batch))
        except Exception as error:  # each of the callers gets it, and the web answers
            return [error] * len(batch), False

    async def _record(self, tx: Transaction, jobs: Sequence[_Job]) -> "tuple[Sequence[Outcome | Exception], bool]":
        """Load, decide, save, announce: all registers of a batch in one transaction; their outcomes in order, and
        whether there is something for the relay.
        """
        heads = await schools.lock(tx, {job.register.urn for job in jobs})
        stale = await _stale(tx, jobs, heads)
        registers = [job.register for at, job in enumerate(jobs) if at not in stale]
        known = await store.known(tx, registers)
        decided = decide(registers, known, heads, self._clock.today(), self._codes)
        await keep(tx, decided)
        outcomes = iter(decided.outcomes)
        return [stale.get(at) or next(outcomes) for at in range(len(jobs))], bool(decided.entries)


async def _stale(tx: Transaction, jobs: Sequence[_Job], locked: Collection[int]) -> dict[int, StaleError]:
    """By place among `jobs`, those that ask in vain for what stands in their session at schools that are locked."""
    stale: dict[int, StaleError] = {}
    for at, (register, _, only) in enumerate(jobs):
        if only != NOTHING_ASKED and register.urn in locked:
            standing = await reading.register(tx, register.urn, register.on, register.session)
            try:
                only.check(state_of_register(standing))
            except StaleError as error:
                stale[at] = error
    return stale


class Decided(NamedTuple):
    """What some registers change: their outcomes in order, what is to be kept of them, and what that says."""

    outcomes: "list[Outcome | RollcallError]"
    recorded: list[tuple[Register, int, Recorded]]
    entries: list[LedgerEntry]


def decide(
    registers: Sequence[Register],
    known: Sequence[Known],
    heads: dict[int, Head],
    today: date,
    codes: Mapping[str, Code],
) -> Decided:
    """Decides registers of different sessions by what is known. `heads` says where the ledgers of their schools, which
    are locked, end; and afterwards where they end then.
    """
    decided = Decided([], [], [])
    for register, what in zip(registers, known, strict=True):
        try:
            if register.urn not in heads:
                raise NotFoundError("No such school.")
            result = rules.record(register, what, today, codes)
        except RollcallError as error:
            decided.outcomes.append(error)
            continue
        head = heads[register.urn]
        said = ledger_rules.chain(result.facts, head, register.received_at, new_id, register.correlation_id)
        heads[register.urn] = ledger_rules.after(head, said)
        decided.entries.extend(said)
        decided.recorded.append((register, what.received, result))
        decided.outcomes.append(Outcome(result.answers, heads[register.urn].number))
    return decided


async def keep(tx: Transaction, decided: Decided) -> None:
    """Keeps what was decided, and announces it."""
    submissions = [
        Submission(register, received, "register", result.kept, result.waiting)
        for register, received, result in decided.recorded
        if result.kept or result.waiting
    ]
    for register, _, result in decided.recorded:
        await marks.change(tx, register.urn, result.changed)
    if submissions or decided.entries:
        await store.keep(tx, submissions, decided.entries)
