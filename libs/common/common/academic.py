"""Academic years and the sessions in them (rule book 8.2, 12.21).

A year runs from 1 August to 31 July and is named like `2025-26`; in code it is the calendar year in which it starts.
A session has a place on a fixed grid of its year: two places a day from 1 August on, morning first. The grid does not
depend on any school's calendar, so a change of calendar moves nothing.
"""

import re
from datetime import date
from enum import IntEnum

GRID = 732  # two places for each of at most 366 days


class Session(IntEnum):
    """The two sessions of a school day; the value is the place within the day."""

    AM = 0
    PM = 1


def year_of(day: date) -> int:
    """The academic year in which a day lies, as the calendar year of its 1 August."""
    return day.year if day.month >= 8 else day.year - 1


def year_name(year: int) -> str:
    """2025 -> `2025-26`."""
    return f"{year}-{(year + 1) % 100:02d}"


_NAME = re.compile(r"(\d{4})-(\d{2})")


def parse_year(name: str) -> int:
    """`2025-26` -> 2025; ValueError for anything else, `2025-27` included."""
    match = _NAME.fullmatch(name)
    if not match or (int(match[1]) + 1) % 100 != int(match[2]):
        raise ValueError(f"{name!r} is not an academic year such as 2025-26")
    return int(match[1])


def first_ordinal(year: int) -> int:
    """The ordinal of a year's 1 August; also of the years 0 and 10000, whose 1 August no date can say: the first
    and the last academic year have days for all that.
    """
    return year * 365 + year // 4 - year // 100 + year // 400 - 152


def days_of(year: int) -> tuple[date, date]:
    """The first and the last day of a year, as far as there are dates."""
    first, last = first_ordinal(year), first_ordinal(year + 1) - 1
    return date.fromordinal(max(first, 1)), date.fromordinal(min(last, date.max.toordinal()))


def place_of(day: date, session: Session) -> int:
    """Where a session stands on the grid of its own year: 0 is the morning of 1 August."""
    return (day.toordinal() - first_ordinal(year_of(day))) * 2 + session


def at_place(year: int, place: int) -> tuple[date, Session]:
    """The session that stands at a place of a year's grid."""
    return date.fromordinal(first_ordinal(year) + place // 2), Session(place % 2)
