"""What stood before: every change of a mark, as the ledgers' entries made it, packed; and sheets as they were known at
a moment.

A *change* is what one entry did to one place of one sheet: the code that stood before (0: none), the number of the
entry, and its time. The code that stood after is what the next change of the place found, or what stands now. What was
known at a moment is what the entries up to it say: of each place, the change with the highest number among those whose
time had come.

Changes are kept by the school's day, 17 bytes each. Most are first marks, and most of those come in registers of the
same pupils: a register's first marks are one record, of a group of pupils that is kept once. A correction is one of a
group of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID, year_of

from absence_engine.domain.records import Codes, Sheet, SheetKey
from absence_engine.domain.ticks import year_start

Ints = npt.NDArray[np.int64]

CHANGE = np.dtype(
    [("group", "<u4"), ("high", "<u2"), ("before", "u1"), ("number", "<u4"), ("at", "<u4"), ("at_high", "<u2")]
)
"""A change of the marks of a group of pupils, or of one, on a school's day: 17 bytes. The highest bit of the group says
PM. `at`: milliseconds since 1970, 48 bits.
"""
GROUP_BITS = 47
FEW = 3
"""So many pupils, and fewer, are each a group of one, which need not be kept: else there would be as many groups as
such registers.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Changes(NamedTuple):
    """Changes of some sheets, in any order: arrays of equal length. `row` is the sheet's position among them."""

    row: Ints
    place: Ints
    before: Ints
    number: Ints
    at: Ints

    def only(self, keep: npt.NDArray[np.bool_] | Ints) -> "Changes":
        """Some of them, or all in another order."""
        return Changes(*(column[keep] for column in self))


class Packed(NamedTuple):
    """Changes as they are kept: by school and day, and the groups of several pupils that they name."""

    days: dict[tuple[int, date], bytes]
    groups: dict[tuple[int, int], list[str]]


