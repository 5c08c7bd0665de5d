"""What stood before: every change of a mark, as the ledgers' entries made it, packed; and sheets as they were known at
a moment.

A *change* is what one entry did to one place of one sheet: the code that stood before (0: none), the number of the
entry, and its time. The code that stood after is what the next change of the place found, or what stands now. What was
known at a moment is what the entries up to it say: of each place, the change with the highest number among those whose
time had come.

Most changes are first marks, and most of those come in registers of the same pupils. So a register's first marks are
kept as one record of the school's day: which group of pupils, which entry, when. The group is kept once. All other
changes, corrections above all, are kept with the sheet.
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

CHANGE = np.dtype([("place", "<u2"), ("before", "u1"), ("number", "<u4"), ("at", "<u4"), ("at_high", "<u2")])
"""A change of one place of a sheet: 13 bytes. `at`: milliseconds since 1970, 48 bits."""
REGISTER = np.dtype([("group", "<u4"), ("high", "<u2"), ("number", "<u4"), ("at", "<u4"), ("at_high", "<u2")])
"""The first marks of a group of pupils on a school's day: 16 bytes. The highest bit of the group says PM."""
GROUP_BITS = 47
FEW = 3
"""So many pupils, and fewer, are no group: their first marks are kept one by one."""

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
    """Changes as they are kept: by sheet; by school and day; and the groups of pupils that the latter name."""

    sheets: dict[SheetKey, bytes]
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
    if not len(changes.row):
        return Packed({}, {}, {})
    first = changes.before == 0
    entry = (np.array([key[1] for key in keys], np.int64)[changes.row] << 32) | changes.number
    order = np.flatnonzero(first)[np.argsort(entry[first], kind="stable")]
    begins = np.flatnonzero(np.diff(entry[order], prepend=-1))
    pupils = np.diff(begins, append=len(order))
    many = pupils > FEW
    alone = ~first
    alone[order] = np.repeat(~many, pupils)
    days, groups = _pack_registers(keys, changes, order[_stretches(begins[many], pupils[many])], pupils[many])
    return Packed(_pack_sheets(keys, changes.only(alone)), days, groups)


def _pack_sheets(keys: Sequence[SheetKey], changes: Changes) -> dict[SheetKey, bytes]:
    changes = changes.only(np.lexsort((changes.number, changes.row)))
    packed = np.zeros(len(changes.row), CHANGE)
    packed["place"], packed["before"], packed["number"] = changes.place, changes.before, changes.number
    _put_time(packed, changes.at)
    begins = np.flatnonzero(np.diff(changes.row, prepend=-1))
    parts = np.split(packed, begins[1:])
    return {keys[row]: part.tobytes() for row, part in zip(changes.row[begins].tolist(), parts, strict=False)}


def _pack_registers(
    keys: Sequence[SheetKey], changes: Changes, marks: Ints, pupils: Ints
) -> tuple[dict[tuple[int, date], bytes], dict[tuple[int, int], list[str]]]:
    """Registers, each of so many pupils, by school and day; and their groups. `marks`: the positions of the changes
    that they made, register by register.
    """
    if not len(pupils):
        return {}, {}
    starts = np.cumsum(pupils) - pupils
    members, begins = changes.row[marks], marks[starts]
    group = np.add.reduceat(_numbers_of(keys)[members], starts).astype(np.int64) & ((1 << GROUP_BITS) - 1)
    rows, place = changes.row[begins], changes.place[begins]
    urn = np.array([key[1] for key in keys], np.int64)[rows]
    day = np.array([year_start(key[2]) for key in keys], np.int64)[rows] // 2 + place // 2
    packed = np.zeros(len(begins), REGISTER)
    packed["group"], packed["high"] = group & 0xFFFFFFFF, (group >> 32) | ((place % 2) << 15)
    packed["number"] = changes.number[begins]
    _put_time(packed, changes.at[begins])
    order = np.lexsort((packed["number"], day, urn))
    turns = np.flatnonzero(np.diff(urn[order], prepend=-1) | np.diff(day[order], prepend=-1))
    parts = np.split(packed[order], turns[1:])
    where = zip(urn[order[turns]].tolist(), day[order[turns]].tolist(), parts, strict=True)
    days = {(school, date.fromordinal(on)): part.tobytes() for school, on, part in where}
    groups: dict[tuple[int, int], list[str]] = {}
    for n in _once(urn, group):
        its: list[int] = members[starts[n] : starts[n] + pupils[n]].tolist()
        groups[int(urn[n]), int(group[n])] = [keys[row][0] for row in its]
    return days, groups


