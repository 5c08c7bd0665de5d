"""So many sessions in an academic year (rule book 6.4, 12.14): SICKNESS_15.

A span opens, firm, at the n-th session of the year that counts; it ends only with the year.
"""

import numpy as np

from absence_engine.domain.counted import POSSIBLE, Crossing, Sessions, counting, sessions_with
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.thresholds import Tally
from absence_engine.domain.ticks import year_start


def tallied(child: ChildRecord, marks: YearMarks, rule: Tally) -> Sessions:
    """The sessions of a year that count."""
    with_code = sessions_with([marks], rule.counts)
    return with_code.only(counting(with_code, child, rule))


def tally_span(child: ChildRecord, marks: YearMarks, rule: Tally, year_over: bool) -> Crossing | None:
    """The span of one child and year, if there is one; `year_over`: the child has a mark in a later year."""
    found = tallied(child, marks, rule)
    if len(found.ticks) < rule.sessions:
        return None
    crossed = int(found.ticks[rule.sessions - 1])
    last = int(np.flatnonzero(POSSIBLE[marks.codes])[-1]) + year_start(marks.year)
    return Crossing(crossed, crossed, last if year_over else None)
