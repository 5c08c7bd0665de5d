"""Academic years from the first day of the calendar to the last."""

from datetime import date, timedelta

import pytest
from common.academic import Session, at_place, days_of, first_ordinal, place_of, year_of


@pytest.mark.parametrize("year", [*range(1, 9999, 37), 1900, 2000, 2023, 2024, 9999])
def test_a_year_begins_on_the_first_of_august(year: int) -> None:
    assert date.fromordinal(first_ordinal(year)) == date(year, 8, 1)


@pytest.mark.parametrize("day", [date.min, date(1, 7, 31), date(1, 8, 1), date(2025, 9, 1), date.max])
def test_every_day_has_a_place_and_a_year(day: date) -> None:
    year = year_of(day)
    assert at_place(year, place_of(day, Session.PM)) == (day, Session.PM)
    first, last = days_of(year)
    assert first <= day <= last


def test_years_follow_each_other() -> None:
    for year in (0, 1, 1999, 2023, 9998):
        assert days_of(year)[1] + timedelta(1) == days_of(year + 1)[0]
    assert (days_of(0)[0], days_of(9999)[1]) == (date.min, date.max)
