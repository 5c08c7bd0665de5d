"""All spans of a child: the times in which a threshold is crossed, as the marks now known say.

`spans` is the one door: rates by `rates`, for all children at once; tallies, windows and runs child by child, and only
for those who have as many sessions as it takes. `Scope` says what to look at: an evaluation after some marks need not
go through what they can't have changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID

from absence_engine.domain.ages import compulsory
from absence_engine.domain.counted import Crossing
from absence_engine.domain.counts import CODES
from absence_engine.domain.flags import times
from absence_engine.domain.marks import YearMarks, child_years
from absence_engine.domain.policy import Policy
from absence_engine.domain.rates import RateRows, RateSpans, flagged_spans, rate_spans, target_spans
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.runs import run_spans
from absence_engine.domain.tallies import tally_span
from absence_engine.domain.thresholds import RULES, Coded, Rate, Run, Window
from absence_engine.domain.ticks import year_start
from absence_engine.domain.weeks import Units
from absence_engine.domain.windows import by_days, units_of, window_spans

YEARLESS = frozenset(kind for kind, rule in RULES.items() if rule in (Window, Run))
"""The kinds that run over the years: their episodes have none."""

EndReason = Literal["recovered", "year_end"]


class Span(NamedTuple):
    """One crossing: sessions as ticks; `year` is None for kinds that run over the years; `ended` None while it is
    open.
    """

    kind: str
    year: int | None
    crossed: int
    firm: int | None
    ended: int | None
    reason: EndReason | None


class Child(NamedTuple):
    """A child's record, with the marks that count worked out."""

    record: ChildRecord
    years: Mapping[int, YearMarks]

    @classmethod
    def of(cls, record: ChildRecord) -> "Child":
        return cls(record, child_years(record))

    @property
    def marked_years(self) -> list[int]:
        """The years in which the child has a mark."""
        return [year for year, marks in self.years.items() if marks.codes.any()]


class Scope(NamedTuple):
    """What to evaluate of a child: rates and tallies of these years, and these kinds of those that run over years."""

    years: frozenset[int]
    kinds: frozenset[str]

    @classmethod
    def whole(cls, child: Child) -> "Scope":
        return cls(frozenset(child.years), YEARLESS)

    def holds(self, kind: str, year: int | None) -> bool:
        """Whether spans of a kind and year are looked at."""
        return kind in self.kinds if year is None else year in self.years


def spans(children: Sequence[Child], scopes: Sequence[Scope], calendars: Calendars, policy: Policy) -> list[list[Span]]:
    """Per child the spans of its scope, by kind; those of one kind and year in time order."""
    found: list[list[Span]] = [[] for _ in children]
    years = [
        _Year(n, child, child.years[year], max(child.marked_years, default=0) > year)
        for n, (child, scope) in enumerate(zip(children, scopes, strict=True))
        for year in sorted(scope.years & child.years.keys())
    ]
    if years:
        codes = _stacked([one.marks for one in years])
        for n, span in _rates(years, codes, policy):
            found[n].append(span)
        for n, span in _tallies(years, codes, policy):
            found[n].append(span)
    looking = [n for n, scope in enumerate(scopes) if scope.kinds]
    for n, span in _yearless(looking, children, scopes, calendars, policy):
        found[n].append(span)
    return found


@dataclass(frozen=True, slots=True)
class _Year:
    """A year to look at: whose it is (`owner`: the position of the child), and whether a later one has begun."""

    owner: int
    child: Child
    marks: YearMarks
    is_over: bool


def _stacked(marks: Sequence[YearMarks]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join([one.codes.tobytes() for one in marks]), np.uint8).reshape(len(marks), GRID)


def _rates(years: Sequence[_Year], codes: npt.NDArray[np.uint8], policy: Policy) -> Iterator[tuple[int, Span]]:
    """The spans of all rates, each with the position of its child."""
    starts = np.array([year_start(one.marks.year) for one in years])
    bounds = np.array([compulsory(one.child.record.date_of_birth) for one in years]) - starts[:, None]
    rows = RateRows(codes, bounds[:, 0], bounds[:, 1], np.array([one.is_over for one in years]))
    for kind, of_kind in rate_spans(rows, policy.plain_rates).items():
        yield from _told(kind, of_kind, years)
    for kind, rate in policy.rates.items():
        if kind not in policy.plain_rates:
            concerned = [at for at, one in enumerate(years) if _concerns(rate, one)]
            if concerned:
                some = [years[at] for at in concerned]
                yield from _told(kind, _conditional(rows.only(concerned), rate, some), some)


