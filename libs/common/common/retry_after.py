"""How long the other side of HTTP asks to be left alone (RFC 9110, 10.2.3)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_asked(headers: Mapping[str, str], now: datetime, most: float) -> float | None:
    """The seconds of `Retry-After`, a number or a date, between 0 and `most`; None where none can be read."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), most)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, IndexError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), most)
