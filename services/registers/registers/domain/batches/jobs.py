"""A job: a batch on its way, as far as it is kept. It moves a piece at a time, with the marks of that piece."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from registers.domain.batches.table import Layout
from registers.domain.batches.values import Form, Piece, RowResult, Stamp, Warned, counted

State = Literal["receiving", "queued", "running", "done", "failed"]

PROBLEMS = ("quarantined", "rejected")
"""The statuses of marks that are in the list of errors."""


class Upload(NamedTuple):
    """What is known of a batch before it is read: who sends it, and how. `schools`: what it may write to;
    `token_schools`: what its token alone would open. None: all of them.
    """

    job_id: str
    subject: str
    schools: Sequence[int] | None
    token_schools: Sequence[int] | None
    form: Form
    dry_run: bool
    idempotency_key: str | None
    correlation_id: str


class Job(NamedTuple):
    """A job as it stands. `position` of `bytes` are done with, `lines` of the file (registers, in JSON) in them."""

    job_id: str
    subject: str
    schools: frozenset[int] | None
    state: State
    form: Form
    dry_run: bool
    fingerprint: str | None
    correlation_id: str
    created_at: datetime
    touched_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    layout: Layout | None
    bytes: int
    position: int
    lines: int
    pieces: int
    counts: Mapping[str, int]
    warnings: Mapping[str, Warned]
    sequences: Mapping[int, int]
    problem: Mapping[str, Any] | None

    def stamp(self) -> Stamp:
        """What all its registers have in common."""
        return Stamp(self.created_at, self.correlation_id)

    def opens(self, urn: int) -> bool:
        """Whether it may write to a school."""
        return self.schools is None or urn in self.schools


def behind(job: Job, piece: Piece) -> Job | None:
    """The job as it will stand where a piece ends, as far as that matters to reading on; None when nothing is left."""
    position = job.position + piece.used
    return None if position == job.bytes else job._replace(position=position, lines=job.lines + piece.rows)


def advanced(
    job: Job, piece: Piece, results: Sequence[RowResult], sequences: Mapping[int, int], began: datetime, now: datetime
) -> Job:
    """The job once a piece, which was begun at `began`, is done; it is done itself when nothing is left."""
    over = behind(job, piece) is None
    return job._replace(
        state="done" if over else "running",
        position=job.position + piece.used,
        lines=job.lines + piece.rows,
        pieces=job.pieces + (1 if results else 0),
        counts=counted(results, job.counts),
        warnings=_warnings(job.warnings, piece.warnings),
        sequences={**job.sequences, **sequences},
        started_at=job.started_at or began,
        touched_at=now,
        ended_at=now if over else None,
    )


def failed(job: Job, code: str, words: str, began: datetime, now: datetime) -> Job:
    """The job when it can't go on, as it turned out with a piece begun at `began`: what was done before stands."""
    problem = {"code": code, "detail": words}
    started_at = job.started_at or began
    return job._replace(state="failed", problem=problem, started_at=started_at, touched_at=now, ended_at=now)


def _warnings(before: Mapping[str, Warned], now: Mapping[str, Warned]) -> dict[str, Warned]:
    merged = dict(before)
    for code, warned in now.items():
        first = merged.get(code)
        merged[code] = warned if first is None else Warned(first.rows + warned.rows, first.first_line)
    return merged


def as_lines(results: Sequence[RowResult]) -> bytes:
    """Results as NDJSON."""
    return msgspec.json.Encoder().encode_lines(results)


def as_table(results: Sequence[RowResult]) -> bytes | None:
    """The results with a problem as rows of CSV, without a header; None when there are none.

    No cell begins with what a spreadsheet would take for a formula.
    """
    rows = [result for result in results if result.problem is not None]
    return "".join(_row(result) for result in rows).encode() if rows else None


TABLE_HEADER = b"line,pointer,school_urn,date,session,pupil_id,code,status,problem,detail\r\n"


def _row(result: RowResult) -> str:
    problem = result.problem
    cells = (
        result.line, result.pointer, result.school_urn, result.date, result.session, result.pupil_id, result.code,
        result.status, problem.code if problem else None, problem.detail if problem else None,
    )  # fmt: skip
    return ",".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(one in text for one in ',"\r\n') else text