def _concerns(rate: Rate, year: _Year) -> bool:
    """Whether a rate that not every child can cross may be over its line in a year."""
    if rate.flags:
        return bool(times(year.child.record.flags, rate.flags))
    its = year.marks.schools
    return any(urn in rate.target_points for urn in ([its] if isinstance(its, int) else set(its.tolist())))


def _conditional(rows: RateRows, rate: Rate, years: Sequence[_Year]) -> RateSpans:
    if rate.flags:
        has_flag = np.zeros(rows.codes.shape, bool)
        for row, one in zip(has_flag, years, strict=True):
            for first, last in times(one.child.record.flags, rate.flags):
                start = year_start(one.marks.year)
                row[max(first - start, 0) : max(last + 1 - start, 0)] = True
        return flagged_spans(rows, rate, has_flag)
    targets = np.full(rows.codes.shape, -1, np.int64)
    for row, one in zip(targets, years, strict=True):
        for urn, target in rate.target_points.items():
            row[np.broadcast_to(one.marks.schools, GRID) == urn] = target
    return target_spans(rows, rate, targets)


def _told(kind: str, found: RateSpans, years: Sequence[_Year]) -> Iterator[tuple[int, Span]]:
    for row, crossed, firm, ended, by_year_end in found.each():
        one = years[row]
        start = year_start(one.marks.year)
        reason = None if ended < 0 else "year_end" if by_year_end else "recovered"
        span = Span(kind, one.marks.year, start + crossed, _tick(start, firm), _tick(start, ended), reason)
        yield one.owner, span


def _tick(start: int, place: int) -> int | None:
    return None if place < 0 else start + place


def _tallies(years: Sequence[_Year], codes: npt.NDArray[np.uint8], policy: Policy) -> Iterator[tuple[int, Span]]:
    for kind, rule in policy.tallies.items():
        for at in np.flatnonzero(np.count_nonzero(rule.counts[codes], axis=1) >= rule.sessions).tolist():
            one = years[at]
            found = tally_span(one.child.record, one.marks, rule, one.is_over)
            if found is not None:
                reason = None if found.ended is None else "year_end"
                yield one.owner, Span(kind, one.marks.year, *found, reason)


def _yearless(
    looking: Sequence[int], children: Sequence[Child], scopes: Sequence[Scope], calendars: Calendars, policy: Policy
) -> Iterator[tuple[int, Span]]:
    """The spans of windows and runs. Most children have too few of the sessions that count for any."""
    if not looking:
        return
    held = _held([children[n] for n in looking])
    rules: dict[str, Coded] = {**policy.windows, **policy.runs}
    enough = {kind: held[:, rule.counts[:CODES]].sum(axis=1) >= rule.sessions for kind, rule in rules.items()}
    for at, n in enumerate(looking):
        child, units = children[n], dict[bool, Units]()
        for kind, rule in rules.items():
            if enough[kind][at] and kind in scopes[n].kinds:
                for one in _crossings(child, rule, units, calendars):
                    reason = None if one.ended is None else "recovered"
                    yield n, Span(kind, None, *one, reason)


def _crossings(child: Child, rule: Coded, units: dict[bool, Units], calendars: Calendars) -> list[Crossing]:
    if isinstance(rule, Window):
        its = units.get(by_days(rule))
        if its is None:
            its = units[by_days(rule)] = units_of(child.record, calendars, rule)
        return window_spans(child.record, child.years.values(), its, rule)
    assert isinstance(rule, Run)
    if rule.flags and not times(child.record.flags, rule.flags):
        return []
    return run_spans(child.record, child.years.values(), rule)


def _held(children: Sequence[Child]) -> npt.NDArray[np.int64]:
    """(n, CODES): how many sessions of each code a child has, over all years."""
    marks = [one for child in children for one in child.years.values()]
    owner = np.repeat(np.arange(len(children)), [len(child.years) for child in children])
    numbers = _stacked(marks).astype(np.intp) + owner[:, None] * CODES
    return np.bincount(numbers.ravel(), minlength=len(children) * CODES).reshape(len(children), CODES)
