"""Small numbers of children: hidden, together with what would tell them."""

import numpy as np
import pytest
from absence_engine.domain.groups import Key
from absence_engine.domain.policy import policies
from absence_engine.domain.small import Equation, hidden, what_is_hidden
from absence_engine.domain.sums import Divided, Sum
from hypothesis import given
from hypothesis import strategies as st

POLICY = policies()[-1]
BELOW = 5


@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=8))
def test_no_small_number_is_shown_and_none_is_got_by_subtraction(parts: list[list[int]]) -> None:
    groups = np.array([[sum(row), *row] for row in parts])
    numbers = np.vstack([groups, groups.sum(axis=0)])
    last = len(parts)
    columns, rows = [Equation(0, range(1, 4))], [Equation(last, range(last))]
    found = hidden(numbers, BELOW, columns, rows)
    assert not ((numbers > 0) & (numbers < BELOW) & ~found).any()
    assert not (found[:, 0] & ~found.all(axis=1)).any()
    for table in (found, found.T):
        equation = columns[0] if table is found else rows[0]
        terms = [*equation.parts, equation.total]
        assert (table[:, terms].sum(axis=1) != 1).all()


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    numbers = np.array([[20, 10, 10], [30, 0, 30], [50, 10, 40]])
    found = hidden(numbers, BELOW, [Equation(0, [1, 2])], [Equation(2, [0, 1])])
    assert not found.any()


def a_sum(*bands: int) -> Sum:
    return Sum((0,) * 6, sum(bands), (bands[3] + bands[4], bands[4]), bands)


def test_a_hidden_number_of_severe_absence_takes_its_band_and_another_along() -> None:
    total = a_sum(40, 30, 20, 20, 2)
    found = what_is_hidden({"enrolments": Divided(total, {})}, (), POLICY)["enrolments"]
    assert {"severe", "bands/severe", "bands/persistent"} <= found.of_total
    assert not {"members", "persistent", "bands/good"} & found.of_total


def test_the_one_small_group_of_a_division_takes_the_next_along() -> None:
    groups: dict[tuple[Key, ...], Sum] = {
        ("A",): a_sum(3, 0, 0, 0, 0),
        ("B",): a_sum(10, 0, 0, 0, 0),
        ("C",): a_sum(20, 0, 0, 0, 0),
    }
    divided = Divided(a_sum(33, 0, 0, 0, 0), groups)
    found = what_is_hidden({"enrolments": divided, "children": divided}, ("school",), POLICY)["children"]
    assert "members" in found.of_groups["A",]
    assert "members" in found.of_groups["B",]
    assert ("C",) not in found.of_groups


def test_flags_overlap_so_that_one_tells_nothing_of_another() -> None:
    groups: dict[tuple[Key, ...], Sum] = {("CIN",): a_sum(3, 0, 0, 0, 0), ("FSM",): a_sum(10, 0, 0, 0, 0)}
    found = what_is_hidden({"children": Divided(a_sum(40, 0, 0, 0, 0), groups)}, ("flag",), POLICY)["children"]
    assert "members" in found.of_groups["CIN",]
    assert ("FSM",) not in found.of_groups


@pytest.mark.parametrize(
    ("row", "not_shown"),
    [
        ([50, 50, 20, 30], []),
        ([50, 50, 5, 45], []),  # as many as the bound are shown
        ([50, 50, 0, 50], []),  # nobody is nothing to hide
        ([50, 50, 4, 46], [2, 3]),
        ([50, 4, 4, 0], [1, 2]),
        ([50, 6, 4, 0], [1, 2]),  # there is no other part with anybody in it: the sum goes
        ([50, 4, 0, 0], [1, 2]),  # nor here, and the sum is hidden already: any part goes
        ([4, 4, 0, 4], [0, 1, 2, 3]),  # a group of so few is not told of at all
    ],
)
def test_a_small_number_takes_along_what_would_tell_it(row: list[int], not_shown: list[int]) -> None:
    found = hidden(np.array([row]), BELOW, [Equation(1, [2, 3])], [])
    assert np.flatnonzero(found[0]).tolist() == not_shown


def test_the_smallest_other_part_with_anybody_in_it_is_the_one_that_goes() -> None:
    found = hidden(np.array([[99, 3, 0, 50, 20, 26]]), BELOW, [Equation(0, range(1, 6))], [])
    assert np.flatnonzero(found[0]).tolist() == [1, 4]


def test_what_another_grain_hides_is_hidden_here_as_well() -> None:
    numbers, already = np.array([[99, 40, 59]]), np.array([[False, True, False]])
    found = hidden(numbers, BELOW, [Equation(0, [1, 2])], [], already)
    assert np.flatnonzero(found[0]).tolist() == [1, 2]
    assert not hidden(numbers, BELOW, [Equation(0, [1, 2])], []).any()


def of_code(members: int) -> Sum:
    return Sum((0,) * 6, members, sessions=members, of_possible=1000)


def test_a_code_of_no_possible_session_adds_up_with_none_and_takes_none_along() -> None:
    groups: dict[tuple[Key, ...], Sum] = {
        (code,): of_code(members)
        for code, members in {"I": 30, "M": 30, "C": 40, "O": 10, "/": 90, "L": 80, "#": 2}.items()
    }
    found = what_is_hidden({"children": Divided(of_code(100), groups)}, ("code",), POLICY)["children"]
    assert found.of_groups == {("#",): frozenset({"members"})}
    assert found.of_total == frozenset()
    groups["I",] = of_code(3)
    found = what_is_hidden({"children": Divided(of_code(100), groups)}, ("code",), POLICY)["children"]
    assert {("I",), ("M",)} <= found.of_groups.keys()
