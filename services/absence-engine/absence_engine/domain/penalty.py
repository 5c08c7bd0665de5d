"""Ten sessions in ten school weeks (rule book 4.1-4.3, 4.8, 12.1-12.4): PN_10_IN_10, and the penalty figure.

A window is ten school weeks of the child (policy) that end with a given one; it runs over terms, years and schools. In
it count the child's unauthorised sessions (G, N, O, U) that lie inside compulsory school age and are not spent by an
issued notice. N is unsettled: it counts, but a window that holds ten only with it is provisional.

A span opens at the tenth session of the first window that holds ten, and ends at the last open session of the first
complete school week whose window holds fewer; a school week is complete once a mark of the child stands in a later one.
The next opens only in a later week. It is firm from the session on at which a window first holds ten settled ones.

Since the window before held fewer, the tenth session of the first window that holds ten lies in that window's last
week.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.ages import compulsory
from absence_engine.domain.marks import YearMarks, marked_ticks
from absence_engine.domain.records import Calendars, ChildRecord, Ticks
from absence_engine.domain.thresholds import PENALTY as PENALTY
from absence_engine.domain.thresholds import Window as Penalty
from absence_engine.domain.ticks import day_of, year_start
from absence_engine.domain.weeks import SchoolWeeks, school_weeks

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

COUNTS_TO_PENALTY = np.zeros(256, bool)
COUNTS_TO_PENALTY[[code.number for code in code_table().values() if code.counts_to_penalty]] = True


class PenaltySpan(NamedTuple):
    """From the tenth session to the end of the week that fell below; ticks."""

    crossed: int
    firm: int | None
    ended: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """A child's unauthorised sessions inside compulsory age, ascending, arrays of equal length. `week` is the
    position of each one's week among the child's school weeks.
    """

    ticks: Ticks
    week: Ints
    settled: Flags
    spent: Flags

    def only(self, keep: Flags) -> "Counted":
        return Counted(self.ticks[keep], self.week[keep], self.settled[keep], self.spent[keep])

    def in_window(self, week: int, policy: Penalty) -> "Counted":
        """Those in the window that ends with a week."""
        return self.only((self.week <= week) & (self.week > week - policy.weeks))


def counted_sessions(child: ChildRecord, years: Iterable[YearMarks], weeks: SchoolWeeks, policy: Penalty) -> Counted:
    """The sessions that can count, spent ones included."""
    first, last = compulsory(child.date_of_birth)
    ticks: list[Ticks] = [np.empty(0, np.int64)]
    settled: list[Flags] = [np.empty(0, bool)]
    for marks in years:
        places = np.flatnonzero(COUNTS_TO_PENALTY[marks.codes])
        ticks.append(places + year_start(marks.year))
        settled.append(policy.settled[marks.codes[places]])
    tick = np.concatenate(ticks)
    week, known = weeks.index_of(tick)
    spent = np.isin(tick, list(child.spent)) if child.spent else np.zeros(len(tick), bool)
    found = Counted(tick, week, np.concatenate(settled), spent)
    return found.only(known & (tick >= first) & (tick <= last))


def penalty_spans(
    child: ChildRecord, years: Iterable[YearMarks], calendars: Calendars, policy: Penalty
) -> list[PenaltySpan]:
    """The spans of one child, in time order."""
    years = list(years)
    if sum(int(COUNTS_TO_PENALTY[marks.codes].sum()) for marks in years) < policy.sessions:
        return []  # most children: no window can hold ten
    weeks = school_weeks(child.enrolments, calendars)
    counted = counted_sessions(child, years, weeks, policy)
    counted = counted.only(~counted.spent)
    settled = counted.only(counted.settled)
    held = _window_sizes(counted, len(weeks.weeks), policy)
    held_settled = _window_sizes(settled, len(weeks.weeks), policy)
    complete = _complete_weeks(years, weeks)

    found: list[PenaltySpan] = []
    opens = _first(held >= policy.sessions, 0, len(held))
    while opens is not None:
        ends = _first(held < policy.sessions, opens, complete)
        firm = _first(held_settled >= policy.sessions, opens, len(held) if ends is None else ends)
        found.append(
            PenaltySpan(
                crossed=_tenth(counted, opens, policy),
                firm=None if firm is None else _tenth(settled, firm, policy),
                ended=None if ends is None else int(weeks.last_open[ends]),
            )
        )
        opens = None if ends is None else _first(held >= policy.sessions, ends + 1, len(held))
    return found


def _window_sizes(counted: Counted, weeks: int, policy: Penalty) -> Ints:
    """How many sessions the window that ends with each school week holds."""
    so_far = np.cumsum(np.bincount(counted.week, minlength=weeks))
    before = np.concatenate([np.zeros(policy.weeks, np.int64), so_far])[:weeks]
    return so_far - before


def _complete_weeks(years: Iterable[YearMarks], weeks: SchoolWeeks) -> int:
    """How many of the school weeks are complete: those before the week of the child's latest mark."""
    marked = marked_ticks(years)
    return int(weeks.index_of(marked[-1:])[0][0]) if len(marked) else 0


def _first(flags: Flags, start: int, end: int) -> int | None:
    """The first true position from `start` up to but not including `end`."""
    found = np.flatnonzero(flags[start:end])
    return start + int(found[0]) if len(found) else None


def _tenth(counted: Counted, week: int, policy: Penalty) -> int:
    """The session that made the window of a week hold ten."""
    return int(counted.in_window(week, policy).ticks[policy.sessions - 1])


@dataclass(frozen=True, slots=True)
class Window:
    """A window and what it holds. `first_day` and `last_day` are open days; `ticks` the sessions that are not spent."""

    first_day: date
    last_day: date
    school_weeks: int
    ticks: tuple[int, ...]
    spent: int
    met: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class PenaltyFigure:
    """The best window (None without an unauthorised session) and the one that ends with the latest mark's week."""

    best: Window | None
    current: Window | None


def penalty_figure(
    child: ChildRecord, years: Sequence[YearMarks], calendars: Calendars, policy: Penalty
) -> PenaltyFigure:
    """The best window ends with the week of an unauthorised session and holds most that are not spent; of equals, the
    latest."""
    weeks = school_weeks(child.enrolments, calendars)
    counted = counted_sessions(child, years, weeks, policy)
    held = _window_sizes(counted.only(~counted.spent), len(weeks.weeks), policy)
    best = max(set(counted.week.tolist()), key=lambda week: (int(held[week]), week), default=None)
    latest, known = weeks.index_of(marked_ticks(years)[-1:])
    return PenaltyFigure(
        best=None if best is None else _window(best, counted, weeks, policy),
        current=_window(int(latest[0]), counted, weeks, policy) if known.any() else None,
    )


def _window(week: int, counted: Counted, weeks: SchoolWeeks, policy: Penalty) -> Window:
    inside = counted.in_window(week, policy)
    left = inside.only(~inside.spent)
    first = max(week - policy.weeks + 1, 0)
    met = len(left.ticks) >= policy.sessions
    return Window(
        first_day=day_of(int(weeks.first_open[first])),
        last_day=day_of(int(weeks.last_open[week])),
        school_weeks=week - first + 1,
        ticks=tuple(left.ticks.tolist()),
        spent=int(inside.spent.sum()),
        met=met,
        provisional=met and int(left.settled.sum()) < policy.sessions,
    )
