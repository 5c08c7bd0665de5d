"""Registers as JSON: one of them from its bytes, and a body with one register on each line (NDJSON)."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from common.academic import Session
from common.errors import InvalidError
from msgspec import Meta

from registers.domain.batches.values import (
    LONGEST,
    MOST_MARKS,
    MalformedBatchError,
    Piece,
    Place,
    RowResult,
    SentRegister,
    Stamp,
    refused,
)
from registers.domain.pointers import told
from registers.domain.problems import Problem
from registers.domain.register import Register, SentMark, check_keys

VERSIONS = 2**63 - 1


class BatchRegister(msgspec.Struct, frozen=True):
    """A register in a batch: what its path says elsewhere, and its body."""

    school_urn: Annotated[int, Meta(ge=1, le=9_999_999)]
    date: date
    session: Literal["AM", "PM"]
    marks: Annotated[list[SentMark], Meta(description=f"At most {MOST_MARKS}.")]
    taken_at: Annotated[datetime, Meta(tz=True)] | None = None
    taken_by: Annotated[str, Meta(max_length=200)] | None = None
    source_version: Annotated[int, Meta(ge=0, le=VERSIONS, description="Rises per school.")] | None = None


_decoder = msgspec.json.Decoder(BatchRegister)


def add(piece: Piece, raw: bytes, place: Place, stamp: Stamp) -> None:
    """Adds one register, or what is wrong with it."""
    why = _unreadable(raw)
    if why is None:
        try:
            sent = _decoder.decode(raw)
        except msgspec.ValidationError as error:
            message, pointer = told(error, BatchRegister)
            why = Problem("invalid", message, (place.pointer or "") + pointer)
        except (msgspec.DecodeError, RecursionError, ValueError):
            why = Problem("malformed", "This is not JSON.", place.pointer)
        else:
            _add(piece, sent, place, stamp)
            return
    piece.refused.append(RowResult("rejected", place.line, place.pointer, problem=why))


def _add(piece: Piece, sent: BatchRegister, place: Place, stamp: Stamp) -> None:
    register = Register(
        sent.school_urn,
        sent.date,
        Session[sent.session],
        sent.source_version,
        sent.taken_at,
        sent.taken_by,
        stamp.received_at,
        stamp.correlation_id,
        sent.marks,
    )
    if (why := _out_of_bounds(sent)) is not None:
        problem = Problem(why[0], why[2], (place.pointer or "") + why[1])
        on = sent.date.isoformat()
        result = RowResult("rejected", place.line, place.pointer, sent.school_urn, on, sent.session, problem=problem)
        piece.refused.append(result)
        return
    sent_register = SentRegister(register, () if place.line is None else (place.line,), place.pointer or "")
    try:
        check_keys(sent.marks)
    except InvalidError as error:
        piece.refused.extend(refused(sent_register, error))
        return
    piece.registers.append(sent_register)


def _unreadable(raw: bytes) -> Problem | None:
    return Problem("malformed", "A text contains the NUL character.") if b"\\u0000" in raw else None


def _out_of_bounds(sent: BatchRegister) -> tuple[str, str, str] | None:
    """Code, pointer and sentence of what no decoder sees."""
    if len(sent.marks) > MOST_MARKS:
        return "too-large", "/marks", f"A register has at most {MOST_MARKS} marks."
    if not 2000 <= sent.date.year <= 2099:
        return "bad-date", "/date", "Not within this century."
    if sent.taken_at is not None and not 2000 <= sent.taken_at.year <= 2100:
        return "bad-time", "/taken_at", "Not within this century."
    return None


def read(given: bytes, at_end: bool, rows: int, most: int, stamp: Stamp) -> Piece:
    """Reads whole lines of NDJSON from `given` until `most` marks; `rows` lines were read before. Blank ones are
    passed over. MalformedBatchError for a line longer than a register may be.
    """
    piece, marks = Piece(), 0
    while piece.used < len(given) and marks < most:
        end = given.find(b"\n", piece.used)
        if end < 0:
            if not at_end:
                break
            end = len(given) - 1
        raw = given[piece.used : end + 1].strip()
        piece.used = end + 1
        piece.rows += 1
        if raw:
            before = len(piece.registers)
            add(piece, raw, Place(rows + piece.rows, ""), stamp)
            marks += sum(sent.size() for sent in piece.registers[before:])
    if not piece.used and len(given) > LONGEST:
        raise MalformedBatchError(f"Line {rows + 1} has more than {LONGEST} bytes.")
    return piece
