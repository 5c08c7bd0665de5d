"""What stands in paths and queries: schools, days, sessions, academic years, pages."""

import re
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from common.academic import Session, parse_year
from common.errors import Fault, InvalidError
from common.web import decode_cursor, encode_cursor
from fastapi import Path, Query
from pydantic import BeforeValidator, Field, WithJsonSchema

from registers.actions.look import Place

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR, LAST_YEAR = 2000, 2099
VERSIONS = 2**63 - 1
SMALL = 2**15 - 1


def _is_a_day(value: object) -> object:
    """Pydantic would take a number of seconds for a date."""
    if (isinstance(value, str) and not _DAY.fullmatch(value)) or not isinstance(value, str | date):
        raise ValueError("a date looks like 2025-09-15")
    return value


Day = Annotated[date, BeforeValidator(_is_a_day)]
_DAYS = "-[0-9]{2}-[0-9]{2}$"
DayOfLife = Annotated[
    date,
    Field(ge=date(1900, 1, 1), le=date(2100, 12, 31)),
    BeforeValidator(_is_a_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^(19[0-9]{{2}}|20[0-9]{{2}}|2100){_DAYS}"}),
]
"""A day that something began or ended: others are slips of the pen, and have no day before or after them."""
DayOfMark = Annotated[
    date,
    Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31)),
    BeforeValidator(_is_a_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^20[0-9]{{2}}{_DAYS}"}),
]
"""A day that a register may be for, as in a batch. JSON Schema has no least and greatest day, so a pattern says it."""
Urn = Annotated[int, Path(ge=1, le=9_999_999, description="The school's URN.", examples=[100001])]
OnDay = Annotated[DayOfMark, Path(alias="date", description="The day of the session.", examples=["2025-09-15"])]
Half = Annotated[Literal["AM", "PM"], Path(alias="session", description="The session.", examples=["AM"])]
PupilId = Annotated[UUID, Path(description="A pupil's id.", examples=["0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01"])]
YearName = Annotated[str, Path(alias="academic_year", description="An academic year.", examples=["2025-26"])]
Cursor = Annotated[str | None, Query(description="Where the page begins: the `next` path of the page before has it.")]
SourceVersion = Annotated[
    int | None, Query(ge=0, le=VERSIONS, description="The school system's version of this deletion; rises per school.")
]


def year(name: str) -> int:
    """`2025-26` -> 2025; InvalidError for what is no academic year that we keep."""
    try:
        start = parse_year(name)
    except ValueError as error:
        raise InvalidError(faults=[Fault("academic_year", "bad-academic-year", str(error))]) from error
    if not FIRST_YEAR <= start <= LAST_YEAR:
        raise InvalidError(faults=[Fault("academic_year", "bad-academic-year", "Not within this century.")])
    return start


def session(half: str) -> Session:
    """`AM` or `PM` as a session."""
    return Session[half]


def place_cursor(row: Any) -> str:
    """The cursor behind a row of a list of marks."""
    return encode_cursor({"after": [row["date"].isoformat(), row["session"], row["received"], row["place"]]})


def place(cursor: str | None) -> Place:
    """Where a page of a list of marks begins; InvalidError for a cursor of another list."""
    if cursor is None:
        return date.min, 0, 0, 0
    on, *rest = positions(cursor, 4)
    half, received, at = whole(*rest)
    return _day(on), half, received, at


def positions(cursor: str, count: int) -> list[Any]:
    """The `count` values of a cursor; InvalidError when it has others."""
    after = decode_cursor(cursor).get("after")
    if not isinstance(after, list) or len(after) != count:
        raise _bad_cursor()
    return after


def whole(*values: object) -> list[int]:
    """Values of a cursor that must be numbers."""
    numbers = [value for value in values if isinstance(value, int) and 0 <= value <= VERSIONS]
    if len(numbers) < len(values):
        raise _bad_cursor()
    return numbers


def place_and_kind(cursor: str | None) -> tuple[date, int, int, int, str]:
    """Where a page of doubtful data begins; InvalidError for a cursor of another list."""
    if cursor is None:
        return date.min, 0, 0, 0, ""
    on, half, received, at, kind = positions(cursor, 5)
    if not isinstance(kind, str) or not isinstance(at, int) or abs(at) > SMALL:
        raise _bad_cursor()
    half, received = whole(half, received)
    return _day(on), min(half, 1), received, at, kind


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date.fromisoformat("")
    except ValueError:
        raise _bad_cursor() from None


def day(cursor: str | None) -> date | None:
    """Where a page of days begins: behind this one; None on the first page."""
    return None if cursor is None else _day(*positions(cursor, 1))


def day_and_pupil(cursor: str | None) -> tuple[date, str]:
    """Where a page of stays begins: behind this day and pupil's id."""
    if cursor is None:
        return date.min, str(UUID(int=0))
    on, after = positions(cursor, 2)
    return _day(on), _pupil_id(after)


def slot(cursor: str | None) -> tuple[date, int, int]:
    """Where a page of a child's marks begins: date, session, URN."""
    if cursor is None:
        return date.min, 0, 0
    on, *rest = positions(cursor, 3)
    half, urn = whole(*rest)
    return _day(on), half, urn


def pupil(cursor: str | None) -> str:
    """Where a page of pupils begins: a pupil's id."""
    if cursor is None:
        return str(UUID(int=0))
    return _pupil_id(*positions(cursor, 1))


def _pupil_id(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise _bad_cursor() from None


def _bad_cursor() -> InvalidError:
    fault = Fault("cursor", "bad-cursor", "Use the `next` path of the page before, unchanged.")
    return InvalidError("The cursor is not one of this list.", faults=[fault])
