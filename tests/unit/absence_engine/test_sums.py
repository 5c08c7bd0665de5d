"""Sums over many children, by group and by part of the year: each against a plain count of the same marks."""

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pytest
from absence_engine.domain.counts import CODES, count_rows
from absence_engine.domain.groups import Question
from absence_engine.domain.records import Codes
from absence_engine.domain.sums import (
    Contribution,
    Parts,
    Sum,
    Sums,
    codes_by_part,
    figures_by_part,
    figures_of_codes,
    of_codes,
    of_group,
    united,
    whole,
)
from common.academic import GRID

from tests.unit.absence_engine.children import NUMBER
from tests.unit.absence_engine.policies import SHIPPED

Ints = npt.NDArray[np.int64]

FIRST, LAST = date(2025, 9, 1), date(2026, 3, 31)
MIXED = ["/", "\\", "I", "O", "L", "U", "X", "D", "V"]


def sheets(n: int, seed: int = 1) -> Codes:
    """Sheets with marks of every sort in some places, and none in the others; a column without any mark among them."""
    draw = np.random.default_rng(seed)
    numbers = np.array([0, 0, 0, *(NUMBER[code] for code in MIXED)], np.uint8)
    codes = draw.choice(numbers, (n, GRID))
    codes[:, 100:140] = 0
    return codes


def months() -> tuple[Ints, dict[tuple[str | int | None, ...], int]]:
    known: dict[tuple[str | int | None, ...], int] = {}
    return Question(FIRST, LAST, ("month",)).columns(2025, known), known


def units(group: list[int], rows: list[list[int]], unit: list[int] | None = None, part: int = 0) -> Contribution:
    """Contributions of one part."""
    figures = np.array(rows, np.int64).reshape(len(group), 1, -1)
    return Contribution(np.array(unit or [*range(len(group))]), np.array(group), np.array([part]), figures)


# -- counting rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 500, 501, 1003])
def test_the_figures_of_each_part_are_a_count_of_its_places_alone(n: int) -> None:
    codes, (columns, known) = sheets(n), months()
    parts = Parts.of(columns, codes)
    found = figures_by_part(codes, parts)
    assert parts.numbers.tolist() == [*range(len(known))]
    for at, part in enumerate(parts.numbers):
        assert (found[:, at] == count_rows(codes * (columns == part))).all()


@pytest.mark.parametrize("numbers", [(0, 1), (1, 2), (2, 7)])
def test_parts_may_lie_anywhere_in_the_year(numbers: tuple[int, int]) -> None:
    codes = sheets(3)
    columns = np.full(GRID, -1)
    columns[21:60:2], columns[20:60:2] = numbers
    parts = Parts.of(columns, codes)
    assert parts.numbers.tolist() == [*numbers]
    for at, number in enumerate(numbers):
        assert (figures_by_part(codes, parts)[:, at] == count_rows(codes * (columns == number))).all()


def test_where_nobody_has_a_mark_nothing_is_counted() -> None:
    columns = np.zeros(GRID, np.int64)
    nobody = Parts.of(columns, np.zeros((2, GRID), np.uint8))
    assert (len(nobody.places), len(nobody.numbers)) == (0, 0)
    assert figures_by_part(np.zeros((2, GRID), np.uint8), nobody).shape == (2, 0, 6)
    one = np.zeros((2, GRID), np.uint8)
    one[1, 30] = NUMBER["I"]
    assert Parts.of(columns, one).places.tolist() == [30]
    assert len(Parts.of(columns, np.zeros((0, GRID), np.uint8)).places) == 0


def test_a_whole_year_of_one_figure_is_not_too_much() -> None:
    codes = np.stack([np.full(GRID, NUMBER[code], np.uint8) for code in ("I", "U")])
    parts = Parts.of(np.zeros(GRID, np.int64), codes)
    assert figures_by_part(codes, parts)[:, 0].tolist() == [[GRID, 0, GRID, 0, 0, 0], [GRID, 0, 0, GRID, 0, GRID]]


def test_codes_are_counted_by_part_and_come_to_the_figures_of_all() -> None:
    codes, (columns, _) = sheets(40), months()
    numbers, found = codes_by_part(codes, Parts.of(columns, codes))
    for at, number in enumerate(numbers.tolist()):
        part, code = divmod(number, CODES)
        assert (found[:, at, 0] == ((codes == code) & (columns == part)).sum(axis=1)).all()
    wanted = {part * CODES + NUMBER[code] for part in range(7) for code in MIXED}
    assert set(numbers.tolist()) == wanted
    assert len(numbers) == len(wanted)
    assert (figures_of_codes(numbers, found)[:, 0] == count_rows(codes * (columns >= 0))).all()


# -- units and groups -------------------------------------------------------------------------------------------------


def test_what_belongs_to_one_unit_of_one_group_is_added() -> None:
    first = Contribution(
        np.array([4, 1, 4, 4]), np.array([0, 2, 0, 2]), np.array([0, 3]), np.arange(16).reshape(4, 2, 2)
    )
    second = Contribution(np.array([4]), np.array([0]), np.array([3, 1]), np.array([[[100, 200], [300, 400]]]))
    found = united([first, second], 3)
    assert [*zip(found.unit.tolist(), found.group.tolist(), strict=True)] == [(1, 2), (4, 0), (4, 2)]
    assert found.numbers.tolist() == [0, 1, 3]
    assert found.figures.tolist() == [
        [[4, 5], [0, 0], [6, 7]],
        [[0 + 8, 1 + 9], [300, 400], [2 + 10 + 100, 3 + 11 + 200]],
        [[12, 13], [0, 0], [14, 15]],
    ]


