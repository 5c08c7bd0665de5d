"""The school days of an academic year (rule book 8, test calendar TC1: 190 days, 380 sessions, 39 school weeks).

TC1 is written for 2025-26; for another year its dates move by whole weeks, so that Mondays stay Mondays. INSET days and
holidays are simply not listed: a day that a calendar does not list is closed.
"""

from dataclasses import dataclass
from datetime import date, timedelta

TC1_YEAR = 2025
# First and last day of each half term, in order: autumn 1 and 2, spring 1 and 2, summer 1 and 2.
TC1_HALF_TERMS = (
    (date(2025, 9, 2), date(2025, 10, 24)),
    (date(2025, 11, 4), date(2025, 12, 19)),
    (date(2026, 1, 6), date(2026, 2, 13)),
    (date(2026, 2, 23), date(2026, 3, 27)),
    (date(2026, 4, 14), date(2026, 5, 22)),
    (date(2026, 6, 1), date(2026, 7, 17)),
)
TC1_CLOSED = (date(2026, 5, 4),)


@dataclass(frozen=True, slots=True)
class SchoolDay:
    """One open day: its half term (0 to 5), and its week within that half term and from its end (both from 0)."""

    date: date
    half_term: int
    week: int
    weeks_left: int


def school_days(year: int) -> tuple[SchoolDay, ...]:
    """The 190 school days of the academic year that starts in `year`, in order."""
    shift = _whole_weeks(year)
    closed = {day + shift for day in TC1_CLOSED}
    days: list[SchoolDay] = []
    for half_term, (first, last) in enumerate(TC1_HALF_TERMS):
        start, end = first + shift, last + shift
        for offset in range((end - start).days + 1):
            day = start + timedelta(offset)
            if day.weekday() < 5 and day not in closed:
                days.append(
                    SchoolDay(
                        day,
                        half_term,
                        (_monday(day) - _monday(start)).days // 7,
                        (_monday(end) - _monday(day)).days // 7,
                    )
                )
    return tuple(days)


def _whole_weeks(year: int) -> timedelta:
    drift = (date(year, 9, 1) - date(TC1_YEAR, 9, 1)).days
    return timedelta(round(drift / 7) * 7)


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())
