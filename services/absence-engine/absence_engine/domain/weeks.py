"""A child's school weeks (rule book 4.2, 12.3): weeks on some day of which a school at which the child was enrolled
that day has an open session in its calendar. An unplanned closure leaves the calendar, and so the week, as it was.

By the other reading of a window (12.2) its units are not weeks but the days that have an open session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from absence_engine.domain.records import Calendars, Enrolment, Ticks
from absence_engine.domain.ticks import monday_of, week_of


@dataclass(frozen=True, slots=True)
class Units:
    """A child's school weeks, or days: what windows are made of. Ascending, of equal length: the weeks
    (`ticks.week_of`) or days (ordinals), and the first and last open session of each.
    """

    numbers: Ticks
    first_open: Ticks
    last_open: Ticks
    by_days: bool

    def index_of(self, ticks: Ticks) -> tuple[Ticks, "np.typing.NDArray[np.bool_]"]:
        """For each session the position of its week or day, and whether that is a school week or day at all."""
        numbers = _numbers(ticks, self.by_days)
        at = np.searchsorted(self.numbers, numbers)
        known = at < len(self.numbers)
        known[known] = self.numbers[at[known]] == numbers[known]
        return at, known

    def mondays(self, first: int, last: int) -> list[date]:
        """The Mondays of the weeks in which the units lie from one position to another, both inclusive."""
        opened = self.first_open[first : last + 1].tolist()
        return sorted({monday_of(week_of(tick)) for tick in opened})


def school_weeks(enrolments: Sequence[Enrolment], calendars: Calendars) -> Units:
    """The school weeks of a child with these enrolments."""
    return school_units(enrolments, calendars, by_days=False)


def school_units(enrolments: Sequence[Enrolment], calendars: Calendars, *, by_days: bool) -> Units:
    """The school weeks, or days, of a child with these enrolments: worked out once for all who have the same stays."""
    stays = (by_days, *[(stay.urn, stay.from_, stay.to) for stay in enrolments])
    known: Units | None = calendars.found.get(stays)
    if known is None:
        known = calendars.found[stays] = _units(enrolments, calendars, by_days=by_days)
    return known


def _units(enrolments: Sequence[Enrolment], calendars: Calendars, *, by_days: bool) -> Units:
    parts = [calendars.open_between(stay.urn, stay.first, stay.last) for stay in enrolments]
    opened = parts[0] if len(parts) == 1 else np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
    numbers = _numbers(opened, by_days)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    ends = np.append(starts[1:], len(opened)) - 1
    return Units(numbers[starts], opened[starts], opened[ends[: len(starts)]], by_days)


def _numbers(ticks: Ticks, by_days: bool) -> Ticks:
    return ticks // 2 if by_days else (ticks // 2 - 1) // 7