def test_units_that_come_once_stay_as_they_are() -> None:
    one = units([1, 0], [[1, 2], [3, 4]], unit=[7, 3])
    found = united([one], 2)
    assert (found.unit.tolist(), found.group.tolist()) == ([3, 7], [0, 1])
    assert found.figures[:, 0].tolist() == [[3, 4], [1, 2]]


def test_contributions_of_nobody_and_of_no_part_add_nothing() -> None:
    none = np.empty(0, np.int64)
    nobody = Contribution(none, none, np.array([0]), np.empty((0, 1, 2), np.int64))
    nothing = Contribution(np.array([5]), np.array([0]), none, np.empty((1, 0, 2), np.int64))
    found = united([nobody, units([0], [[1, 2]], unit=[5]), nothing], 1)
    assert (found.unit.tolist(), found.numbers.tolist(), found.figures.tolist()) == ([5], [0], [[[1, 2]]])
    assert united([nobody], 1).figures.shape == (0, 1, 2)


# -- adding up --------------------------------------------------------------------------------------------------------


def counted(possible: int, absent: int, unauthorised: int = 0) -> list[int]:
    """A unit's figures."""
    return [possible, possible - absent, absent - unauthorised, unauthorised, 0, 0]


UNITS = [
    counted(100, 0), counted(100, 3), counted(100, 4), counted(100, 5), counted(100, 6), counted(100, 9),
    counted(100, 10, 9), counted(101, 10), counted(100, 49, 49), counted(100, 50, 20), counted(101, 50, 50),
    counted(7, 7), counted(1, 0), counted(0, 0),
]  # fmt: skip


def test_members_lines_and_bands_are_what_each_unit_is_by_itself() -> None:
    sums = Sums(SHIPPED, codes=False)
    sums.add(units([0] * len(UNITS), UNITS))
    found = of_group(sums.table[0, 0])
    bands = Counter(SHIPPED.band_of(row[1], row[0]) for row in UNITS if row[0])
    assert found.figures == tuple(np.sum(UNITS, axis=0).tolist())
    assert found.members == len(UNITS) - 1
    assert found.over == (
        sum(row[0] > 0 and (row[2] + row[3]) * 10 >= row[0] for row in UNITS),
        sum(row[0] > 0 and (row[2] + row[3]) * 2 >= row[0] for row in UNITS),
    )
    assert found.bands == tuple(bands[band.name] for band in SHIPPED.bands)
    assert (found.sessions, found.of_possible) == (None, None)
    assert whole(np.array(UNITS), SHIPPED) == found


def test_a_policy_without_bands_has_none() -> None:
    sums = Sums(replace(SHIPPED, bands=()), codes=False)
    sums.add(units([0], [counted(10, 5)]))
    assert of_group(sums.table[0, 0]) == Sum((10, 5, 5, 0, 0, 0), 1, (1, 1), ())


def test_nobody_is_a_sum_of_nothing() -> None:
    assert whole(np.empty((0, 6), np.int64), SHIPPED) == Sum((0,) * 6, 0, (0, 0), (0,) * 5)
    sums = Sums(SHIPPED, codes=False)
    none = np.empty(0, np.int64)
    sums.add(Contribution(none, none, np.array([0]), np.empty((0, 1, 6), np.int64)))
    sums.add(Contribution(np.array([0]), np.array([0]), none, np.empty((1, 0, 6), np.int64)))
    assert sums.table.size == 0


@pytest.mark.parametrize("lowest", [0, 1, 2])
def test_groups_and_parts_are_added_up_wherever_they_come(lowest: int) -> None:
    draw = np.random.default_rng(3)
    sums, wanted = Sums(SHIPPED, codes=False), Counter[tuple[int, int]]()
    for n in range(6):
        group, numbers = draw.integers(0, 5 ** (n + 1), 50) + lowest, np.sort(draw.choice(12, 4, replace=False))
        figures = np.zeros((50, 4, 6), np.int64)
        figures[:, :, 0] = figures[:, :, 1] = draw.integers(0, 3, (50, 4))
        sums.add(Contribution(np.arange(50), group, numbers, figures))
        for row, at in np.ndindex(50, 4):
            wanted[int(group[row]), int(numbers[at])] += int(figures[row, at, 0])
    have = {(int(g), int(p)): int(sums.table[g, p, 0]) for g, p in zip(*sums.table[:, :, 0].nonzero(), strict=True)}
    assert have == {key: count for key, count in wanted.items() if count}


def test_codes_are_summed_as_sessions_and_as_those_who_have_one() -> None:
    sums = Sums(SHIPPED, codes=True)
    illness, present, not_required = NUMBER["I"], NUMBER["/"], NUMBER["X"]
    of_code = {illness: [3, 0, 1], present: [7, 9, 0], not_required: [0, 2, 2]}
    for number, sessions in of_code.items():
        sums.add(units([0, 0, 0], [[n] for n in sessions], part=number))
    found = of_codes(sums.table[0, :CODES])
    assert found == {
        illness: Sum((4, 0, 4, 0, 0, 0), 2, sessions=4, of_possible=20),
        present: Sum((16, 16, 0, 0, 0, 0), 2, sessions=16, of_possible=20),
        not_required: Sum((0,) * 6, 2, sessions=4, of_possible=20),
    }
