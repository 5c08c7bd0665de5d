"""The marks of a batch, as columns: what a register says of thirty children costs no object for each of them.

A sheet that a batch writes to has a number here, from 0 on in the order of its first mark. `MarkColumns.add` takes a
register; `parts` gives the marks back, portion by portion; `digest` says what those of a portion do to its sheets, cell
by cell.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from common.academic import GRID, Session, place_of, year_of
from common.codes import code_table
from common.events import Event
from common.events.registers import SessionMarked

from absence_engine.domain.history import millis
from absence_engine.domain.records import Codes, SheetKey

NUMBERS: dict[str | None, int] = {None: 0} | {code.code: code.number for code in code_table().values()}

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint8]


@lru_cache(maxsize=4096)
def spot(day: str, session: str) -> tuple[date, int, int]:
    """A session's day, its academic year, and its place on that year's grid."""
    on = date.fromisoformat(day)
    return on, year_of(on), place_of(on, Session[session])


class _SheetNumbers(dict[str, int]):
    """The numbers of the sheets of a school's year, by the id of the ledger; a new id gets the next number. Registers
    name the same pupils again and again: of what each first pupil began, the last is remembered.
    """

    def __init__(self, keys: list[SheetKey], urn: int, year: int) -> None:
        super().__init__()
        self._keys, self._urn, self._year = keys, urn, year
        self._registers: dict[str, tuple[list[str], bytes]] = {}

    def of_register(self, pupil_ids: list[str]) -> bytes:
        """The numbers of some pupils, as the bytes of an array of C ints."""
        known = self._registers.get(pupil_ids[0]) if pupil_ids else None
        if known is None or known[0] != pupil_ids:
            known = (pupil_ids, array("i", [self[pupil_id] for pupil_id in pupil_ids]).tobytes())
            if len(pupil_ids) > 1:
                self._registers[pupil_ids[0]] = known
        return known[1]

    def __missing__(self, pupil_id: str) -> int:
        number = self[pupil_id] = len(self._keys)
        self._keys.append((pupil_id, self._urn, self._year))
        return number


@dataclass(frozen=True, slots=True)
class Part:
    """The marks of some sheets, by sheet and in the order of the ledger: arrays of equal length. `row` says of which of
    `keys` a mark is, `entry` which of the batch's registers told it.
    """

    keys: Sequence[SheetKey]
    row: Ints
    place: Ints
    code: Numbers
    entry: Ints


@dataclass(frozen=True, slots=True)
class Cells:
    """Every change of a cell of some sheets, by sheet and place, one cell's in the order of the ledger; arrays of equal
    length. A mark that says what stands already changes nothing. `entry`: which of the batch's registers did it.
    """

    keys: Sequence[SheetKey]
    row: Ints
    place: Ints
    before: Numbers
    after: Numbers
    entry: Ints


class MarkColumns:
    """All marks of a batch, in the order in which they came. `number` and `at` (milliseconds since 1970) are those of
    each register's entry.
    """

    def __init__(self) -> None:
        self.keys: list[SheetKey] = []
        self._urn, self._number, self._at = array("i"), array("q"), array("q")
        self._place, self._count = array("h"), array("i")
        self._sheet, self._code = array("i"), array("B")
        self._schools: dict[tuple[int, int], _SheetNumbers] = {}

    def __len__(self) -> int:
        return len(self._sheet)

    def add(self, entry: Event, data: SessionMarked, year: int, place: int) -> bool:
        """Adds a register; whether there is a code in it, and not only the removal of marks."""
        assert entry.schoolurn is not None
        assert entry.sequence is not None
        key = (entry.schoolurn, year)
        if (sheets := self._schools.get(key)) is None:
            sheets = self._schools[key] = _SheetNumbers(self.keys, *key)
        codes = bytes([NUMBERS[mark.code] for mark in data.marks])
        self._sheet.frombytes(sheets.of_register([mark.pupil_id for mark in data.marks]))
        self._code.frombytes(codes)
        self._urn.append(entry.schoolurn)
        self._number.append(entry.sequence)
        self._at.append(millis(entry.time))
        self._place.append(place)
        self._count.append(len(data.marks))
        return any(codes)

    @property
    def number(self) -> Ints:
        """The number of each register in its ledger."""
        return np.frombuffer(self._number, np.int64)

    @property
    def at(self) -> Ints:
        """When each register was written."""
        return np.frombuffer(self._at, np.int64)

    def touched(self, upto: Mapping[int, int]) -> dict[int, tuple[set[str], set[str]]]:
        """By school the ids that its registers up to a number name, and those that later ones do."""
        if not len(self):
            return {}
        bound = np.array([upto[urn] for urn in self._urn], np.int64)
        done = np.repeat(self.number <= bound, self._counts())
        sheet = np.frombuffer(self._sheet, np.int32)
        found = {urn: (set[str](), set[str]()) for urn in set(self._urn)}
        for later, of_marks in enumerate((done, ~done)):
            for number in np.flatnonzero(np.bincount(sheet[of_marks])).tolist():
                pupil_id, urn, _ = self.keys[number]
                found[urn][later].add(pupil_id)
        return found

    def parts(self, portion: Ints, portions: int) -> Iterator[Part]:
        """The marks in so many portions: `portion` says for each sheet in which one it comes."""
        by_portion = np.argsort(portion, kind="stable")
        rank = np.empty(len(by_portion), np.int32)
        rank[by_portion] = np.arange(len(by_portion), dtype=np.int32)
        row = rank[np.frombuffer(self._sheet, np.int32)]
        order = np.argsort(row, kind="stable")
        row = row[order]
        code = np.frombuffer(self._code, np.uint8)[order]
        entry = np.repeat(np.arange(len(self._count), dtype=np.int32), self._counts())[order]
        del order
        place = np.frombuffer(self._place, np.int16)
        first_sheet = first_mark = 0
        sizes: list[int] = np.bincount(portion, minlength=portions).tolist()
        for size in sizes:
            last_sheet = first_sheet + size
            last_mark = int(np.searchsorted(row, last_sheet))
            these = slice(first_mark, last_mark)
            numbers: list[int] = by_portion[first_sheet:last_sheet].tolist()
            keys = [self.keys[number] for number in numbers]
            its = entry[these].astype(np.int64)
            its_row, its_place = row[these].astype(np.int64) - first_sheet, place[its].astype(np.int64)
            yield Part(keys, its_row, its_place, code[these], its)
            first_sheet, first_mark = last_sheet, last_mark

    def _counts(self) -> Ints:
        return np.frombuffer(self._count, np.int32).astype(np.int64)


def digest(part: Part, before: Codes) -> tuple[Codes, Cells]:
    """The sheets' codes (n, 732) with the marks of a part written over `before`, and each change in them."""
    cell = part.row * GRID + part.place
    order = np.argsort(cell, kind="stable")
    cell, code, entry = cell[order], part.code[order], part.entry[order]
    follows = np.diff(cell, prepend=-1) == 0  # an earlier mark of the batch stood in the same cell
    was = np.where(follows, np.roll(code, 1), before.reshape(-1)[cell])
    changed = was != code
    cell, was, code, entry = cell[changed], was[changed], code[changed], entry[changed]
    after = before.copy()
    is_last = np.diff(cell, append=-1) != 0
    after.reshape(-1)[cell[is_last]] = code[is_last]
    return after, Cells(part.keys, cell // GRID, cell % GRID, was, code, entry)


def changed_places(before: Codes, after: Codes, cells: Cells) -> Iterator[tuple[int, list[int]]]:
    """The sheets that end otherwise than they were, and where."""
    cell = cells.row * GRID + cells.place
    cell = cell[np.diff(cell, append=-1) != 0]
    cell = cell[before.reshape(-1)[cell] != after.reshape(-1)[cell]]
    row = cell // GRID
    begins = np.flatnonzero(np.diff(row, prepend=-1)).tolist()
    places = (cell % GRID).tolist()
    for first, last in zip(begins, [*begins[1:], None], strict=False):
        yield int(row[first]), places[first:last]
