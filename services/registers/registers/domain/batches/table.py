"""A table of marks (CSV): its rows as registers, one for each school and session that they bring marks of.

A row is a mark, or two where AM and PM are columns. Rows count in the order of the file: one that brings another mark
for a pupil and session is a register of its own, after the first. A row that can't be read is refused alone; one that
opens a quotation and never closes it does not swallow those behind it.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from common.academic import Session

from registers.domain.batches import cells, headings
from registers.domain.batches.cells import CellError
from registers.domain.batches.values import (
    LONGEST,
    MOST_MARKS,
    MalformedBatchError,
    Piece,
    RowResult,
    SentRegister,
    Stamp,
)
from registers.domain.problems import Problem
from registers.domain.register import Register, SentMark

BOM = b"\xef\xbb\xbf"
ENCODINGS = ("utf-8", "cp1252")
VERSIONS = 2**63 - 1

_Common: TypeAlias = "tuple[int | None, str | None, datetime | None]"
_NOTHING_BESIDE: _Common = (None, None, None)
_DETAILS = ("minutes_late", "comment", "reason", "amended_by")
_OF_MARKS = ("local_id", "admission_number", "upn", "pupil_id", *_DETAILS)
"""The columns that marks are made of, beside their codes."""
_Names: TypeAlias = "tuple[str | None, str | None, str | None]"
"""Local id, UPN and id of a pupil, as far as they are given."""


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


def header(given: bytes, school_urn: int | None) -> Header:
    """Reads the header from the first bytes of a table; HeadingError when it does not say what is needed."""
    start = len(BOM) if given.startswith(BOM) else 0
    text = given[start:]
    encoding = encoding_of(text)
    first = next((line for line in text.splitlines() if line.strip()), b"").decode(encoding, "replace")
    layout = Layout(encoding, headings.delimiter(first), {}, school_urn)
    for line, row in _records(text, True, layout):
        if row and any(row):
            columns, ignored = headings.read(row, school_urn)
            return Header(layout._replace(columns=columns), ignored, start + _behind(text, 0, line), line)
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
    piece = Piece()
    table = _Table(piece, layout, stamp)
    for line, row in _records(given, at_end, layout):
        table.add(rows + line, row)
        piece.rows = line
        if table.marks >= most:
            break
    piece.used = _behind(given, 0, piece.rows)
    piece.registers = table.registers()
    if not piece.used and len(given) > LONGEST:
        raise MalformedBatchError(f"Line {rows + 1} has more than {LONGEST} bytes.")
    return piece


def _records(given: bytes, at_end: bool, layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """Each whole row: its last line (from 1), and its cells, or None when they can't be read."""
    whole = given if at_end else given[: given.rfind(b"\n") + 1]
    start = lines = 0
    while start < len(whole):
        text = whole[start:].decode(layout.encoding, "replace")
        reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=layout.delimiter, strict=True)
        done = 0
        try:
            for row in reader:
                done = reader.line_num
                yield lines + done, row
            return
        except csv.Error:
            begun = _behind(whole, start, done)
            is_over = _behind(whole, start, reader.line_num) == len(whole)
            if is_over and not at_end and len(whole) - begun <= csv.field_size_limit():
                return  # the quotation may still be closed in what comes
            start, lines = _behind(whole, begun, 1), lines + done + 1
            yield lines, None


def _behind(given: bytes, start: int, lines: int) -> int:
    """Where the bytes behind so many lines begin."""
    for _ in range(lines):
        start = given.find(b"\n", start) + 1 or len(given)
    return start


