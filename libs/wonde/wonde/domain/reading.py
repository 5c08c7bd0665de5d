"""Values out of Wonde's JSON, whose shape may drift: what is not of the expected type counts as not said, and a row
that lacks a field that is needed raises UnreadableError with the field's name, never its value.

An included object comes as `{"data": {…}}` (lists as `{"data": […]}`), bare, or, when it was not asked for, as its id.
A date comes as `{"date": "2025-09-02 00:00:00.000000", "timezone_type": 3, "timezone": "Europe/London"}` or as text.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, TypeAlias, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Row: TypeAlias = Mapping[str, Any]

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UnreadableError(ValueError):
    """A row lacks what is needed; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def as_row(value: object) -> Row | None:
    """The value, if it is an object."""
    return cast("Row", value) if isinstance(value, dict) else None


def as_rows(value: object) -> list[Row]:
    """The objects of a list, bare or as `{"data": […]}`."""
    outer = as_row(value)
    inner: object = value if outer is None else outer.get("data")
    items = cast("list[object]", inner) if isinstance(inner, list) else []
    return [row for item in items if (row := as_row(item)) is not None]


def included(row: Row, name: str) -> Row | None:
    """The object under a name, out of its `data` where it has one."""
    value = as_row(row.get(name))
    return value if value is None or "data" not in value else as_row(value["data"])


def text(row: Row, name: str) -> str | None:
    """What a field says, without the blanks around it; a number in its digits; None for nothing."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def needed(row: Row, name: str) -> str:
    """As `text`; UnreadableError for nothing."""
    if (value := text(row, name)) is None:
        raise UnreadableError(name)
    return value


def reference(row: Row, name: str) -> str | None:
    """The id of what a field points to, included or not."""
    inner = included(row, name)
    return text(row, name) if inner is None else text(inner, "id")


def flag(row: Row, name: str) -> bool | None:
    """Yes, no, or not said."""
    value = row.get(name)
    if isinstance(value, int) and value in (0, 1):  # a bool is one
        return bool(value)
    return None


def number(row: Row, name: str, most: int) -> int | None:
    """A whole number from 0 to `most`, also as digits in a text."""
    value = text(row, name)
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 9:
        return None
    return int(value) if int(value) <= most else None


def moment(row: Row, name: str) -> datetime | None:
    """A time, in UTC; one without a zone is taken to be in UTC."""
    said, zone = _said(row, name)
    if said is None:
        return None
    try:
        when = datetime.fromisoformat(said)
        when = when if when.tzinfo is not None else when.replace(tzinfo=_zone(zone))
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(row: Row, name: str) -> date | None:
    """A day, as it is written; the time of day beside it means nothing."""
    said, _ = _said(row, name)
    try:
        return None if said is None else date.fromisoformat(said[:10])
    except ValueError:
        return None


def micros(when: datetime) -> int:
    """Microseconds since 1970: how times are compared, and the `source_version` of marks."""
    return (when - _EPOCH) // _MICROSECOND


def _said(row: Row, name: str) -> tuple[str | None, str | None]:
    value = as_row(row.get(name))
    return (text(row, name), None) if value is None else (text(value, "date"), text(value, "timezone"))


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such zone") from None
