"""Compulsory school age (rule book 8.6, 8.7)."""

from datetime import date

import pytest
from absence_engine.domain.ages import birthday, compulsory, first_day, last_day
from absence_engine.domain.penalty import PENALTY
from absence_engine.domain.policy import policies
from absence_engine.domain.spans import Child, Scope, spans
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.absence_engine.children import AUTUMN, TERM, URN, calendars, child

POLICY = policies()[-1]


@pytest.mark.parametrize(
    ("born", "first"),
    [
        ("2020-11-10", "2025-12-31"),  # C13
        ("2020-12-31", "2025-12-31"),
        ("2021-01-01", "2026-03-31"),
        ("2020-03-31", "2025-03-31"),
        ("2020-04-01", "2025-08-31"),
        ("2020-08-31", "2025-08-31"),
        ("2020-09-01", "2025-12-31"),
        ("2020-02-29", "2025-03-31"),
    ],
)
def test_it_begins_on_the_prescribed_day_on_or_after_the_fifth_birthday(born: str, first: str) -> None:
    assert first_day(date.fromisoformat(born)).isoformat() == first


@pytest.mark.parametrize(
    ("born", "last"),
    [
        ("2008-01-10", "2024-06-28"),  # 8.7
        ("2010-03-01", "2026-06-26"),  # 8.7
        ("2009-09-01", "2026-06-26"),
        ("2010-08-31", "2026-06-26"),
        ("2010-09-01", "2027-06-25"),
        ("2009-08-31", "2025-06-27"),
    ],
)
def test_it_ends_on_the_last_friday_of_june_of_the_year_in_which_the_child_turns_sixteen(born: str, last: str) -> None:
    assert last_day(date.fromisoformat(born)).isoformat() == last


@given(st.dates(date(1990, 1, 1), date(2080, 1, 1)))
def test_it_lasts_about_eleven_years_and_ends_on_a_friday(born: date) -> None:
    first, last = first_day(born), last_day(born)
    assert last.weekday() == 4
    assert (last.month, last.day > 23) == (6, True)
    assert 10.4 < (last - first).days / 365.25 < 11.6


def test_nothing_opens_outside_it_and_figures_go_on() -> None:
    """A child that turns five in May 2025 is of compulsory age from 31 August: the June sessions open nothing, count in
    the rate, and are in no window."""
    june, autumn = TERM[:20], AUTUMN[:2]
    one = Child.of(child(dict.fromkeys([*june, *autumn], "O"), born=date(2020, 5, 2)))
    (found,) = spans([one], [Scope.whole(one)], calendars({URN: TERM}), POLICY)
    assert compulsory(date(2020, 5, 2))[0] > max(june)
    assert {(span.kind, span.year) for span in found} == {(kind, 2025) for kind in ("AT_RISK", "BELOW_95", "PA", "SA")}
    assert PENALTY not in {span.kind for span in found}


def test_who_was_born_on_29_february_has_birthday_on_1_march_of_other_years() -> None:
    assert birthday(date(2020, 2, 29), 4) == date(2024, 2, 29)
    assert birthday(date(2020, 2, 29), 5) == date(2025, 3, 1)
    assert birthday(date(2020, 2, 28), 5) == date(2025, 2, 28)
