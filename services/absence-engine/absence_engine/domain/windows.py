"""So many sessions within so many school weeks (rule book 4.1-4.3, 4.8, 12.1-12.4): PN_10_IN_10, PUNCTUALITY.

A window is ten school weeks of the child (policy) that end with a given one; it runs over terms, years and schools. In
it count the sessions with the rule's codes: for ten in ten those that are unauthorised (G, N, O, U), lie inside
compulsory school age and are not spent by an issued notice. N is unsettled: it counts, but a window that holds ten only
with it is provisional.

A span opens at the tenth session of the first window that holds ten, and ends at the last open session of the first
complete school week whose window holds fewer; a school week is complete once a mark of the child stands in a later one.
The next opens only in a later week. It is firm from the session on at which a window first holds ten settled ones.

Since the window before held fewer, the tenth session of the first window that holds ten lies in that window's last
week.

By the other reading of 12.2 the units are school days: a window is the fifty that end with a given one. All else is as
told, with days for weeks. Here both are *units*.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from absence_engine.domain.counted import Crossing, Flags, counting, sessions_with, unspent
from absence_engine.domain.marks import YearMarks, marked_ticks
from absence_engine.domain.records import Calendars, ChildRecord, Ticks
from absence_engine.domain.thresholds import Window
from absence_engine.domain.weeks import Units, school_units

Ints = npt.NDArray[np.int64]


def length(rule: Window) -> int:
    """Of how many units a window is."""
    return rule.days if by_days(rule) else rule.weeks


def by_days(rule: Window) -> bool:
    return rule.reading == "school_days"


def units_of(child: ChildRecord, calendars: Calendars, rule: Window) -> Units:
    """The child's school weeks or days, as the rule reads a window."""
    return school_units(child.enrolments, calendars, by_days=by_days(rule))


@dataclass(frozen=True, slots=True)
class Counted:
    """A child's sessions that count, ascending, arrays of equal length. `unit`: the position of each one's week or day
    among the child's.
    """

    ticks: Ticks
    unit: Ints
    settled: Flags
    spent: Flags

    def only(self, keep: Flags) -> "Counted":
        return Counted(self.ticks[keep], self.unit[keep], self.settled[keep], self.spent[keep])

    def in_window(self, unit: int, rule: Window) -> "Counted":
        """Those in the window that ends with a unit."""
        return self.only((self.unit <= unit) & (self.unit > unit - length(rule)))


def counted_sessions(child: ChildRecord, years: Iterable[YearMarks], units: Units, rule: Window) -> Counted:
    """The sessions that can count, spent ones included."""
    with_code = sessions_with(years, rule.counts)
    found = with_code.only(counting(with_code, child, rule))
    unit, known = units.index_of(found.ticks)
    spent = ~unspent(found.ticks, child, rule)
    return Counted(found.ticks, unit, rule.settled[found.codes], spent).only(known)


def window_spans(child: ChildRecord, years: Iterable[YearMarks], units: Units, rule: Window) -> list[Crossing]:
    """The spans of one child, in time order; `units` as the rule reads a window."""
    years = list(years)
    counted = counted_sessions(child, years, units, rule)
    counted = counted.only(~counted.spent)
    if not _ever_enough(counted.unit, rule):
        return []
    settled = counted.only(counted.settled)
    held = window_sizes(counted, len(units.numbers), rule)
    held_settled = window_sizes(settled, len(units.numbers), rule)
    complete = _complete(years, units)

    found: list[Crossing] = []
    opens = _first(held >= rule.sessions, 0)
    while opens is not None:
        ends = _first(held < rule.sessions, opens, complete)
        firm = _first(held_settled >= rule.sessions, opens, ends)
        found.append(
            Crossing(
                crossed=_nth(counted, opens, rule),
                firm=None if firm is None else _nth(settled, firm, rule),
                ended=None if ends is None else int(units.last_open[ends]),
            )
        )
        opens = None if ends is None else _first(held >= rule.sessions, ends + 1)
    return found


def _ever_enough(unit: Ints, rule: Window) -> bool:
    """Whether any window holds as many as it takes: whether so many in a row lie so near to each other."""
    first, last = unit[: len(unit) - rule.sessions + 1], unit[rule.sessions - 1 :]
    return len(unit) >= rule.sessions and bool((last - first < length(rule)).any())


def window_sizes(counted: Counted, units: int, rule: Window) -> Ints:
    """How many sessions the window that ends with each unit holds."""
    so_far = np.cumsum(np.bincount(counted.unit, minlength=units))
    before = np.concatenate([np.zeros(length(rule), np.int64), so_far])[:units]
    return so_far - before


def _complete(years: Iterable[YearMarks], units: Units) -> int:
    """How many of the units are complete: those before that of the child's latest mark; there is one."""
    return int(units.index_of(marked_ticks(years)[-1:])[0][0])


def _first(flags: Flags, start: int, end: int | None = None) -> int | None:
    """The first true position from `start` up to but not including `end`; without one, of all."""
    found = np.flatnonzero(flags[start:end])
    return start + int(found[0]) if len(found) else None


def _nth(counted: Counted, unit: int, rule: Window) -> int:
    """The session that made the window of a unit hold as many as it takes."""
    return int(counted.in_window(unit, rule).ticks[rule.sessions - 1])
