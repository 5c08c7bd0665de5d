"""How complete a school's year is: of the sessions that should have a register, how many have one.

Expected are the open sessions of the days before today, and those of today whose register has come: one that may still
come is not counted against the school.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID

Grid = npt.NDArray[np.uint8]
"""An academic year's sessions, 1 or 0 for each: (732,)."""


class Coverage(NamedTuple):
    """How many sessions should have a register, and how many of these have one."""

    expected_sessions: int
    registers: int


NOTHING_EXPECTED = Coverage(0, 0)


def coverage(sessions: bytes, registers: Grid, year: int, today: date, as_of: date | None) -> Coverage:
    """The coverage of an academic year up to a day. `sessions`: those that are open; `registers`: those whose register
    has come.
    """
    over, until = _first_place(year, today), GRID if as_of is None else _first_place(year, as_of) + 2
    over, until = max(over, 0), max(until, 0)
    came = np.frombuffer(sessions, np.uint8)[:until] & registers[:until]
    expected = sessions.count(1, 0, min(over, until)) + int(np.count_nonzero(came[over:]))
    return Coverage(expected, int(np.count_nonzero(came)))


def _first_place(year: int, day: date) -> int:
    """Where a day begins on the grid of a year; before its beginning, or after its end, for days of others."""
    return (day - date(year, 8, 1)).days * 2
