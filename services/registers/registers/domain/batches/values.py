"""What reading a batch gives: registers with the places of their marks, what can't be read, what is put up with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from common.errors import RollcallError

from registers.domain import register
from registers.domain.problems import Problem
from registers.domain.register import MarkAnswer, Register

Form = Literal["json", "ndjson", "csv"]

STATUSES: tuple[str, ...] = (*register.STATUSES, "rejected")
"""What may become of a mark in a batch; `rejected`: nothing of it was kept."""

MOST_BYTES = 2 * 1024**3
"""How long a batch may be."""
LONGEST = 4 * 1024**2
"""How many bytes one register of a batch may have: as many as a body of its own."""
MOST_MARKS = 2000
"""How many marks one register may have."""


class MalformedBatchError(Exception):
    """The batch can't be read any further. `words` say why, and where."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class RowResult(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one mark: `line` counts from 1 (CSV, NDJSON), `pointer` goes into the line's or the body's JSON.

    A register that could not be read has one result, without status of its marks: `rejected`.
    """

    status: str
    line: int | None = None
    pointer: str | None = None
    school_urn: int | None = None
    date: str | None = None
    session: str | None = None
    pupil_id: str | None = None
    code: str | None = None
    problem: Problem | None = None


class Place(NamedTuple):
    """Where a mark stands: its line, and the pointer to its register (None in a table)."""

    line: int | None
    pointer: str | None


class SentRegister(NamedTuple):
    """One register of a batch. `lines`: that of each mark in a table, that of the register in NDJSON, none in JSON;
    `pointer`: to the register, none in a table.
    """

    register: Register
    lines: Sequence[int]
    pointer: str | None

    def line(self, number: int) -> int | None:
        """The line where its mark with this number stands."""
        return self.lines[number] if self.pointer is None else self.lines[0] if self.lines else None

    def size(self) -> int:
        """How many marks it has."""
        return len(self.register.marks)


class Stamp(NamedTuple):
    """What every register of a batch has in common: when the batch came, and under which correlation id."""

    received_at: datetime
    correlation_id: str


@dataclass
class Warned:
    """How often something was put up with, and the first line where it was."""

    rows: int = 0
    first_line: int = 0


@dataclass
class Piece:
    """What was read at once. `used` bytes of what was given are done with, and `rows` lines or registers in them."""

    registers: list[SentRegister] = field(default_factory=list[SentRegister])
    refused: list[RowResult] = field(default_factory=list[RowResult])
    warnings: dict[str, Warned] = field(default_factory=dict[str, Warned])
    used: int = 0
    rows: int = 0

    def warn(self, code: str, line: int) -> None:
        """Something was put up with."""
        warned = self.warnings.setdefault(code, Warned(first_line=line))
        warned.rows += 1


WARNINGS: Mapping[str, str] = {
    "day-first-date": "Dates written day first (31/12/2025) were read as such; write 2025-12-31.",
    "windows-1252": "The file is not UTF-8 and was read as Windows-1252.",
    "column-ignored": "A column with an unknown heading was not read.",
}
"""What is put up with, and what is said of it."""


def answers_of(sent: SentRegister, answers: Sequence[MarkAnswer]) -> list[RowResult]:
    """The results of a register's marks, in its order."""
    register, base, lines = sent.register, sent.pointer, sent.lines
    on, session, urn = register.on.isoformat(), register.session.name, register.urn
    results: list[RowResult] = []
    for number, answer in enumerate(answers):
        pointer = None if base is None else base + answer.pointer
        told = answer.problem
        if told is not None:
            told = Problem(told.code, told.detail, None if base is None else base + (told.pointer or ""))
        line = lines[number] if base is None else sent.line(number)
        results.append(RowResult(answer.status, line, pointer, urn, on, session, answer.pupil_id, answer.code, told))
    return results


def refused(sent: SentRegister, error: RollcallError) -> list[RowResult]:
    """The results of a register of which nothing is taken: the marks that are to blame say why, the others that."""
    faults = {fault.pointer.removeprefix("/marks/").partition("/")[0]: fault for fault in error.faults}
    register, base = sent.register, sent.pointer
    results: list[RowResult] = []
    for number, mark in enumerate(register.marks):
        pointer = None if base is None else f"{base}/marks/{number}"
        fault = faults.get(str(number))
        problem = Problem(fault.code, fault.detail, pointer) if fault else Problem(error.type, error.detail, base)
        told, line = (mark.code or "").strip(), sent.line(number)
        on, session = register.on.isoformat(), register.session.name
        results.append(RowResult("rejected", line, pointer, register.urn, on, session, None, told, problem))
    return results


def counted(results: Sequence[RowResult], before: Mapping[str, Any]) -> dict[str, int]:
    """The counts by status, with those of `before` added."""
    counts = {status: int(before.get(status, 0)) for status in STATUSES}
    for result in results:
        counts[result.status] += 1
    return counts
