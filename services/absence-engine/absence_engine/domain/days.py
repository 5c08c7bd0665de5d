"""A school's next open days: what due dates count in."""

from datetime import date, timedelta

import numpy as np

from absence_engine.domain.records import Calendars
from absence_engine.domain.ticks import NEVER, day_of, tick_of


def next_open_days(urn: int, after: date, calendars: Calendars, n: int) -> list[date]:
    """The next `n` open days after a day; past the end of the school's calendars (31 July of the last of them, for
    every day that a calendar does not list is closed) Monday to Friday count.
    """
    ticks = calendars.open_between(urn, tick_of(after, 1) + 1, NEVER)
    days = [day_of(int(day) * 2) for day in np.unique(ticks // 2)[:n]]
    years = calendars.years.get(urn, ())
    day = max(after, date(years[-1] + 1, 7, 31)) if years else after
    while len(days) < n:
        day += timedelta(1)
        if day.weekday() < 5:
            days.append(day)
    return days
