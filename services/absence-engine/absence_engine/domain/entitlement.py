"""Who has less than full-time education at a school, and why: by what stands for a pupil there, and by its flags.

Every child of compulsory school age is entitled to full-time education; these are the ways in which a register says
that a child has less of it, or has it elsewhere.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
from common.codes import code_table

from absence_engine.domain.flags import times
from absence_engine.domain.marks import codes_at
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.thresholds import numbers_of
from absence_engine.domain.ticks import day_of, tick_of, year_start

PART_TIME, ELSEWHERE, NOT_REQUIRED, UNABLE = "part_time_timetable", "arranged_elsewhere", "not_required", "unable"
CODES: Mapping[str, tuple[str, ...]] = {
    PART_TIME: ("C2",),
    ELSEWHERE: ("B", "K"),
    NOT_REQUIRED: ("X",),
    UNABLE: tuple(code for code in code_table() if code.startswith("Y")),
}
"""By status, the codes that say so."""
FLAG = "PART_TIME_TIMETABLE"
_NUMBERS = {status: numbers_of(codes) for status, codes in CODES.items()}


class Spent(NamedTuple):
    """How many sessions of a year a status took, and the days of the first and the last."""

    sessions: int
    first: date
    last: date


class Entitlement(NamedTuple):
    """A child's statuses at a school in a year; `has_timetable`: a part-time timetable is in force on the day."""

    pupil_id: str
    has_timetable: bool
    statuses: Mapping[str, Spent]


def entitlement(child: ChildRecord, urn: int, year: int, today: date) -> Entitlement | None:
    """What a school's marks of a year, and the child's flags today, say; None for full-time education at the school."""
    found: dict[str, Spent] = {}
    codes = codes_at(child, year).get(urn)
    if codes is not None:
        for status, numbers in _NUMBERS.items():
            if len(places := np.flatnonzero(numbers[codes])):
                first, last = (day_of(int(places[at]) + year_start(year)) for at in (0, -1))
                found[status] = Spent(len(places), first, last)
    now = tick_of(today)
    has_timetable = any(first <= now <= last for first, last in times(child.flags, (FLAG,)))
    return Entitlement(child.pupil_id, has_timetable, found) if found or has_timetable else None
