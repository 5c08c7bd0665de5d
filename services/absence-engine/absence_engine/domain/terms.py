"""Half-terms (rule book 8.4), the same for every school, so that figures of schools with different holidays compare.

DfE's census divides the year at 1 January, Easter and the spring bank holiday. Autumn and spring are halved where, in
each year since 2022, the week of holiday of most authorities lies: from 28 October and from 18 February on.
"""

from datetime import date, timedelta
from functools import cache

from common.academic import year_name, year_of

NAMES = ("autumn 1", "autumn 2", "spring 1", "spring 2", "summer 1", "summer 2")


def easter(year: int) -> date:
    """Easter Sunday of a calendar year (Gregorian, after Meeus)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


def spring_bank_holiday(year: int) -> date:
    """The last Monday in May of a calendar year: where the second half of the summer term begins."""
    end = date(year, 5, 31)
    return end - timedelta(end.weekday())


@cache
def _begins(year: int) -> tuple[date, ...]:
    """The first day of each half-term of an academic year."""
    after = year + 1
    return (
        date(year, 8, 1),
        date(year, 10, 28),
        date(after, 1, 1),
        date(after, 2, 18),
        easter(after) + timedelta(1),
        spring_bank_holiday(after),
    )


def half_term(day: date) -> str:
    """`2025-26 autumn 1`."""
    year = year_of(day)
    number = sum(begins <= day for begins in _begins(year)) - 1
    return f"{year_name(year)} {NAMES[number]}"
