"""A child's school weeks (rule book 4.2, 12.3): weeks on some day of which a school at which the child was enrolled
that day has an open session in its calendar. An unplanned closure leaves the calendar, and so the week, as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from absence_engine.domain.records import Calendars, Enrolment, Ticks


@dataclass(frozen=True, slots=True)
class SchoolWeeks:
    """Ascending, of equal length: the weeks (`ticks.week_of`), and the first and last open session of each."""

    weeks: Ticks
    first_open: Ticks
    last_open: Ticks

    def index_of(self, ticks: Ticks) -> tuple[Ticks, "np.typing.NDArray[np.bool_]"]:
        """For each session the position of its week, and whether that is a school week at all."""
        weeks = (ticks // 2 - 1) // 7
        at = np.searchsorted(self.weeks, weeks)
        known = at < len(self.weeks)
        known[known] = self.weeks[at[known]] == weeks[known]
        return at, known


def school_weeks(enrolments: Sequence[Enrolment], calendars: Calendars) -> SchoolWeeks:
    """The school weeks of a child with these enrolments."""
    parts = [calendars.open_between(stay.urn, stay.first, stay.last) for stay in enrolments]
    opened = parts[0] if len(parts) == 1 else np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
    weeks = (opened // 2 - 1) // 7
    starts = np.flatnonzero(np.diff(weeks, prepend=-1))
    ends = np.append(starts[1:], len(opened)) - 1
    return SchoolWeeks(weeks[starts], opened[starts], opened[ends[: len(starts)]])
