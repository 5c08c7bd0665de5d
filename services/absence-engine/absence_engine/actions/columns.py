"""The marks of a batch, as columns: what a register says of thirty children costs no object for each of them.

A sheet that a batch writes to has a number here, from 0 on in the order of its first mark, and so has a register.
`MarkColumns.add` takes a register; `parts` gives the marks back, portion by portion; `digest` says what those of a
portion do to its sheets, cell by cell.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

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

NO_MARKS: tuple[Ints, Numbers, Ints] = (np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64))


@lru_cache(maxsize=4096)
def spot(day: str, session: str) -> tuple[date, int, int]:
    """A session's day, its academic year, and its place on that year's grid."""
    on = date.fromisoformat(day)
    return on, year_of(on), place_of(on, Session[session])


class _SchoolYear(dict[str, int]):
    """The marks of a school's year, in the order of its ledger, and the numbers of its sheets by the id of the ledger;
    a new id gets the next number of `keys`. `sheet` and `code`: of each mark; `register` and `count`: of each register,
    its number in the batch and how many marks it has.

    Registers name the same pupils again and again: of what each first pupil began, the last is remembered.
    """

    def __init__(self, keys: list[SheetKey], urn: int, year: int) -> None:
        super().__init__()
        self._keys, self.urn, self._year = keys, urn, year
        self.sheet, self.code = array("i"), array("B")
        self.register, self.count = array("i"), array("i")
        self._registers: dict[str, tuple[list[str], bytes]] = {}

    def add(self, register: int, pupil_ids: list[str], codes: bytes) -> None:
        """Adds a register."""
        self.sheet.frombytes(self._of_register(pupil_ids))
        self.code.frombytes(codes)
        self.register.append(register)
        self.count.append(len(pupil_ids))

    def _of_register(self, pupil_ids: list[str]) -> bytes:
        """The numbers of some pupils, as the bytes of an array of C ints."""
        known = self._registers.get(pupil_ids[0]) if pupil_ids else None
        if known is None or known[0] != pupil_ids:
            known = (pupil_ids, array("i", [self[pupil_id] for pupil_id in pupil_ids]).tobytes())
            if len(pupil_ids) > 1:
                self._registers[pupil_ids[0]] = known
        return known[1]

    def __missing__(self, pupil_id: str) -> int:
        number = self[pupil_id] = len(self._keys)
        self._keys.append((pupil_id, self.urn, self._year))
        return number

    def touched(self, is_done: npt.NDArray[np.bool_]) -> tuple[set[str], set[str]]:
        """The ids that its registers name, those that are done and the others; `is_done`: by number in the batch."""
        done = is_done[np.frombuffer(self.register, np.int32)]
        if done.all():
            return set(self), set()
        of_marks = np.repeat(done, np.frombuffer(self.count, np.int32))
        sheet = np.frombuffer(self.sheet, np.int32)
        first: list[int] = np.unique(sheet[of_marks]).tolist()
        later: list[int] = np.unique(sheet[~of_marks]).tolist()
        return {self._keys[number][0] for number in first}, {self._keys[number][0] for number in later}

    def of_rows(self, rank: npt.NDArray[np.int32]) -> tuple[Ints, Numbers, Ints]:
        """Row, code and register of each mark whose sheet has a `rank`: that is its row; other sheets have -1."""
        row = rank[np.frombuffer(self.sheet, np.int32)]
        code = np.frombuffer(self.code, np.uint8)
        register = np.repeat(np.frombuffer(self.register, np.int32), np.frombuffer(self.count, np.int32))
        if (row < 0).any():
            (its,) = np.nonzero(row >= 0)
            row, code, register = row[its], code[its], register[its]
        return row.astype(np.int64), code, register.astype(np.int64)


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
    """All marks of a batch, school by school. `number` and `at` (milliseconds since 1970) are those of each register's
    entry.
    """

    def __init__(self) -> None:
        self.keys: list[SheetKey] = []
        self._urn, self._number, self._at, self._place = array("i"), array("q"), array("q"), array("h")
        self._marks = 0
        self._schools: dict[tuple[int, int], _SchoolYear] = {}

    def __len__(self) -> int:
        return self._marks

    def add(self, entry: Event, data: SessionMarked, year: int, place: int) -> bool:
        """Adds a register; whether there is a code in it, and not only the removal of marks."""
        assert entry.schoolurn is not None
        assert entry.sequence is not None
        key = (entry.schoolurn, year)
        if (school := self._schools.get(key)) is None:
            school = self._schools[key] = _SchoolYear(self.keys, *key)
        codes = bytes([NUMBERS[mark.code] for mark in data.marks])
        school.add(len(self._number), [mark.pupil_id for mark in data.marks], codes)
        self._urn.append(entry.schoolurn)
        self._number.append(entry.sequence)
        self._at.append(millis(entry.time))
        self._place.append(place)
        self._marks += len(codes)
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
        is_done = self.number <= np.array([upto[urn] for urn in self._urn], np.int64)
        found = {urn: (set[str](), set[str]()) for urn, _ in self._schools}
        for (urn, _), school in self._schools.items():
            for ids, its in zip(found[urn], school.touched(is_done), strict=True):
                ids |= its
        return found

    def parts(self, portion: Ints, portions: int) -> Iterator[Part]:
        """The marks in so many portions: `portion` says for each sheet in which one it comes. Only the marks of the
        schools of one portion are put in order at a time: a batch is large, and in memory once.
        """
        ends: list[int] = np.cumsum(np.bincount(portion, minlength=portions)).tolist()
        by_portion = np.argsort(portion, kind="stable")
        place, rank = np.frombuffer(self._place, np.int16), np.full(len(by_portion), -1, np.int32)
        for first, end in pairwise([0, *ends]):
            numbers = by_portion[first:end]
            its_numbers: list[int] = numbers.tolist()
            keys = [self.keys[number] for number in its_numbers]
            rank[numbers] = np.arange(len(keys), dtype=np.int32)
            schools = dict.fromkeys((urn, year) for _, urn, year in keys)
            columns = [NO_MARKS, *(self._schools[key].of_rows(rank) for key in schools)]
            rank[numbers] = -1
            row = np.concatenate([one[0] for one in columns])
            code = np.concatenate([one[1] for one in columns])
            entry = np.concatenate([one[2] for one in columns])
            del columns
            order = np.argsort(row, kind="stable")
            entry = entry[order]
            yield Part(keys, row[order], place[entry].astype(np.int64), code[order], entry)


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
