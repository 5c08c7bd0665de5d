"""A table of marks (CSV): its rows as registers, one for each school and session that they bring marks of.

A row is a mark, or two where AM and PM are columns. Rows count in the order of the file: one that brings another mark
for a pupil and session is a register of its own, after the first. A row that can't be read is refused alone; one that
opens a quotation and never closes it does not swallow those behind it.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from common.academic import Session

from registers.domain.batches import cells, headings
from registers.domain.batches.cells import CellError
from registers.domain.batches.values import (
    LONGEST,
    MOST_MARKS,
    MalformedBatchError,
    Piece,
    Place,
    RowResult,
    SentRegister,
    Stamp,
)
from registers.domain.problems import Problem
from registers.domain.register import Register, SentMark

BOM = b"\xef\xbb\xbf"
ENCODINGS = ("utf-8", "cp1252")
VERSIONS = 2**63 - 1


class Layout(NamedTuple):
    """How a table is to be read; `school_urn` is given where no column says it."""

    encoding: str
    delimiter: str
    columns: Mapping[str, int]
    school_urn: int | None


class Header(NamedTuple):
    """What the first line says: the layout, the headings that are not read, and the bytes and lines that it takes."""

    layout: Layout
    ignored: Sequence[str]
    used: int
    rows: int


class _Group(NamedTuple):
    register: Register
    marks: list[SentMark]
    places: list[Place]


def header(given: bytes, school_urn: int | None) -> Header:
    """Reads the header from the first bytes of a table; HeadingError when it does not say what is needed."""
    start = len(BOM) if given.startswith(BOM) else 0
    text = given[start:]
    encoding = encoding_of(text)
    first = next((line for line in text.splitlines() if line.strip()), b"").decode(encoding, "replace")
    layout = Layout(encoding, headings.delimiter(first), {}, school_urn)
    for line, row, used in _records(text, True, layout):
        if row and any(row):
            columns, ignored = headings.read(row, school_urn)
            return Header(layout._replace(columns=columns), ignored, start + used, line)
    raise headings.HeadingError("no-header", "The table is empty; its first line has the headings.")


def encoding_of(given: bytes) -> str:
    """UTF-8 where these bytes, which may end within a character, can be that; else Windows-1252."""
    try:
        given.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return "cp1252"
    return "utf-8"


def read(given: bytes, at_end: bool, rows: int, most: int, stamp: Stamp, layout: Layout) -> Piece:
    """Reads whole rows from `given` until `most` marks; `rows` lines were read before, the header among them.

    MalformedBatchError for a row longer than a register may be.
    """
    table = _Table(layout, stamp)
    for line, row, used in _records(given, at_end, layout):
        table.add(rows + line, row)
        table.piece.used, table.lines = used, line
        if table.marks >= most:
            break
    piece = table.finished()
    if not piece.used and len(given) > LONGEST:
        raise MalformedBatchError(f"Line {rows + 1} has more than {LONGEST} bytes.")
    return piece


def _records(given: bytes, at_end: bool, layout: Layout) -> Iterator[tuple[int, list[str] | None, int]]:
    """Each whole row: its last line (from 1), its cells (None when they can't be read), the bytes up to its end."""
    ended = lines = 0

    def feed() -> Iterator[str]:
        nonlocal ended, lines
        while ended < len(given):
            stop = given.find(b"\n", ended)
            if stop < 0:
                if not at_end:
                    return
                stop = len(given) - 1
            raw, ended, lines = given[ended : stop + 1], stop + 1, lines + 1
            yield raw.decode(layout.encoding, "replace")

    while True:
        begun, before = ended, lines
        try:
            for row in csv.reader(feed(), delimiter=layout.delimiter, strict=True):
                yield lines, row, ended
                begun, before = ended, lines
            return
        except csv.Error:
            if not at_end and given.find(b"\n", ended) < 0 and len(given) - begun <= csv.field_size_limit():
                return  # the quotation may still be closed in what comes
            ended, lines = given.find(b"\n", begun) + 1 or len(given), before + 1
            yield lines, None, ended


class _Table:
    """The rows of one piece, as they are sorted into registers."""

    def __init__(self, layout: Layout, stamp: Stamp) -> None:
        self.piece = Piece()
        self.lines = 0
        self.marks = 0
        self._layout = layout
        self._at = layout.columns
        self._stamp = stamp
        self._groups: dict[tuple[object, ...], _Group] = {}
        self._turns: dict[tuple[int, date, Session], int] = {}
        self._seen: dict[tuple[int, date, Session], set[tuple[str | None, ...]]] = {}
        self._fixed = not {"taken_by", "taken_at", "source_version"} & self._at.keys()
        self._bare = not {"minutes_late", "comment", "reason", "amended_by"} & self._at.keys()

    def add(self, line: int, row: Sequence[str] | None) -> None:
        """Adds the marks of a row, or what is wrong with it."""
        if row is not None and not any(row):
            return
        try:
            if row is None:
                raise CellError("bad-quotation", "A quotation in this line is not closed, or goes on behind its end.")
            self._add(line, row)
        except CellError as error:
            problem = Problem(error.code, error.words)
            self.piece.refused.append(RowResult("rejected", line, problem=problem))
            self.marks += 1

    def _add(self, line: int, row: Sequence[str]) -> None:
        urn = self._layout.school_urn or cells.whole(self._cell(row, "school_urn"), 9_999_999, "The URN")
        if not urn:
            raise CellError("no-school", "The school's URN is missing.")
        on, day_first = cells.day(self._cell(row, "date"))
        names = self._names(row)
        given = [(session, code, self._mark(row, names, code)) for session, code in self._codes(row)]
        common = (None, None, None) if self._fixed else self._common(row)
        if day_first:
            self.piece.warn("day-first-date", line)
        for session, _, mark in given:
            self._sort_in(urn, on, session, common, names, mark, line)

    def _cell(self, row: Sequence[str], column: str) -> str:
        at = self._at.get(column)
        return row[at].strip() if at is not None and at < len(row) else ""

    def _names(self, row: Sequence[str]) -> tuple[str | None, str | None, str | None]:
        """Local id, UPN and id of the row's pupil."""
        local_id = self._cell(row, "local_id") or self._cell(row, "admission_number") or None
        upn, pupil_id = self._cell(row, "upn") or None, self._cell(row, "pupil_id") or None
        if local_id is None and upn is None and pupil_id is None:
            raise CellError("no-key", "The row names no pupil.")
        if max(len(local_id or ""), len(upn or ""), len(pupil_id or "")) > 64:
            raise CellError("too-long", "What names a pupil has at most 64 characters.")
        return local_id, upn, pupil_id

    def _codes(self, row: Sequence[str]) -> list[tuple[Session, str]]:
        """The sessions that the row is about, and their codes."""
        if "code" in self._at:
            found = [(cells.session(self._cell(row, "session")), self._cell(row, "code"))]
        else:
            halves = ((Session.AM, "am_code"), (Session.PM, "pm_code"))
            found = [(session, self._cell(row, column)) for session, column in halves if column in self._at]
        if any(len(code) > 16 for _, code in found):
            raise CellError("too-long", "A code has at most 16 characters.")
        return found

    def _mark(self, row: Sequence[str], names: tuple[str | None, ...], code: str) -> SentMark:
        local_id, upn, pupil_id = names
        if self._bare:
            return SentMark(code, pupil_id, upn, local_id)
        minutes = cells.whole(self._cell(row, "minutes_late"), 1440, "Minutes late")
        return SentMark(
            code,
            pupil_id,
            upn,
            local_id,
            minutes if "code" in self._at or code in ("L", "U") else None,  # of AM and PM, the late one
            cells.short(self._cell(row, "comment"), 2000, "A comment"),
            cells.short(self._cell(row, "reason"), 2000, "A reason"),
            cells.short(self._cell(row, "amended_by"), 2000, "Who amended a mark"),
        )

    def _common(self, row: Sequence[str]) -> tuple[int | None, str | None, datetime | None]:
        """What a register says beside its marks: version, by whom and when it was taken."""
        return (
            cells.whole(self._cell(row, "source_version"), VERSIONS, "A version"),
            cells.short(self._cell(row, "taken_by"), 200, "Who took a register"),
            cells.moment(self._cell(row, "taken_at")),
        )

    def _sort_in(
        self,
        urn: int,
        on: date,
        session: Session,
        common: tuple[int | None, str | None, datetime | None],
        names: tuple[str | None, ...],
        mark: SentMark,
        line: int,
    ) -> None:
        """Puts a mark into its register; into a further one when that names the pupil already."""
        slot = (urn, on, session)
        seen = self._seen.setdefault(slot, set())
        if names in seen or len(seen) == MOST_MARKS:
            seen.clear()
            self._turns[slot] = self._turns.get(slot, 0) + 1
        seen.add(names)
        key = (*slot, *common, self._turns.get(slot, 0))
        group = self._groups.get(key)
        if group is None:
            version, taken_by, taken_at = common
            marks: list[SentMark] = []
            register = Register(urn, on, session, version, taken_at, taken_by, *self._stamp, marks)
            group = self._groups[key] = _Group(register, marks, [])
        group.marks.append(mark)
        group.places.append(Place(line, None))
        self.marks += 1

    def finished(self) -> Piece:
        """All of it."""
        self.piece.registers += [SentRegister(group.register, group.places) for group in self._groups.values()]
        self.piece.rows = self.lines
        return self.piece
