"""What a school must tell the local authority when a name is entered in, or deleted from, its admission register (rule
book 6.1, 6.2, 6.5).

Both returns are read from the stays; nothing is sent twice. A change of kind from one day to the next is neither, and a
guest is in no admission register.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from common.academic import Session, year_of
from common.codes import Code

DAYS_TO_TELL = 5
"""An admission is told by the end of the fifth day after the name was entered (6.1)."""

COUNTED = ("G", "N", "O")
"""The only codes of a continuous absence that is a ground for deletion: any other breaks it (6.5, ground i)."""


CONTINUOUS, DAYS_ABSENT = "continuous_absence", 20
"""The ground that needs so many school days of nothing but those codes."""


class Classes(NamedTuple):
    """The most junior and the most senior year group at a school in an academic year, and its first day (None: no
    calendar).
    """

    youngest: int
    oldest: int
    first_day: date | None


def year_group(born: date, year: int) -> int:
    """The year group of a child's age in an academic year, Reception being 0 (8.8)."""
    return year - born.year - ((born.month, born.day) > (8, 31)) - 4


def last_friday_in_june(year: int) -> date:
    """The day on which compulsory school age ends in an academic year (8.7): those of the top year may leave."""
    end = date(year + 1, 6, 30)
    return end - timedelta(days=(end.weekday() - 4) % 7)


def admission_due(entered: date) -> date:
    """The last day on which an admission is told in time."""
    return entered + timedelta(days=DAYS_TO_TELL)


def admission_is_told(entered: date, born: date | None, classes: Classes | None) -> bool:
    """Whether an admission must be told without being asked: not of the most junior class on the year's first day."""
    if born is None or classes is None or classes.first_day is None or entered > classes.first_day:
        return True
    return year_group(born, year_of(entered)) != classes.youngest


def deletion_is_told(last: date, born: date | None, classes: Classes | None) -> bool:
    """Whether a deletion must be told without being asked: not of the top year once it may leave school."""
    year = year_of(last)
    if born is None or classes is None or last < last_friday_in_june(year):
        return True
    return year_group(born, year) != classes.oldest


def unbroken_absence(marks: Sequence[tuple[date, Session, str]]) -> int:
    """On how many school days in a row, up to the last mark, every mark was G, N or O; `marks` are in order."""
    days: dict[date, bool] = {}
    for on, _, code in marks:
        days[on] = days.get(on, True) and code in COUNTED
    count = 0
    for on in sorted(days, reverse=True):
        if not days[on]:
            break
        count += 1
    return count


def ground_holds(ground: str | None, unbroken: int) -> bool | None:
    """Whether the marks bear out the ground of a deletion; None for grounds of which they say nothing (6.5, 6.6)."""
    return unbroken >= DAYS_ABSENT if ground == CONTINUOUS else None


def last_attended(marks: Sequence[tuple[date, Session, str]], codes: Mapping[str, Code]) -> date | None:
    """The last day on which a mark counts as attendance; None when there is none."""
    return max((on for on, _, code in marks if code in codes and codes[code].attended), default=None)
