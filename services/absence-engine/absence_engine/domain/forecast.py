"""Forecast by arithmetic: what a child's year may still come to, and what some more sessions would do.

Nothing is estimated. The sessions that are left are those that the calendars of the child's schools plan; each is
attended or missed. What becomes of episodes is what the same rules say of a copy of the sheets.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from common.academic import GRID
from common.codes import code_table

from absence_engine.domain.counts import Counts, over_line
from absence_engine.domain.marks import PRECEDENCE
from absence_engine.domain.records import Calendars, ChildRecord, Sheet
from absence_engine.domain.spans import Span
from absence_engine.domain.ticks import year_at, year_start

PRESENT = ("/", "\\")  # by session of the day


class Planned(NamedTuple):
    """A session that a school of the child plans."""

    tick: int
    urn: int


def planned(record: ChildRecord, calendars: Calendars, first: int, last: int) -> list[Planned]:
    """The sessions from one tick to another, both inclusive, that the child's schools plan while it is enrolled there:
    each once, at the school whose mark would count (12.9).
    """
    found: dict[int, int] = {}
    for stay in sorted(record.enrolments, key=lambda one: (PRECEDENCE[one.kind], one.from_, one.urn), reverse=True):
        for tick in calendars.open_between(stay.urn, max(first, stay.first), min(last, stay.last)).tolist():
            found[tick] = stay.urn
    return [Planned(tick, urn) for tick, urn in sorted(found.items())]


def with_marks(record: ChildRecord, sessions: Iterable[Planned], code: str | None) -> ChildRecord:
    """The child as if these sessions had been marked with a code; with None, as present."""
    sheets = {sheet[:3]: bytearray(sheet.codes) for sheet in record.sheets}
    for tick, urn in sessions:
        year = year_at(tick)
        sheet = sheets.setdefault((record.pupil_id, urn, year), bytearray(GRID))
        sheet[tick - year_start(year)] = code_table()[code or PRESENT[tick % 2]].number
    return record._replace(sheets=tuple(Sheet(*key, bytes(codes)) for key, codes in sheets.items()))


class Outlook(NamedTuple):
    """What a rate's line may still come to by the end of the year: `certain` when nothing can be done about it,
    `possible` when it can still be crossed. `may_miss`: how many of the sessions left may be missed without being at
    the line in the end; None when it is certain. `misses_to_reach`: how many of the next ones, missed in a row, bring
    the rate to the line; 0 when it is there, None when there are too few.
    """

    certain: bool
    possible: bool
    may_miss: int | None
    misses_to_reach: int | None


def outlook(counts: Counts, left: int, one_in: int) -> Outlook:
    """The outlook of a line, one absence in so many, with so many sessions left."""
    end, absent = counts.possible + left, counts.absent
    certain = over_line(absent, end, one_in)
    # The most misses m with (absent + m) * one_in < end.
    spare = (end - 1) // one_in - absent if end else 0
    # The least k with (absent + k) * one_in >= possible + k, and at least one possible session.
    lacking = counts.possible - absent * one_in
    nearer = one_in - 1  # by each miss: by none where everything must have been missed
    needed = 0 if lacking <= 0 else -(-lacking // nearer) if nearer else left + 1
    reach = needed if counts.possible else 1
    return Outlook(
        certain=certain,
        possible=over_line(absent + left, end, one_in),
        may_miss=None if certain else min(spare, left),
        misses_to_reach=reach if reach <= left else None,
    )


class Ending(NamedTuple):
    """An open span, and how it would end if every session from now on were attended: after how many, at which tick, and
    why; None where the calendars that are known do not reach so far.
    """

    span: Span
    attend: int | None
    at: int | None
    reason: str | None


def endings(now: Iterable[Span], attending: Iterable[Span], sessions: Sequence[Planned]) -> list[Ending]:
    """How the spans that are open now end in `attending`, the spans when all of `sessions` are attended."""
    later = {(span.kind, span.year, span.crossed): span for span in attending}
    ticks = np.array([session.tick for session in sessions], np.int64)
    found: list[Ending] = []
    for span in now:
        if span.ended is None:
            then = later.get((span.kind, span.year, span.crossed), span)
            attend = None if then.ended is None else int(np.searchsorted(ticks, then.ended, "right"))
            found.append(Ending(span, attend, then.ended, then.reason))
    return found


class Difference(NamedTuple):
    """What happens to spans: those that open, become firm, end, and those that are gone."""

    opened: list[Span]
    firm: list[Span]
    ended: list[Span]


def difference(before: Iterable[Span], after: Iterable[Span]) -> Difference:
    """What happened between two evaluations of one child."""
    had = {(span.kind, span.year, span.crossed): span for span in before}
    found = Difference([], [], [])
    for span in after:
        was = had.get((span.kind, span.year, span.crossed))
        if was is None:
            found.opened.append(span)
        if span.firm is not None and (was is None or was.firm is None):
            found.firm.append(span)
        if span.ended is not None and (was is None or was.ended is None):
            found.ended.append(span)
    return found
