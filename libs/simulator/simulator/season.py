"""When absence is high: the weekday and the week of term (rule book 10c, weekday and week shape).

Quoted there: 4.7% in the first week rising to about 6.0%, 7.0 to 7.3% in the week before half term, a dip after it,
9.4% in the last week of autumn, 9.6% in the last week of spring, and a Friday of 5.5% beside 4.6%. The levels between
are this simulation's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.calendar import SchoolDay

# Percent of possible sessions in the first week of a half term, in its last week but one, and in its last week.
_HALF_TERMS = ((4.7, 6.2, 7.15), (6.2, 7.4, 9.4), (6.2, 6.8, 7.1), (6.4, 7.4, 9.6), (6.2, 6.6, 7.1), (6.4, 7.0, 8.2))
_FRIDAY = 5.5 / 4.6
FRIDAY = 4


def day_factors(days: Sequence[SchoolDay]) -> NDArray[np.float64]:
    """Each school day's absence beside the year's mean: shape (days,), mean 1."""
    level = np.array([_week_level(day) * (_FRIDAY if day.date.weekday() == FRIDAY else 1.0) for day in days])
    return level / level.mean()


def _week_level(day: SchoolDay) -> float:
    first, before_last, last = _HALF_TERMS[day.half_term]
    if day.weeks_left == 0:
        return last
    weeks_before_last = day.week + day.weeks_left - 1
    return first + (before_last - first) * day.week / max(weeks_before_last, 1)
