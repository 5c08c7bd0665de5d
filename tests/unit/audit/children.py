"""Children made by hand, for the tests of the second implementation."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from audit.child import Child, Enrolment, Mark, Session

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text())
BY_ID: dict[str, dict[str, Any]] = {vector["id"]: vector for vector in VECTORS["vectors"]}
DAYS = [date.fromisoformat(day) for day in VECTORS["school_days"]]
SESSIONS: list[Session] = [(day, half) for day in DAYS for half in ("AM", "PM")]
PUPIL = "00000000-0000-4000-8000-000000000001"
SCHOOL, OTHER = 100001, 100002


def session(text: str) -> Session:
    """`2025-09-19 PM`."""
    day, half = text.split()
    return date.fromisoformat(day), half


def marks_of(codes: Iterable[str], urn: int = SCHOOL, sessions: Iterable[Session] = SESSIONS) -> list[Mark]:
    """Consecutive sessions of one pupil at one school."""
    return [Mark(*at, code, urn, PUPIL) for at, code in zip(sessions, codes, strict=False)]


def listed_marks(listed: Iterable[list[str]], urn: int = SCHOOL) -> list[Mark]:
    """`[date, session, code]` as the worked examples list them."""
    return [Mark(date.fromisoformat(day), half, code, urn, PUPIL) for day, half, code in listed]


def child_of(
    marks: list[Mark],
    *,
    enrolments: list[Enrolment] | None = None,
    calendars: dict[int, set[Session]] | None = None,
    born: date | None = date(2014, 3, 9),
    spent: Iterable[Session] = (),
) -> Child:
    """A child on the roll of one school from 2020 on, with the calendar of the worked examples."""
    return Child(
        PUPIL,
        marks,
        enrolments if enrolments is not None else [Enrolment(SCHOOL, date(2020, 9, 1), None, "single")],
        calendars if calendars is not None else {SCHOOL: set(SESSIONS), OTHER: set(SESSIONS)},
        born,
        frozenset(spent),
    )
