"""What stands in the cells of a table: dates, sessions, numbers, as schools' systems write them."""

import re
from datetime import date, datetime
from functools import lru_cache

from common.academic import Session

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ][\d:.]+Z?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: [\d:]+)?")
SESSIONS = {
    "am": Session.AM, "a": Session.AM, "a.m.": Session.AM, "morning": Session.AM, "am session": Session.AM,
    "pm": Session.PM, "p": Session.PM, "p.m.": Session.PM, "afternoon": Session.PM, "pm session": Session.PM,
}  # fmt: skip


class CellError(Exception):
    """A cell that does not hold what its column is for. `code` is stable."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@lru_cache(maxsize=4096)
def day(text: str) -> tuple[date, bool]:
    """A date, and whether it was written day first: 31/12/2025. CellError for anything else."""
    iso = _ISO.fullmatch(text)
    found = iso or _DAY_FIRST.fullmatch(text)
    if found is None:
        raise CellError("bad-date", "A date looks like 2025-09-15.")
    first, middle, last = (int(part) for part in found.groups())
    year, number = (first, last) if iso else (last, first)
    try:
        on = date(year, middle, number)
    except ValueError:
        raise CellError("bad-date", "There is no such day.") from None
    if not 2000 <= on.year <= 2099:
        raise CellError("bad-date", "Not within this century.")
    return on, iso is None


def session(text: str) -> Session:
    """`AM` or `PM`, in words or short."""
    found = SESSIONS.get(text.lower())
    if found is None:
        raise CellError("bad-session", "A session is AM or PM.")
    return found


def whole(text: str, most: int, column: str) -> int | None:
    """A whole number from 0 to `most`; None where nothing is."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > most:
        raise CellError("bad-number", f"{column} is a whole number up to {most}.")
    return int(text)


def short(text: str, most: int, column: str) -> str | None:
    """A text of at most `most` characters; None where nothing is."""
    if len(text) > most:
        raise CellError("too-long", f"{column} has at most {most} characters.")
    return text or None


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime | None:
    """A time with its offset, as 2025-09-15T08:52:10+01:00; None where nothing is."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CellError("bad-time", "A time looks like 2025-09-15T08:52:10+01:00.") from None
    if found.tzinfo is None or not 2000 <= found.year <= 2100:
        raise CellError("bad-time", "A time has an offset, and lies within this century.")
    return found
