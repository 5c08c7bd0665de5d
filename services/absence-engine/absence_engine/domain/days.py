"""A school's next open days: what due dates count in."""

from datetime import date, timedelta

import numpy as np

from absence_engine.domain.records import Calendars
from absence_engine.domain.ticks import NEVER, day_of, tick_of


def next_open_days(urn: int, after: date, calendars: Calendars, n: int) -> list[date]:
    """The next `n` open days after a day; past the last day that the school's calendars list, Monday to Friday count:
    next year's calendar may not have been sent yet.
    """
    ticks = calendars.open_between(urn, tick_of(after, 1) + 1, NEVER)
    days = [day_of(int(day) * 2) for day in np.unique(ticks // 2)[:n]]
    day = days[-1] if days else after
    while len(days) < n:
        day += timedelta(1)
        if day.weekday() < 5:
            days.append(day)
    return days
