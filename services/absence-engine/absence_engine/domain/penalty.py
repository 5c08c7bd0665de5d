"""The penalty figure: a child's best window of ten school weeks, and the current one (`docs/decisions/thresholds.md`).

Its spans are those of `windows`, like those of every window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from absence_engine.domain.marks import YearMarks, marked_ticks
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.thresholds import PENALTY as PENALTY
from absence_engine.domain.thresholds import Window as Rule
from absence_engine.domain.ticks import day_of
from absence_engine.domain.weeks import Units
from absence_engine.domain.windows import Counted, counted_sessions, length, units_of, window_sizes


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


def penalty_figure(child: ChildRecord, years: Sequence[YearMarks], calendars: Calendars, rule: Rule) -> PenaltyFigure:
    """The best window ends with the week of an unauthorised session and holds most that are not spent; of equals, the
    latest."""
    units = units_of(child, calendars, rule)
    counted = counted_sessions(child, years, units, rule)
    held = window_sizes(counted.only(~counted.spent), len(units.numbers), rule)
    best = max(set(counted.unit.tolist()), key=lambda unit: (int(held[unit]), unit), default=None)
    latest, known = units.index_of(marked_ticks(years)[-1:])
    return PenaltyFigure(
        best=None if best is None else _window(best, counted, units, rule),
        current=_window(int(latest[0]), counted, units, rule) if known.any() else None,
    )


def _window(unit: int, counted: Counted, units: Units, rule: Rule) -> Window:
    inside = counted.in_window(unit, rule)
    left = inside.only(~inside.spent)
    first = max(unit - length(rule) + 1, 0)
    met = len(left.ticks) >= rule.sessions
    return Window(
        first_day=day_of(int(units.first_open[first])),
        last_day=day_of(int(units.last_open[unit])),
        school_weeks=len(units.mondays(first, unit)),
        ticks=tuple(left.ticks.tolist()),
        spent=int(inside.spent.sum()),
        met=met,
        provisional=met and int(left.settled.sum()) < rule.sessions,
    )
