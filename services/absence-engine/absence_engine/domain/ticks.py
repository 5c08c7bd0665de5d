"""Sessions and weeks as integers, so that spans compare and windows subtract.

What a tick says is worked out once: there are few, and explanations ask for the same ones of many children.

A tick is twice the day's ordinal, plus 1 in the afternoon: ticks of one day are neighbours, the order is that of time.
A place on the grid of an academic year (`common.academic`) is a tick minus `year_start`.
"""

from datetime import date
from functools import cache

from common.academic import Session, first_ordinal, year_of
from common.events import SessionRef

NEVER = 1 << 40
"""A tick after every session: the end of what has not ended."""


def tick_of(day: date, session: int = Session.AM) -> int:
    """The tick of a session; without one, of the day's morning."""
    return day.toordinal() * 2 + session


@cache
def day_of(tick: int) -> date:
    return date.fromordinal(tick // 2)


def session_of(tick: int) -> str:
    """`AM` or `PM`."""
    return "PM" if tick % 2 else "AM"


@cache
def ref_of(tick: int) -> SessionRef:
    """The session as the contracts write it."""
    return SessionRef(day_of(tick).isoformat(), session_of(tick))


@cache
def year_start(year: int) -> int:
    """The tick of the morning of 1 August: place 0 on the grid of the year."""
    return first_ordinal(year) * 2


@cache
def year_at(tick: int) -> int:
    """The academic year in which a tick lies."""
    return year_of(day_of(tick))


def week_of(tick: int) -> int:
    """Weeks run from Monday to Sunday, numbered from the first of the calendar."""
    return (tick // 2 - 1) // 7


def monday_of(week: int) -> date:
    return date.fromordinal(week * 7 + 1)


def last_of_week(week: int) -> int:
    """The tick of Sunday afternoon."""
    return (week * 7 + 7) * 2 + Session.PM
