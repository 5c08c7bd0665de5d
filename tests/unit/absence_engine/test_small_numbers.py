"""Small numbers of children: hidden, together with what would tell them."""

import numpy as np
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
