"""The sessions of a child that a threshold counts by their code: what windows, runs and tallies are made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.ages import compulsory
from absence_engine.domain.flags import times, within
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.records import ChildRecord, Codes, Ticks
from absence_engine.domain.thresholds import Coded, Run, Window, numbers_of
from absence_engine.domain.ticks import year_start

Flags = npt.NDArray[np.bool_]

POSSIBLE = numbers_of(tuple(code.code for code in code_table().values() if code.possible))
"""By code number, whether it is a possible session."""


class Crossing(NamedTuple):
    """From the session that crossed to the one that ended it; ticks."""

    crossed: int
    firm: int | None
    ended: int | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Some of a child's sessions, ascending, arrays of equal length: when, and the code number of each."""

    ticks: Ticks
    codes: Codes

    def only(self, keep: Flags) -> "Sessions":
        return Sessions(self.ticks[keep], self.codes[keep])


def sessions_with(years: Iterable[YearMarks], wanted: Flags) -> Sessions:
    """The sessions whose code is one of some (by code number); `years` are in order."""
    ticks: list[Ticks] = [np.empty(0, np.int64)]
    codes: list[Codes] = [np.empty(0, np.uint8)]
    for marks in years:
        places = np.flatnonzero(wanted[marks.codes])
        ticks.append(places + year_start(marks.year))
        codes.append(marks.codes[places])
    return Sessions(np.concatenate(ticks), np.concatenate(codes))


def counting(sessions: Sessions, child: ChildRecord, rule: Coded) -> Flags:
    """Which sessions a rule counts: by their code, inside compulsory school age if it asks for that, on a day on which
    the child has one of its flags if it names some. Those of a notice are the caller's to leave out.
    """
    found = rule.counts[sessions.codes]
    if rule.compulsory_age:
        first, last = compulsory(child.date_of_birth)
        found &= (sessions.ticks >= first) & (sessions.ticks <= last)
    if isinstance(rule, Run) and rule.flags:
        found &= within(sessions.ticks, times(child.flags, rule.flags))
    return found


def unspent(ticks: Ticks, child: ChildRecord, rule: Window) -> Flags:
    """Which sessions no issued notice has used up, where the rule asks for that (12.4)."""
    if not child.spent or not rule.spendable:
        return np.ones(len(ticks), bool)
    return ~np.isin(ticks, list(child.spent))
