"""All spans of a child: the times in which a threshold is crossed, as the marks now known say.

`spans` is the one door: PA and SA by `rates`, for all children at once, PN_10_IN_10 by `penalty`, child by child.
`Scope` says what to look at: an evaluation after some marks need not go through years that they can't have changed.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from absence_engine.domain.ages import compulsory
from absence_engine.domain.marks import YearMarks, child_years
from absence_engine.domain.penalty import PENALTY, penalty_spans
from absence_engine.domain.policy import Policy
from absence_engine.domain.rates import RateRows, rate_spans
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.ticks import year_start

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


class Scope(NamedTuple):
    """What to evaluate of a child: the rates of these years, and the penalty threshold or not."""

    years: frozenset[int]
    penalty: bool

    @classmethod
    def whole(cls, child: Child) -> "Scope":
        return cls(frozenset(child.years), True)


def spans(children: Sequence[Child], scopes: Sequence[Scope], calendars: Calendars, policy: Policy) -> list[list[Span]]:
    """Per child the spans of its scope: rates by kind, year and time, then the penalty threshold's by time."""
    found = _rates(children, scopes, policy)
    for child, scope, its in zip(children, scopes, found, strict=True):
        if scope.penalty:
            its.extend(
                Span(PENALTY, None, span.crossed, span.firm, span.ended, None if span.ended is None else "recovered")
                for span in penalty_spans(child.record, child.years.values(), calendars, policy.penalty)
            )
    return found


def _rates(children: Sequence[Child], scopes: Sequence[Scope], policy: Policy) -> list[list[Span]]:
    found: list[list[Span]] = [[] for _ in children]
    owner: list[int] = []
    marks: list[YearMarks] = []
    ages: list[tuple[int, int]] = []
    year_over: list[bool] = []
    for n, (child, scope) in enumerate(zip(children, scopes, strict=True)):
        if not scope.years:
            continue
        age = compulsory(child.record.date_of_birth)
        last = max((year for year, of_year in child.years.items() if of_year.codes.any()), default=0)
        for year in sorted(year for year in scope.years if year in child.years):
            owner.append(n)
            marks.append(child.years[year])
            ages.append(age)
            year_over.append(last > year)
    if not owner:
        return found
    starts = np.array([year_start(of_year.year) for of_year in marks])
    bounds = np.array(ages) - starts[:, None]
    codes = np.frombuffer(b"".join([of_year.codes.tobytes() for of_year in marks]), np.uint8).reshape(len(marks), -1)
    rows = RateRows(codes, bounds[:, 0], bounds[:, 1], np.array(year_over))
    for kind, of_kind in rate_spans(rows, policy).items():
        for row, crossed, firm, ended, by_year_end in of_kind.each():
            start, year = int(starts[row]), marks[row].year
            reason = None if ended < 0 else "year_end" if by_year_end else "recovered"
            span = Span(kind, year, start + crossed, _tick(start, firm), _tick(start, ended), reason)
            found[owner[row]].append(span)
    return found


def _tick(start: int, place: int) -> int | None:
    return None if place < 0 else start + place
