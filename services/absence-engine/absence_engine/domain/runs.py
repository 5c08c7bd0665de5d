"""So many possible sessions in a row (rule book 6.3, 6.5, 6.7, 12.12, 12.13): CONTINUOUS_10, CONTINUOUS_20,
UNEXPLAINED.

A run is a stretch of possible sessions that all count, over years and schools; a session that is not possible neither
extends nor breaks it, every other possible one breaks it. A span opens at the n-th session of a run and is firm at its
n-th settled one. Once a later possible session has broken the run, the span has ended with the run's last session.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from absence_engine.domain.counted import POSSIBLE, Crossing, Flags, Sessions, counting, sessions_with
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.thresholds import Run


class Row(NamedTuple):
    """A run: its sessions, and whether a later possible session has broken it."""

    sessions: Sessions
    broken: bool


def rows(child: ChildRecord, years: Iterable[YearMarks], rule: Run) -> Iterator[Row]:
    """The runs of a child that are long enough, in time order."""
    possible = sessions_with(years, POSSIBLE)
    for start, end in _stretches(counting(possible, child, rule)):
        if end - start >= rule.sessions:
            its = Sessions(possible.ticks[start:end], possible.codes[start:end])
            yield Row(its, end < len(possible.ticks))


def run_spans(child: ChildRecord, years: Iterable[YearMarks], rule: Run) -> list[Crossing]:
    """The spans of one child, in time order."""
    return [
        Crossing(
            crossed=int(row.sessions.ticks[rule.sessions - 1]),
            firm=_nth(row.sessions.only(rule.settled[row.sessions.codes]), rule.sessions),
            ended=int(row.sessions.ticks[-1]) if row.broken else None,
        )
        for row in rows(child, years, rule)
    ]


def _nth(sessions: Sessions, n: int) -> int | None:
    return int(sessions.ticks[n - 1]) if len(sessions.ticks) >= n else None


def _stretches(counts: Flags) -> list[tuple[int, int]]:
    """From where to where (exclusive) the true stretches go."""
    edges = np.flatnonzero(np.diff(counts.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