class _Registers:
    """A school's session, and the registers that the rows make of it. `names` are the pupils of the present turn: of
    the registers that name none of them twice. `marks` and `lines` are those of the present register, which says
    `common` beside them.
    """

    __slots__ = ("_turn", "common", "lines", "marks", "names", "registers", "slot")

    def __init__(self, slot: tuple[int, date, Session]) -> None:
        self.slot = slot
        self.names: set[_Names] = set()
        self.registers: dict[tuple[object, ...], tuple[Register, list[SentMark], list[int]]] = {}
        self._turn = 0
        self.common: _Common | None = None
        self.marks: list[SentMark] = []
        self.lines: list[int] = []

    def next_turn(self, names: _Names) -> None:
        """This pupil is named a second time, or the register is full."""
        self.names = {names}
        self._turn += 1
        self.common = None

    def go_to(self, common: _Common, stamp: Stamp) -> None:
        """The present register is the one of this turn that says this beside its marks."""
        key = (self._turn, *common)
        if (found := self.registers.get(key)) is None:
            marks: list[SentMark] = []
            version, taken_by, taken_at = common
            lines: list[int] = []
            found = Register(*self.slot, version, taken_at, taken_by, *stamp, marks), marks, lines
            self.registers[key] = found
        _, self.marks, self.lines = found
        self.common = common


class _Where(NamedTuple):
    """What a row's school, date and session mean, as they are written: the session of its code, or of its two."""

    session: _Registers
    second: _Registers | None
    day_first: bool


class _Marks(NamedTuple):
    """Whom a row names, and its mark, or its two."""

    names: _Names
    first: SentMark
    second: SentMark | None


