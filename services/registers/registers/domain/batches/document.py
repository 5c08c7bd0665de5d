"""One JSON body with all registers, `{"registers": […]}`, read register by register without holding it whole.

A token is a text or a bracket; a register ends where as many brackets are closed as were opened. What stands between
two registers is checked, what stands in one is left to the decoder: one that can't be read is refused alone.
"""

import re

from registers.domain.batches import lines
from registers.domain.batches.values import LONGEST, MalformedBatchError, Piece, Place, Stamp

HEAD = re.compile(rb'\s*\{\s*"registers"\s*:\s*\[\s*')
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_SPACE = re.compile(rb"\s*")
_SCALAR = re.compile(rb"[^\s,\[\]{}\"]+")
_TAIL = re.compile(rb"\]\s*\}\s*\Z")


class _MoreError(Exception):
    """The end of a register is not among the bytes that are there."""


def read(given: bytes, at_end: bool, rows: int, most: int, stamp: Stamp) -> Piece:
    """Reads whole registers from `given` until `most` marks; `rows` registers were read before.

    MalformedBatchError where it is no such body, once what stood before that was read.
    """
    piece, marks = Piece(), 0
    try:
        while marks < most and piece.used < len(given):
            number = rows + piece.rows
            start = _start(given, piece.used, number)
            if given[start : start + 1] == b"]":
                piece.used = _tail(given, start, at_end)
                break
            end = _end(given, start)
            if end == len(given):
                raise _MoreError  # a list is not over before its bracket
            before = len(piece.registers)
            lines.add(piece, given[start:end], Place(None, f"/registers/{number}"), stamp)
            piece.used, piece.rows = end, piece.rows + 1
            marks += sum(sent.size() for sent in piece.registers[before:])
    except (_MoreError, MalformedBatchError) as error:
        if not piece.used:
            _give_up(error, given, at_end, rows)
    return piece


def is_begun(given: bytes) -> bool:
    """Whether these first bytes of a body are those of a batch."""
    return HEAD.match(given) is not None


def _give_up(error: Exception, given: bytes, at_end: bool, rows: int) -> None:
    """Raises unless more bytes may bring the end of the first register."""
    if isinstance(error, MalformedBatchError):
        raise error
    if at_end:
        raise MalformedBatchError(f"The JSON ends within /registers/{rows}.")
    if len(given) > LONGEST:
        raise MalformedBatchError(f"/registers/{rows} has more than {LONGEST} bytes.")


def _start(given: bytes, at: int, number: int) -> int:
    """Where the next register begins, or the bracket that closes the list stands."""
    if number == 0:
        head = HEAD.match(given)
        if head is None:  # which was seen when it came in
            raise _MoreError
        at = head.end()
    else:
        at = _skip(given, at)
        if given[at : at + 1] == b",":
            at = _skip(given, at + 1)
            if given[at : at + 1] == b"]":
                raise MalformedBatchError(f"There is nothing behind the last comma, at /registers/{number}.")
        elif at < len(given) and given[at : at + 1] != b"]":
            raise MalformedBatchError(f"There is no comma before /registers/{number}.")
    if at >= len(given):
        raise _MoreError
    return at


def _skip(given: bytes, at: int) -> int:
    found = _SPACE.match(given, at)
    return found.end() if found else at


def _tail(given: bytes, at: int, at_end: bool) -> int:
    if not at_end:
        raise _MoreError
    if _TAIL.match(given, at) is None:
        raise MalformedBatchError('The body does not end with ]}, right behind "registers".')
    return len(given)


def _end(given: bytes, start: int) -> int:
    """Where the value that begins at `start` ends."""
    depth, at = 0, start
    scalar = _SCALAR.match(given, start)
    if scalar is not None:
        if scalar.end() == len(given):
            raise _MoreError
        return scalar.end()
    while found := _TOKEN.search(given, at):
        token, at = given[found.start() : found.start() + 1], found.end()
        if token == b'"':
            if found.end() == len(given):
                raise _MoreError
        else:
            depth += 1 if token in b"{[" else -1
        if depth <= 0:
            return at
    raise _MoreError
