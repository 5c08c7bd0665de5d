"""When a child has a flag, such as CIN or CP: dated, so that a figure or a threshold can ask for the session's date.

A flag that is said of a child without any span counts from ever: then nobody says since when.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID
from common.events.registers import FlagSpan

from absence_engine.domain.ticks import NEVER, tick_of

Times = Sequence[tuple[int, int]]
"""Places of a year's grid, from and to, both inclusive."""


class Flagged(NamedTuple):
    """That a child has a flag from one session to another, as ticks, both inclusive."""

    flag: str
    first: int
    last: int


def flagged(flags: Iterable[str], spans: Sequence[FlagSpan]) -> tuple[Flagged, ...]:
    """What is known of a child's flags, from its facts."""
    dated = [
        Flagged(
            span.flag,
            tick_of(date.fromisoformat(span.from_)),
            NEVER if span.to is None else tick_of(date.fromisoformat(span.to), 1),
        )
        for span in spans
    ]
    known = {span.flag for span in spans}
    return (*dated, *(Flagged(flag, 0, NEVER) for flag in sorted(set(flags) - known)))


def times(flagged: Iterable[Flagged], wanted: Collection[str]) -> list[tuple[int, int]]:
    """From when to when a child has one of some flags; the times may overlap."""
    return [(one.first, one.last) for one in flagged if one.flag in wanted]


def within(ticks: npt.NDArray[np.int64], times: Iterable[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Which sessions lie in one of some times."""
    found = np.zeros(len(ticks), bool)
    for first, last in times:
        found |= (ticks >= first) & (ticks <= last)
    return found


def both(some: Times, others: Times) -> list[tuple[int, int]]:
    """The places that lie in some times and in others."""
    pairs = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return [(first, last) for first, last in pairs if first <= last]


def between(times: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places of a year's grid that lie in none of some times."""
    found: list[tuple[int, int]] = []
    begins = 0
    for first, last in sorted(times):
        if first > begins:
            found.append((begins, first - 1))
        begins = max(begins, last + 1)
    return [*found, (begins, GRID - 1)] if begins < GRID else found


def held_on(flags: Iterable[Flagged], day: date) -> set[str]:
    """The flags that a child has on a day, for a part of it at least."""
    return {flag for flag, first, last in flags if first <= tick_of(day, 1) and tick_of(day) <= last}
