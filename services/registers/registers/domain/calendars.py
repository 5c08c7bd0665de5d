"""School calendars (rule book 8.2, 12.21): the open sessions of an academic year; every other session is closed."""

from collections.abc import Mapping, Set
from datetime import date

from common.academic import Session
from common.events.registers import OpenDay

Sessions = frozenset[Session]


def changed_sessions(
    before: Mapping[date, Set[Session]], after: Mapping[date, Set[Session]]
) -> list[tuple[date, Session]]:
    """The sessions that are open in one of the two calendars only, in order."""
    none: Sessions = frozenset()
    return sorted(
        (day, session)
        for day in before.keys() | after.keys()
        for session in before.get(day, none) ^ after.get(day, none)
    )


def as_event(days: Mapping[date, Set[Session]]) -> list[OpenDay]:
    """The calendar as it is announced: the open days, in order."""
    return [OpenDay(day.isoformat(), [session.name for session in sorted(days[day])]) for day in sorted(days)]