def _once(urn: Ints, group: Ints) -> list[int]:
    """One position of each pair."""
    order = np.lexsort((group, urn))
    begins = np.diff(urn[order], prepend=-1) | np.diff(group[order], prepend=-1)
    found: list[int] = order[np.flatnonzero(begins)].tolist()
    return found


def _stretches(begins: Ints, lengths: Ints) -> Ints:
    """The positions in stretches of some lengths, one stretch after the other."""
    return np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))


def _numbers_of(keys: Sequence[SheetKey]) -> npt.NDArray[np.uint64]:
    """A number for the pupil of each sheet, well mixed: sums of them stand for groups (splitmix64 of the id)."""
    ids = np.frombuffer(bytes.fromhex("".join([key[0] for key in keys]).replace("-", "")), "<u8").reshape(-1, 2)
    mixed = ids[:, 0] * np.uint64(0x9E3779B97F4A7C15) + ids[:, 1]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed


def _put_time(packed: npt.NDArray[np.void], at: Ints) -> None:
    packed["at"], packed["at_high"] = at & 0xFFFFFFFF, at >> 32


def _time_of(packed: npt.NDArray[np.void]) -> Ints:
    return packed["at"].astype(np.int64) | (packed["at_high"].astype(np.int64) << 32)


def unpack(keys: Sequence[SheetKey], packed: Packed) -> Changes:
    """The changes of some sheets, of any that are kept of their schools; in any order."""
    rows = {key: row for row, key in enumerate(keys)}
    parts = [_nothing()]
    for key, body in packed.sheets.items():
        if key in rows:
            its = np.frombuffer(body, CHANGE)
            row = np.full(len(its), rows[key], np.int64)
            place, before, number = (its[name].astype(np.int64) for name in ("place", "before", "number"))
            parts.append(Changes(row, place, before, number, _time_of(its)))
    return _joined([*parts, *_registers(rows, packed)])


def _registers(rows: Mapping[SheetKey, int], packed: Packed) -> Iterable[Changes]:
    """The first marks, by register."""
    members: dict[tuple[int, int, int], Ints] = {}
    for (urn, day), body in packed.days.items():
        year, its = year_of(day), np.frombuffer(body, REGISTER)
        high, at = its["high"].astype(np.int64), _time_of(its)
        groups = its["group"].astype(np.int64) | ((high & 0x7FFF) << 32)
        places = (day - date(year, 8, 1)).days * 2 + (high >> 15)
        for group, place, number, time in zip(
            groups.tolist(), places.tolist(), its["number"].tolist(), at.tolist(), strict=True
        ):
            if (inside := members.get((urn, group, year))) is None:
                found = [rows.get((pupil_id, urn, year), -1) for pupil_id in packed.groups.get((urn, group), ())]
                inside = members[urn, group, year] = np.array([row for row in found if row >= 0], np.int64)
            if len(inside):
                yield Changes(inside, *(np.full(len(inside), value, np.int64) for value in (place, 0, number, time)))


def _nothing() -> Changes:
    return Changes(*(np.empty(0, np.int64) for _ in range(5)))


def _joined(parts: Sequence[Changes]) -> Changes:
    return Changes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def in_order(changes: Changes) -> Changes:
    """By sheet, place and entry."""
    return changes.only(np.lexsort((changes.number, changes.place, changes.row)))


def codes_after(codes: Codes, changes: Changes) -> Ints:
    """What stood after each change; `codes` are the sheets as they stand now, (n, 732), the changes `in_order`."""
    if not len(changes.row):
        return np.empty(0, np.int64)
    slot = changes.row * GRID + changes.place
    is_last = np.append(slot[1:] != slot[:-1], True)
    return np.where(is_last, codes[changes.row, changes.place], np.append(changes.before[1:], 0))


def as_known(codes: Codes, changes: Changes, at: int) -> Codes:
    """Sheets (n, 732) as they were known at a moment (milliseconds since 1970); the changes `in_order`.

    Of each place, what the first of the last changes found whose time had not come: none of them if there are none.
    """
    found = codes.copy()
    if not len(changes.row):
        return found
    slot = changes.row * GRID + changes.place
    here = np.arange(len(slot))
    begins = np.maximum.accumulate(np.where(np.diff(slot, prepend=-1) != 0, here, 0))
    known = np.maximum.accumulate(np.where(changes.at <= at, here, -1))
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

    def between(self, since: int, until: int) -> Ints:
        """The positions of the changes after one moment, up to and including another: by time, school and entry."""
        inside = np.flatnonzero((self.changes.at > since) & (self.changes.at <= until))
        c = self.changes.only(inside)
        return inside[np.lexsort((c.row, c.place, c.number, self.urns()[c.row], c.at))]

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
