"""Sums over many children, divided by whose marks they are and by parts of the year (rule book 3.8, 12.6, 12.8).

A *unit* is what a rate is of: an enrolment, or a child. `figures_by_part` counts rows of sheets, part by part of the
year; `united` adds what belongs to one unit of one group; `Sums` adds groups up and counts the units over each line.

The figures of a session lie side by side in one number, ten bits each: no year has more than 732 sessions, so that a
year's sum is one sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from absence_engine.domain.counts import CODES, FIGURES, figure_table
from absence_engine.domain.groups import Key
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Codes

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.signedinteger[Any]]

_BITS = 10
_SHIFTS = np.arange(len(FIGURES), dtype=np.uint64) * np.uint64(_BITS)
_MASK = np.uint64((1 << _BITS) - 1)
_AT_ONCE = 500  # rows: what is looked up stays in the processor's cache


def _packed() -> npt.NDArray[np.uint64]:
    table = np.zeros(256, np.uint64)
    table[:CODES] = (figure_table().astype(np.uint64) << _SHIFTS).sum(axis=1)
    return table


_PACKED = _packed()
_FIGURES_OF_CODE = figure_table()


@dataclass(frozen=True, slots=True)
class Parts:
    """The places of a year's grid that are looked at, part by part: `starts` says where each begins in `places`,
    `numbers` which part it is.
    """

    places: Ints
    starts: Ints
    numbers: Ints

    @classmethod
    def of(cls, columns: Ints, codes: Codes) -> "Parts":
        """From the part of each place (-1: none); places where nobody has a mark are left out."""
        used = np.flatnonzero(np.bitwise_or.reduce(codes, axis=0).astype(bool) & (columns >= 0))
        places = used[np.argsort(columns[used], kind="stable")]
        starts = np.flatnonzero(np.diff(columns[places], prepend=-1))
        return cls(places, starts, columns[places][starts])


def figures_by_part(codes: Codes, parts: Parts) -> Ints:
    """(n, 732) codes -> (n, parts, figures)."""
    found = np.zeros((len(codes), len(parts.starts), len(FIGURES)), np.int64)
    for first in range(0, len(codes), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        packed = np.take(_PACKED, codes[some][:, parts.places], mode="clip")
        sums = np.add.reduceat(packed, parts.starts, axis=1)
        found[some] = (sums[:, :, None] >> _SHIFTS) & _MASK
    return found


def codes_by_part(codes: Codes, parts: Parts) -> tuple[Ints, Numbers]:
    """(n, 732) codes -> the numbers (part * 64 + code number) of what stands somewhere, and (n, numbers, 1): how often
    it does.
    """
    looked_at = codes[:, parts.places]
    present = np.flatnonzero(np.bincount(looked_at.ravel())[1:]) + 1
    found = np.zeros((len(codes), len(present), len(parts.starts)), np.int16)
    for at, code in enumerate(present.tolist()):
        np.add.reduceat(looked_at == code, parts.starts, axis=1, out=found[:, at])
    numbers = (parts.numbers * CODES + present[:, None]).ravel()
    return numbers, found.reshape(len(codes), len(numbers), 1)


def figures_of_codes(numbers: Ints, found: Numbers) -> Ints:
    """The figures (n, 1, figures) of what `codes_by_part` found, all parts together."""
    return found[:, :, 0].astype(np.int64)[:, None, :] @ _FIGURES_OF_CODE[numbers % CODES]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What some rows bring: the unit and the group of each, and (n, parts, …) numbers for the parts `numbers`."""

    unit: Ints
    group: Ints
    numbers: Ints
    figures: Numbers