class _Table:
    """The rows of one piece, as they are sorted into registers.

    Rows repeat each other: what school, date and session mean, and what pupil and code, is made out once.
    """

    def __init__(self, piece: Piece, layout: Layout, stamp: Stamp) -> None:
        self.marks = 0
        self._piece = piece
        self._school_urn = layout.school_urn
        self._at = at = {column: layout.columns.get(column, -1) for column in headings.COLUMNS}
        self._width = max(layout.columns.values()) + 1
        self._stamp = stamp
        self._begun: list[_Registers] = []
        self._sessions: dict[tuple[int, date, Session], _Registers] = {}
        self._has_codes = "code" in layout.columns
        self._common = bool({"taken_by", "taken_at", "source_version"} & layout.columns.keys())
        self._details = not layout.columns.keys().isdisjoint(_DETAILS)
        halves = ((Session.AM, "am_code"), (Session.PM, "pm_code"))
        self._halves = [session for session, column in halves if column in layout.columns]
        places = [at["code"]] if self._has_codes else [at[one] for _, one in halves if one in layout.columns]
        self._place, self._second_place = places[0], places[1] if len(places) > 1 else None
        self._written_where = itemgetter(at["school_urn"], at["date"], at["session"])
        self._where: dict[tuple[str, ...], _Where] = {}
        self._written_marks = itemgetter(*(at[column] for column in _OF_MARKS if column in layout.columns), *places)
        self._marks: dict[tuple[str, ...], _Marks] = {}

    def registers(self) -> list[SentRegister]:
        """All that there is, in the order in which it began."""
        return [
            SentRegister(register, lines, None)
            for session in self._begun
            for register, _, lines in session.registers.values()
        ]

    def add(self, line: int, row: list[str] | None) -> None:
        """Adds the marks of a row, or what is wrong with it."""
        try:
            if row is None:
                raise CellError("bad-quotation", "A quotation in this line is not closed, or goes on behind its end.")
            if any(row):
                # A column that is not there is the last one; of a short row the rest is blank.
                if len(row) < self._width:
                    row += [""] * self._width
                row.append("")
                self._add(line, row)
        except CellError as error:
            self._piece.refused.append(RowResult("rejected", line, problem=Problem(error.code, error.words)))
            self.marks += 1

    def _add(self, line: int, row: list[str]) -> None:
        where = self._where.get(self._written_where(row)) or self._make_out_where(row)
        names, mark, second = self._marks.get(self._written_marks(row)) or self._make_out_marks(row)
        common = self._beside(row) if self._common else _NOTHING_BESIDE
        if where.day_first:
            self._piece.warn("day-first-date", line)
        self._sort_in(where.session, names, common, mark, line)
        if second is not None and where.second is not None:
            self._sort_in(where.second, names, common, second, line)

    def _sort_in(self, session: _Registers, names: _Names, common: _Common, mark: SentMark, line: int) -> None:
        """Puts a mark into its register; into a further one when that names the pupil already."""
        named = len(session.names)
        session.names.add(names)
        if len(session.names) == named or named == MOST_MARKS:
            session.next_turn(names)
        if session.common is not common and session.common != common:
            if not session.registers:
                self._begun.append(session)
            session.go_to(common, self._stamp)
        session.marks.append(mark)
        session.lines.append(line)
        self.marks += 1

    def _make_out_where(self, row: Sequence[str]) -> _Where:
        """What a row says of school, date and session, to be remembered."""
        at = self._at
        urn, on, day_first = self._day(row[at["school_urn"]], row[at["date"]])
        halves = [cells.session(row[at["session"]].strip())] if self._has_codes else self._halves
        sessions = [self._session((urn, on, session)) for session in halves]
        where = _Where(sessions[0], sessions[1] if len(sessions) > 1 else None, day_first)
        self._where[self._written_where(row)] = where
        return where

    def _make_out_marks(self, row: Sequence[str]) -> _Marks:
        """Whom a row names and which mark or marks it gives, to be remembered."""
        at = self._at
        names = (
            row[at["local_id"]].strip() or row[at["admission_number"]].strip() or None,
            row[at["upn"]].strip() or None,
            row[at["pupil_id"]].strip() or None,
        )
        _check_names(names)
        second = None if self._second_place is None else self._mark(row, names, self._second_place)
        marks = self._marks[self._written_marks(row)] = _Marks(names, self._mark(row, names, self._place), second)
        return marks

    def _session(self, slot: tuple[int, date, Session]) -> _Registers:
        if (found := self._sessions.get(slot)) is None:
            found = self._sessions[slot] = _Registers(slot)
        return found

    def _day(self, urn: str, written: str) -> tuple[int, date, bool]:
        school = self._school_urn or cells.whole(urn.strip(), 9_999_999, "The URN")
        if not school:
            raise CellError("no-school", "The school's URN is missing.")
        return school, *cells.day(written.strip())

    def _mark(self, row: Sequence[str], names: _Names, place: int) -> SentMark:
        """The mark of which the code is at `place`."""
        local_id, upn, pupil_id = names
        code = row[place].strip()
        if len(code) > 255:
            raise CellError("too-long", "A code has at most 255 characters.")
        if not self._details:
            return SentMark(code, pupil_id, upn, local_id)
        at = self._at
        minutes = cells.whole(row[at["minutes_late"]].strip(), 1440, "Minutes late")
        return SentMark(
            code,
            pupil_id,
            upn,
            local_id,
            minutes if self._has_codes or code in ("L", "U") else None,  # of AM and PM, the late one
            cells.short(row[at["comment"]].strip(), 2000, "A comment"),
            cells.short(row[at["reason"]].strip(), 2000, "A reason"),
            cells.short(row[at["amended_by"]].strip(), 2000, "Who amended a mark"),
        )

    def _beside(self, row: Sequence[str]) -> _Common:
        """What a register says beside its marks: version, by whom and when it was taken."""
        at = self._at
        return (
            cells.whole(row[at["source_version"]].strip(), VERSIONS, "A version"),
            cells.short(row[at["taken_by"]].strip(), 200, "Who took a register"),
            cells.moment(row[at["taken_at"]].strip()),
        )


def _check_names(names: _Names) -> None:
    longest = max(len(name or "") for name in names)
    if not longest:
        raise CellError("no-key", "The row names no pupil.")
    if longest > 64:
        raise CellError("too-long", "What names a pupil has at most 64 characters.")