def millis(time: str | datetime) -> int:
    """Milliseconds since 1970 of a moment, begun ones left out; 0 of a text that names none, as if it had been known
    for ever.
    """
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        return max((moment - _EPOCH) // _MILLISECOND, 0)
    except (ValueError, TypeError):
        return 0


def moment_of(at: int) -> datetime:
    """The moment of some milliseconds since 1970."""
    return _EPOCH + at * _MILLISECOND


def pack(keys: Sequence[SheetKey], changes: Changes) -> Packed:
    """Changes of the sheets `keys`. An entry of a ledger tells of one session: its first marks are one record."""
    first = np.flatnonzero(changes.before == 0)
    entry = (np.array([key[1] for key in keys], np.int64)[changes.row[first]] << 32) | changes.number[first]
    order = np.argsort(entry, kind="stable")
    starts = np.diff(entry[order], prepend=-1) != 0
    pupils = np.diff(np.flatnonzero(starts), append=len(order))
    starts |= np.repeat(pupils <= FEW, pupils)
    corrections = np.flatnonzero(changes.before)
    marks = np.concatenate([first[order], corrections])
    return _pack(keys, changes, marks, np.flatnonzero(np.append(starts, np.ones(len(corrections), bool))))


def _pack(keys: Sequence[SheetKey], changes: Changes, marks: Ints, starts: Ints) -> Packed:
    """Changes, record by record: `marks` are their positions in that order, `starts` where in these each begins."""
    if not len(starts):
        return Packed({}, {})
    rows, ends, c = changes.row[marks], np.append(starts[1:], len(marks)), changes.only(marks[starts])
    group = np.add.reduceat(_numbers_of(keys)[rows], starts).astype(np.int64) & ((1 << GROUP_BITS) - 1)
    urn = np.array([key[1] for key in keys], np.int64)[c.row]
    day = np.array([year_start(key[2]) for key in keys], np.int64)[c.row] // 2 + c.place // 2
    packed = np.zeros(len(starts), CHANGE)
    packed["group"], packed["high"] = group & 0xFFFFFFFF, (group >> 32) | ((c.place % 2) << 15)
    packed["before"], packed["number"] = c.before, c.number
    packed["at"], packed["at_high"] = c.at & 0xFFFFFFFF, c.at >> 32
    order = np.lexsort((c.number, day, urn))
    turns = np.flatnonzero(np.diff(urn[order], prepend=-1) | np.diff(day[order], prepend=-1))
    parts = np.split(packed[order], turns[1:])
    where = zip(urn[order[turns]].tolist(), day[order[turns]].tolist(), parts, strict=True)
    days = {(school, date.fromordinal(on)): part.tobytes() for school, on, part in where}
    groups: dict[tuple[int, int], list[str]] = {}
    many = np.flatnonzero(ends - starts > 1)
    for n in many[_once(urn[many], group[many])].tolist():
        its: list[int] = rows[starts[n] : ends[n]].tolist()
        groups[int(urn[n]), int(group[n])] = [keys[row][0] for row in its]
    return Packed(days, groups)


def _once(urn: Ints, group: Ints) -> Ints:
    """One position of each pair."""
    order = np.lexsort((group, urn))
    return order[np.flatnonzero(np.diff(urn[order], prepend=-1) | np.diff(group[order], prepend=-1))]


def _numbers_of(keys: Sequence[SheetKey]) -> npt.NDArray[np.uint64]:
    """A number for the pupil of each sheet, well mixed: sums of them stand for groups (splitmix64 of the id)."""
    ids = np.frombuffer(bytes.fromhex("".join([key[0] for key in keys]).replace("-", "")), "<u8").reshape(-1, 2)
    mixed = ids[:, 0] * np.uint64(0x9E3779B97F4A7C15) + ids[:, 1]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed


def unpack(keys: Sequence[SheetKey], packed: Packed) -> Changes:
    """The changes of some sheets, of any that are kept of their schools; in any order."""
    rows = {key: row for row, key in enumerate(keys)}
    pupils: dict[tuple[int, int], Sequence[str]] = dict(packed.groups)
    for key, number in zip(keys, _numbers_of(keys).tolist(), strict=True):
        pupils[key[1], number % (1 << GROUP_BITS)] = [key[0]]
    parts = [Changes(*(np.empty(0, np.int64) for _ in range(5)))]
    for urn in sorted({urn for urn, _ in packed.days}):
        group, year, *columns = _records([(day, body) for (of, day), body in packed.days.items() if of == urn])
        known = np.flatnonzero(np.isin(group, [number for of, number in pupils if of == urn]))
        order = known[np.lexsort((year[known], group[known]))]
        turns = np.flatnonzero(np.diff(group[order], prepend=-1) | np.diff(year[order], prepend=-1))
        for some in np.split(order, turns[1:]) if len(order) else ():
            of_group, of_year = int(group[some[0]]), int(year[some[0]])
            found = [rows.get((pupil_id, urn, of_year), -1) for pupil_id in pupils[urn, of_group]]
            members = np.array([row for row in found if row >= 0], np.int64)
            place, before, number, at = (np.repeat(column[some], len(members)) for column in columns)
            parts.append(Changes(np.tile(members, len(some)), place, before, number, at))
    return Changes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _records(days: Sequence[tuple[date, bytes]]) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """The records of a school's days: group, academic year, place on its grid, code before, number and time."""
    its = np.frombuffer(b"".join([body for _, body in days]), CHANGE)
    counts = [len(body) // CHANGE.itemsize for _, body in days]
    years = [year_of(day) for day, _ in days]
    first_places = [day.toordinal() * 2 - year_start(year) for (day, _), year in zip(days, years, strict=True)]
    high = its["high"].astype(np.int64)
    return (
        its["group"].astype(np.int64) | ((high & 0x7FFF) << 32),
        np.repeat(years, counts),
        np.repeat(first_places, counts) + (high >> 15),
        its["before"].astype(np.int64),
        its["number"].astype(np.int64),
        its["at"].astype(np.int64) | (its["at_high"].astype(np.int64) << 32),
    )


class Turn(NamedTuple):
    """A place among the changes of a school: the time and the number of an entry."""

    at: int
    number: int


class Portion(NamedTuple):
    """The days on which the next changes of a school lie, and the last turn of these; None where that is all."""

    days: frozenset[date]
    upto: Turn | None


def next_days(days: Sequence[tuple[date, bytes]], begin: Turn, until: int, limit: int, *, corrections: bool) -> Portion:
    """Where the next `limit` records of a school's days lie, or a few more, from a turn on up to a moment. With
    `corrections`, of those that are no first marks, or may be none: something was corrected there before.
    """
    if not days:
        return Portion(frozenset(), None)
    _, year, place, before, number, at = _records(days)
    found = (at <= until) & ((at > begin.at) | ((at == begin.at) & (number >= begin.number)))
    if corrections:
        slot = (year - year.min()) * GRID + place
        corrected = np.full(int(slot.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(corrected, slot[before > 0], number[before > 0])
        found &= (before > 0) | (number > corrected[slot])
    its = np.flatnonzero(found)
    its = its[np.lexsort((number[its], at[its]))]
    upto = Turn(int(at[its[limit - 1]]), int(number[its[limit - 1]])) if len(its) > limit else None
    counts = [len(body) // CHANGE.itemsize for _, body in days]
    day = np.repeat([on.toordinal() for on, _ in days], counts)[its[:limit]]
    return Portion(frozenset(date.fromordinal(one) for one in np.unique(day).tolist()), upto)


def groups_in(days: Iterable[bytes]) -> list[int]:
    """The numbers of the groups that some days' changes are of, those of one pupil included."""
    its = np.frombuffer(b"".join(days), CHANGE)
    found: list[int] = np.unique(its["group"] | ((its["high"].astype(np.int64) & 0x7FFF) << 32)).tolist()
    return found


def in_order(changes: Changes) -> Changes:
    """By sheet, place and entry."""
    return changes.only(np.lexsort((changes.number, changes.place, changes.row)))


def codes_after(codes: Codes, changes: Changes) -> Ints:
    """What stood after each change; `codes` are the sheets as they stand now, (n, 732), the changes `in_order`."""
    slot = changes.row * GRID + changes.place
    is_last = np.append(slot[1:] != slot[:-1], True)
    return np.where(is_last, codes[changes.row, changes.place], np.append(changes.before[1:], 0))


def as_known(codes: Codes, changes: Changes, at: int) -> Codes:
    """Sheets (n, 732) as they were known at a moment (milliseconds since 1970); the changes `in_order`."""
    return _after(codes, changes, changes.at <= at)


def _after(codes: Codes, changes: Changes, is_known: npt.NDArray[np.bool_]) -> Codes:
    """Sheets (n, 732) after those of the changes, which are `in_order`, that are known.

    Of each place, what the first of the last changes found that is not known: none of them if there are none.
    """
    found = codes.copy()
    if not len(changes.row):
        return found
    slot = changes.row * GRID + changes.place
    here = np.arange(len(slot))
    begins = np.maximum.accumulate(np.where(np.diff(slot, prepend=-1) != 0, here, 0))
    known = np.maximum.accumulate(np.where(is_known, here, -1))
    last = np.append(slot[1:] != slot[:-1], True)
    undone = np.maximum(known[last] + 1, begins[last])
    kept = undone <= here[last]
    undone = undone[kept]
    found[changes.row[undone], changes.place[undone]] = changes.before[undone]
    return found


class MarkChange(NamedTuple):
    """A change of one mark: of which id of the ledger, at which school, in which session (tick), from which code number
    to which (0: none), by which entry, and when (milliseconds since 1970).
    """

    pupil_id: str
    urn: int
    tick: int
    before: int
    after: int
    number: int
    at: int


class History(NamedTuple):
    """Some sheets, and all changes in them, `in_order`; `after`: what stood after each change."""

    sheets: tuple[Sheet, ...]
    changes: Changes
    after: Ints

    @classmethod
    def of(cls, sheets: Sequence[Sheet], packed: Packed) -> "History":
        changes = in_order(unpack([sheet[:3] for sheet in sheets], packed))
        return cls(tuple(sheets), changes, codes_after(_matrix(sheets), changes))

    def known(self, at: int) -> tuple[Sheet, ...]:
        """The sheets as they were known at a moment."""
        codes = as_known(_matrix(self.sheets), self.changes, at)
        return tuple(sheet._replace(codes=row.tobytes()) for sheet, row in zip(self.sheets, codes, strict=True))

    def counted(self, numbers: Mapping[int, int]) -> tuple[Sheet, ...]:
        """The sheets as they were when of each school the entries up to a number had been counted, of others all."""
        latest = np.array([numbers.get(sheet.urn, 1 << 62) for sheet in self.sheets], np.int64)
        codes = _after(_matrix(self.sheets), self.changes, self.changes.number <= latest[self.changes.row])
        return tuple(sheet._replace(codes=row.tobytes()) for sheet, row in zip(self.sheets, codes, strict=True))

    def between(self, since: int, until: int) -> Ints:
        """The positions of the changes after one moment, up to and including another: by time, school and entry."""
        inside = np.flatnonzero((self.changes.at > since) & (self.changes.at <= until))
        c = self.changes.only(inside)
        return inside[np.lexsort((c.row, c.place, c.number, self.urns()[c.row], c.at))]

    def turns(self, begin: Turn, upto: Turn) -> Ints:
        """The positions of the changes of one school's entries from one turn up to and including another, in order."""
        found = self.between(begin.at - 1, upto.at)
        at, number = self.changes.at[found], self.changes.number[found]
        return found[((at > begin.at) | (number >= begin.number)) & ((at < upto.at) | (number <= upto.number))]

    def urns(self) -> Ints:
        """The school of each sheet."""
        return np.array([sheet.urn for sheet in self.sheets], np.int64)

    def is_first(self) -> npt.NDArray[np.bool_]:
        """Which of the changes gave a place its first mark."""
        slot = self.changes.row * GRID + self.changes.place
        return np.diff(slot, prepend=-1) != 0

    def told(self, positions: Ints) -> list[MarkChange]:
        """Some of the changes, one by one."""
        columns = [column.tolist() for column in (*self.changes.only(positions), self.after[positions])]
        found: list[MarkChange] = []
        for n in range(len(positions)):
            row, place, before, number, at, after = (int(column[n]) for column in columns)
            sheet = self.sheets[row]
            tick = year_start(sheet.year) + place
            found.append(MarkChange(sheet.pupil_id, sheet.urn, tick, before, after, number, at))
        return found


def _matrix(sheets: Sequence[Sheet]) -> Codes:
    return np.frombuffer(b"".join([sheet.codes for sheet in sheets]), np.uint8).reshape(-1, GRID)