def united(contributions: Sequence[Contribution], groups: int) -> Contribution:
    """One contribution that has each unit once in a group."""
    pairs = [one.unit * groups + one.group for one in contributions]
    unique, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    numbers = np.unique(np.concatenate([one.numbers for one in contributions]))
    kind = contributions[0].figures
    found = np.zeros((len(unique), len(numbers), kind.shape[2]), kind.dtype)
    first = 0
    for one, pair in zip(contributions, pairs, strict=True):
        row = inverse[first : first + len(pair)]
        first += len(pair)
        order = np.argsort(row, kind="stable")
        begins = np.flatnonzero(np.diff(row[order], prepend=-1))
        whole = one.figures[order]
        if len(begins) < len(whole):
            whole = np.add.reduceat(whole, begins, axis=0)
        found[np.ix_(row[order][begins], np.searchsorted(numbers, one.numbers))] += whole
    return Contribution(unique // groups, unique % groups, numbers, found)


class Sums:
    """The sums by group and part; with `codes`, by part * 64 + code number.

    `table` is (groups, parts, columns): without codes the figures, then units with a possible session, those over each
    rate's line, those in each band; with codes how many sessions, then of how many units.
    """

    def __init__(self, policy: Policy, *, codes: bool) -> None:
        self.policy, self.codes = policy, codes
        self.lines = [policy.rates["PA"].one_in, policy.rates["SA"].one_in]
        width = 2 if codes else len(FIGURES) + 1 + len(self.lines) + len(policy.bands)
        self.table = np.zeros((0, 0, width), np.int64)

    def add(self, units: Contribution) -> None:
        """Adds units, each of them once in a group (`united`)."""
        if not len(units.group) or not len(units.numbers):
            return
        self._grow(int(units.group.max()) + 1, int(units.numbers.max()) + 1)
        order = np.argsort(units.group, kind="stable")
        begins = np.flatnonzero(np.diff(units.group[order], prepend=-1))
        figures = units.figures[order]
        columns = [figures, figures > 0] if self.codes else [figures, self._members(figures)]
        sums = [np.add.reduceat(column, begins, axis=0, dtype=np.int64) for column in columns]
        self.table[np.ix_(units.group[order][begins], units.numbers)] += np.concatenate(sums, axis=2)

    def _members(self, figures: Numbers) -> npt.NDArray[np.bool_]:
        possible, attended = figures[:, :, 0], figures[:, :, 1]
        absent = figures[:, :, 2] + figures[:, :, 3]
        is_member = possible > 0
        columns: list[npt.NDArray[np.bool_]] = [is_member]
        columns += [is_member & (absent * one_in >= possible) for one_in in self.lines]
        left = is_member
        for band in self.policy.bands:
            holds = left & band.holds(attended, possible)  # pyright: ignore[reportArgumentType]  # arrays compare alike
            columns.append(holds)
            left = left & ~holds
        return np.stack(columns, axis=2)

    def _grow(self, groups: int, parts: int) -> None:
        have = self.table.shape
        if groups > have[0] or parts > have[1]:
            bigger = (max(groups, min(2 * have[0], groups + 1000)), max(parts, have[1]), have[2])
            table = np.zeros(bigger, np.int64)
            table[: have[0], : have[1]] = self.table
            self.table = table


@dataclass(frozen=True, slots=True)
class Sum:
    """One group: its figures in the order of FIGURES; its members, units with a possible session; how many are over the
    lines of persistent and severe absence, and in each band. Of a code: how many `sessions` have it, members are units
    that have one, and nothing is over a line; `of_possible`: the possible sessions of all codes of the group.
    """

    figures: tuple[int, ...]
    members: int
    over: tuple[int, ...] = ()
    bands: tuple[int, ...] = ()
    sessions: int | None = None
    of_possible: int | None = None


@dataclass(frozen=True, slots=True)
class Divided:
    """Sums by group, and of all; groups are named by the values of the divisions, in the order of the question's."""

    total: Sum
    groups: Mapping[tuple[Key, ...], Sum]


def of_group(row: Ints, lines: int = 2) -> Sum:
    """One row of `Sums.table` without codes."""
    numbers = tuple(row.tolist())
    figures, rest = numbers[: len(FIGURES)], numbers[len(FIGURES) + 1 :]
    return Sum(figures, numbers[len(FIGURES)], rest[:lines], rest[lines:])


def whole(figures: Numbers, policy: Policy) -> Sum:
    """The sum of all rows (n, figures), each of them a unit."""
    sums = Sums(policy, codes=False)
    n = len(figures)
    sums.add(Contribution(np.arange(n), np.zeros(n, np.int64), np.zeros(1, np.int64), figures[:, None, :]))
    return of_group(sums.table[0, 0] if n else np.zeros(sums.table.shape[2], np.int64))


def of_codes(cells: Ints) -> dict[int, Sum]:
    """What stands in 64 cells of `Sums.table` with codes, one for each code number: the sum of each that does."""
    sessions, members = cells[:, 0], cells[:, 1]
    figures = sessions[:, None] * _FIGURES_OF_CODE[: len(cells)]
    possible = int(figures[:, 0].sum())
    return {
        code: Sum(tuple(figures[code].tolist()), int(members[code]), sessions=int(sessions[code]), of_possible=possible)
        for code in (np.flatnonzero(sessions[1:]) + 1).tolist()
    }
