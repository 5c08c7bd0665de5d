"""Half-terms: where they begin, year after year; Easter by another way of working it out."""

from datetime import date, timedelta

import pytest
from absence_engine.domain.terms import easter, half_term, spring_bank_holiday


def oudin(year: int) -> date:
    """Easter Sunday by the moon's age and the day of the week (Oudin 1940)."""
    century, golden = year // 100, year % 19
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon -= (moon // 28) * (1 - (moon // 28) * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    month = 3 + (moon - weekday + 40) // 44
    return date(year, month, moon - weekday + 28 - 31 * (month // 4))


def test_easter_is_the_sunday_that_the_moon_and_the_week_give() -> None:
    years = range(1583, 2600)
    assert [easter(year) for year in years] == [oudin(year) for year in years]
    known = [date(1818, 3, 22), date(1954, 4, 18), date(1981, 4, 19), date(2024, 3, 31), date(2038, 4, 25)]
    assert [easter(day.year) for day in known] == known


@pytest.mark.parametrize(("year", "day"), [(2025, 26), (2026, 25), (2027, 31), (2028, 29), (2029, 28), (2030, 27)])
def test_the_spring_bank_holiday_is_the_last_monday_in_may(year: int, day: int) -> None:
    assert spring_bank_holiday(year) == date(year, 5, day)


@pytest.mark.parametrize(
    ("begins", "name"),
    [
        (date(2024, 8, 1), "2024-25 autumn 1"), (date(2024, 10, 28), "2024-25 autumn 2"),
        (date(2025, 1, 1), "2024-25 spring 1"), (date(2025, 2, 18), "2024-25 spring 2"),
        (date(2025, 4, 21), "2024-25 summer 1"), (date(2025, 5, 26), "2024-25 summer 2"),
        (date(2025, 8, 1), "2025-26 autumn 1"), (date(2026, 4, 6), "2025-26 summer 1"),
    ],
)  # fmt: skip
def test_a_half_term_begins_on_its_day_and_no_earlier(begins: date, name: str) -> None:
    assert half_term(begins) == name
    assert half_term(begins - timedelta(1)) != name
