"""What a school must tell of names entered in, and deleted from, its admission register."""

from datetime import date, timedelta
from itertools import product

import pytest
from common.academic import Session
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st
from registers.domain import returns
from registers.domain.returns import Classes

PRIMARY = Classes(0, 6, date(2025, 9, 2))


@pytest.mark.parametrize(
    ("born", "year", "group"),
    [
        (date(2020, 9, 1), 2025, 0),
        (date(2021, 8, 31), 2025, 0),
        (date(2021, 9, 1), 2025, -1),
        (date(2014, 3, 9), 2025, 7),
        (date(2009, 9, 1), 2025, 11),
    ],
)
def test_the_year_group_of_an_age_is_that_on_31_august(born: date, year: int, group: int) -> None:
    assert returns.year_group(born, year) == group


@pytest.mark.parametrize(("year", "day"), [(2023, date(2024, 6, 28)), (2025, date(2026, 6, 26))])
def test_compulsory_school_age_ends_on_the_last_friday_in_june(year: int, day: date) -> None:
    assert returns.last_friday_in_june(year) == day


def test_an_admission_is_told_by_the_fifth_day() -> None:
    assert returns.admission_due(date(2025, 9, 15)) == date(2025, 9, 20)


def test_only_the_most_junior_class_on_the_first_day_need_not_be_told() -> None:
    reception, older = date(2021, 1, 1), date(2018, 1, 1)
    assert not returns.admission_is_told(date(2025, 9, 1), reception, PRIMARY)
    assert not returns.admission_is_told(date(2025, 9, 2), reception, PRIMARY)
    assert returns.admission_is_told(date(2025, 9, 3), reception, PRIMARY)
    assert returns.admission_is_told(date(2025, 9, 2), older, PRIMARY)
    for unknown in (None, PRIMARY._replace(first_day=None)):
        assert returns.admission_is_told(date(2025, 9, 2), reception, unknown)
    assert returns.admission_is_told(date(2025, 9, 2), None, PRIMARY)


def test_only_the_top_year_at_its_end_need_not_be_told() -> None:
    top, younger = date(2015, 1, 1), date(2018, 1, 1)
    assert not returns.deletion_is_told(date(2026, 7, 17), top, PRIMARY)
    assert returns.deletion_is_told(date(2026, 6, 25), top, PRIMARY)
    assert returns.deletion_is_told(date(2026, 7, 17), younger, PRIMARY)
    assert returns.deletion_is_told(date(2026, 7, 17), None, PRIMARY)
    assert returns.deletion_is_told(date(2026, 7, 17), top, None)


@given(
    codes=st.lists(st.sampled_from(["G", "N", "O", "U", "I", "/", "D"]), min_size=0, max_size=40),
)
def test_an_absence_is_unbroken_as_long_as_both_sessions_are_g_n_or_o(codes: list[str]) -> None:
    slots = product((date(2025, 9, 1) + timedelta(days=day) for day in range(20)), Session)
    marks = [(on, session, code) for (on, session), code in zip(slots, codes, strict=False)]
    unbroken = returns.unbroken_absence(marks)
    days = sorted({on for on, _, _ in marks})
    counted = set(days[len(days) - unbroken :])
    assert all(code in "GNO" for on, _, code in marks if on in counted)
    if unbroken < len(days):
        before = days[len(days) - unbroken - 1]
        assert any(code not in "GNO" for on, _, code in marks if on == before)


def test_only_twenty_days_of_absence_without_a_break_bear_out_that_ground() -> None:
    assert returns.ground_holds("continuous_absence", 20) is True
    assert returns.ground_holds("continuous_absence", 19) is False
    assert returns.ground_holds("moved_away", 0) is None
    assert returns.ground_holds(None, 30) is None


def test_the_last_day_attended_is_the_last_with_an_attending_code() -> None:
    marks = [
        (date(2025, 9, 1), Session.AM, "B"),
        (date(2025, 9, 2), Session.AM, "U"),
        (date(2025, 9, 3), Session.PM, "O"),
    ]
    assert returns.last_attended(marks, code_table()) == date(2025, 9, 1)
    assert returns.last_attended(marks[1:], code_table()) is None
