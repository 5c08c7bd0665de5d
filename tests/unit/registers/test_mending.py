"""What a mark in quarantine is told would mend it."""

from datetime import date
from typing import get_args

import pytest
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st
from registers.domain import mending, problems

BEFORE, AFTER = date(2024, 8, 18), date(2024, 8, 19)


@pytest.mark.parametrize(
    ("code", "on", "codes"),
    [
        ("J", AFTER, ("J1",)),
        ("J1", BEFORE, ("J",)),
        ("H", AFTER, ("C", "G")),
        ("F", AFTER, ("C", "G")),
        ("Y", AFTER, ("Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7")),
        ("Y4", BEFORE, ("Y",)),
        ("C2", BEFORE, ("C",)),
        ("K", BEFORE, ("B",)),
        ("i", AFTER, ("I",)),
        ("j", AFTER, ("J1",)),
        ("0", AFTER, ("O",)),
        ("8", AFTER, ()),
        ("present", AFTER, ()),
    ],
)
def test_a_code_that_is_not_in_force_is_told_what_it_became(code: str, on: date, codes: tuple[str, ...]) -> None:
    assert mending.codes_for(code, on, code_table()) == codes


def test_every_problem_of_a_mark_says_what_would_mend_it() -> None:
    for problem in get_args(problems.ProblemCode):
        told = mending.mend(problem, "8", AFTER, code_table())
        assert told.detail.endswith(".")
        assert (told.operation is None) == (told.action == "wait")


@given(code=st.sampled_from(sorted(code_table())), on=st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_whatever_is_suggested_is_in_force_on_the_day(code: str, on: date) -> None:
    suggested = mending.codes_for(code, on, code_table())
    assert all(code_table()[one].in_force(on) for one in suggested)
    if not code_table()[code].in_force(on):
        assert suggested, "a code that was ever in force became something"
