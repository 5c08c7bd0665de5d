"""Why a mark can't stand (rule book 1b, 12.22): what a mark in quarantine waits for, in a stable code and a sentence.

A mark has its own problems (its code), and those of its slot (the date, the calendar, the roll); its own come first.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec
from common.codes import Code

ProblemCode = Literal[
    "unknown-pupil", "no-mark", "unknown-code", "retired-code", "future-date", "closed-session", "not-enrolled"
]

DETAILS: dict[str, str] = {
    "unknown-pupil": "The school's roll has no pupil with this key; the mark is applied once it has.",
    "no-mark": "Blank or `-`: no mark was taken, so nothing is counted.",
    "unknown-code": "Not an attendance code of the national table.",
    "retired-code": "This code is not in force on the date of the session.",
    "future-date": "The session lies after today; the mark is applied when its day comes.",
    "closed-session": "Not open for this pupil: by the calendar, its year groups, or the school's own dates.",
    "not-enrolled": "The pupil is not on the school's roll on this date.",
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told of a problem: a stable code, a sentence and, in the answer to a write, where it lies."""

    code: str
    detail: str
    pointer: str | None = None


def problem(code: str, pointer: str | None = None) -> Problem:
    """The problem with this code, in words."""
    return Problem(code, DETAILS[code], pointer)


def of_code(code: str, on: date, table: Mapping[str, Code]) -> str | None:
    """What is wrong with a mark's code on a session date (transitions go by session date), or None."""
    known = table.get(code)
    if known is not None:
        return None if known.in_force(on) else "retired-code"
    return "no-mark" if code in ("", "-") else "unknown-code"


def of_slot(on: date, today: date, is_open: bool, is_enrolled: bool) -> str | None:
    """What keeps every mark of one pupil in one session from standing, or None."""
    if on > today:
        return "future-date"
    if not is_open:
        return "closed-session"
    return None if is_enrolled else "not-enrolled"
