"""The fictional authorities of the sandbox as bodies of the public API: schools, calendars, rolls, and the marks of the
year up to its first day. Northmoor has the two schools that the vendor's token opens, Southmoor the one it does not.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from simulator.calendar import school_days

from rollcall.sandbox.magic import BY_NAME, HIGHEST, LAESTABS, PUPILS, Magic, row
from rollcall.sandbox.state import ELSEWHERE, HIGH, PRIMARY, START

Body = dict[str, Any]

SCHOOLS: dict[int, Body] = {
    PRIMARY: {"name": "Northmoor Primary School", "phase": "primary"},
    HIGH: {"name": "Northmoor High School", "phase": "secondary"},
    ELSEWHERE: {"name": "Southmoor Primary School", "phase": "primary"},
}
YEAR = START.year - 1
DAYS = tuple(day.date for day in school_days(YEAR))
BEFORE = [(day, session) for day in DAYS if day < START for session in ("AM", "PM")]
"""The sessions before the sandbox begins: 154."""
NEW_YEAR = date(START.year, 1, 1)
LEFT = date(YEAR, 12, 19)

_UNKNOWN = {"unknown-pupil", "rejected"}
_PRESENT = {"AM": "/", "PM": "\\"}


def school(urn: int) -> Body:
    """The body of a school."""
    laestab = LAESTABS[urn]
    return {**SCHOOLS[urn], "la_code": laestab[:3], "laestab": laestab}


def calendar() -> Body:
    """The year's calendar, the same at every school. From January on, year group 0 does not come."""
    days: list[Body] = [{"date": day.isoformat(), "sessions": ["AM", "PM"]} for day in DAYS]
    for day, listed in zip(DAYS, days, strict=True):
        if day >= NEW_YEAR:
            listed["year_groups"] = list(range(1, 14))
    return {"days": days}


def roll(urn: int, *, named: bool = True) -> Body:
    """A school's roll. Without being `named`, the pupil `merged` has no UPN yet; then it has that of `accepted`."""
    rows = [_row(magic, named=named) for magic in PUPILS if magic.urn == urn and magic.name not in _UNKNOWN]
    return {"pupils": rows, "complete": False}


def _row(magic: Magic, *, named: bool) -> Body:
    if magic.name == "merged":
        return {**row(BY_NAME["accepted"], kind="subsidiary", named=named), "local_id": magic.local_id}
    return row(magic, to=LEFT.isoformat() if magic.name == "not-enrolled" else None)


def registers() -> Iterator[Body]:
    """The registers of all sessions before the sandbox begins, and what stands already in its first one."""
    for urn in SCHOOLS:
        on_roll = [magic for magic in PUPILS if magic.urn == urn and magic.name not in {*_UNKNOWN, "merged", "stale"}]
        for number, (day, session) in enumerate(BEFORE, 1):
            marks = [_mark(magic, _code(magic, number, session)) for magic in on_roll if _comes(magic, day)]
            if marks:
                yield _register(urn, day, session, 1, marks)
    stale = BY_NAME["stale"]
    for day, session in [*BEFORE, (START, "AM")]:
        yield _register(stale.urn, day, session, HIGHEST, [_mark(stale, _PRESENT[session])])
    corrected = BY_NAME["corrected"]
    yield _register(corrected.urn, START, "AM", 1, [_mark(corrected, "N")])


def _register(urn: int, day: date, session: str, version: int, marks: list[Body]) -> Body:
    return {
        "school_urn": urn,
        "date": day.isoformat(),
        "session": session,
        "taken_by": "Sandbox",
        "source_version": version,
        "marks": marks,
    }


def _mark(magic: Magic, code: str) -> Body:
    return {"local_id": magic.local_id, "code": code}


def _comes(magic: Magic, day: date) -> bool:
    return not (magic.name == "not-enrolled" and day > LEFT) and not (
        magic.name == "closed-session" and day >= NEW_YEAR
    )


def _code(magic: Magic, number: int, session: str) -> str:
    """The code of a pupil in the `number`-th session of the year."""
    if magic.name == "persistent-absence" and number > 10 and number % 10 == 2:
        return "I"  # the k-th absence is in session 10k + 2: never as many as a tenth so far
    if magic.name == "ten-in-ten" and (len(BEFORE) - number) % 6 == 0 and len(BEFORE) - number < 54:
        return "O"
    return _PRESENT[session]
