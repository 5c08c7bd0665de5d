"""Possible, attended, absent, …: counted from many sheets at once (rule book 3.1-3.6), and shown.

A sheet becomes a histogram of its codes; what a code counts as is a table with one column per figure. All integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Codes

CODES = 64  # a code's number is below this: a byte per session, and room to grow

FIGURES = ("possible", "attended", "authorised", "unauthorised", "late_before_close", "late_after_close")


def figure_table() -> npt.NDArray[np.int64]:
    """(64, 6): what a session with each code number counts as, in the order of FIGURES."""
    table = np.zeros((CODES, len(FIGURES)), np.int64)
    for code in code_table().values():
        table[code.number] = (
            code.possible,
            code.attended,
            code.absence == "authorised",
            code.absence == "unauthorised",
            code.late == "before-close",
            code.late == "after-close",
        )
    return table


_FIGURE_TABLE = figure_table()


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one child, enrolment or group, in sessions."""

    possible: int = 0
    attended: int = 0
    authorised: int = 0
    unauthorised: int = 0
    late_before_close: int = 0
    late_after_close: int = 0

    @property
    def absent(self) -> int:
        return self.authorised + self.unauthorised


def count_rows(codes: Codes) -> npt.NDArray[np.int64]:
    """(n, 732) code numbers -> (n, 6) figures in the order of FIGURES."""
    n = len(codes)
    numbers = codes.astype(np.intp)
    numbers += np.arange(n, dtype=np.intp)[:, None] * CODES
    histogram = np.bincount(numbers.ravel(), minlength=n * CODES).reshape(n, CODES)
    return histogram @ _FIGURE_TABLE


def count(codes: Codes) -> Counts:
    """The figures of one grid."""
    return counts_of(np.bincount(codes, minlength=CODES) @ _FIGURE_TABLE)


def counts_of(figures: Sequence[int] | npt.NDArray[np.int64]) -> Counts:
    """One row of `count_rows`, or a sum of rows."""
    return Counts(*map(int, figures))


def over_line(absent: int, possible: int, one_in: int) -> bool:
    """Whether an absence rate is at or over its line: compared as integers, never as percentages (12.8)."""
    return possible > 0 and absent * one_in >= possible


def is_provisional(possible: int, policy: Policy) -> bool:
    """Whether fewer sessions than the policy's minimum stand behind a rate (12.7)."""
    return possible < policy.minimum_possible


def percent(part: int, whole: int) -> str | None:
    """Two decimals, half up, from integers; None when nothing was possible (3.10)."""
    if whole == 0:
        return None
    hundredths = (part * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
