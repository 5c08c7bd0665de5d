"""What a sum of figures is asked for: over which days, of whom, and by what it is divided.

A sheet has two sides. Some divisions are of its row: the school, the class, the child's flags; some of its places: the
week, the weekday; and one, the code, of what stands there. An answer is divided by at most two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from common.academic import GRID, at_place, year_of

from absence_engine.domain.ages import birthday
from absence_engine.domain.terms import half_term, spring_bank_holiday

Key = str | int | None
Ints = npt.NDArray[np.int64]
Basis = Literal["live", "dfe"]

OF_ROWS = ("school", "phase", "trust", "locality", "la", "year_group", "registration_group", "flag")
"""Divisions by whose marks they are."""


OF_SCHOOLS = frozenset({"school", "phase", "trust", "locality", "la"})
"""Those of them that a school settles alone."""


def _monday(day: date) -> str:
    return (day - timedelta(day.weekday())).isoformat()


OF_PLACES: Mapping[str, Callable[[date, int], str]] = {
    "weekday": lambda day, _: f"{day:%A}",
    "week": lambda day, _: _monday(day),
    "month": lambda day, _: day.isoformat()[:7],
    "half_term": lambda day, _: half_term(day),
    "session": lambda _, session: ("AM", "PM")[session],
}
"""Divisions by the session, a day and 0 or 1: the name of its part."""

CODE = "code"
DIMENSIONS = (*OF_ROWS, CODE, *OF_PLACES)


@dataclass(frozen=True, slots=True)
class Question:
    """Figures of the sessions from a day to another, both inclusive, by up to two of DIMENSIONS; of the stays of some
    `kinds`, where any are asked for, and of the days on which children have a flag, where one is.

    Basis `dfe`: what DfE's statistics count (rule book 3.11-3.15): enrolments of those aged 5 to 15 on 31 August, those
    aged 15 up to the spring bank holiday.
    """

    first: date
    last: date
    by: tuple[str, ...] = ()
    flag: str | None = None
    kinds: tuple[str, ...] = ()
    basis: Basis = "live"

    @property
    def years(self) -> range:
        """The academic years that it reaches into."""
        return range(year_of(self.first), year_of(self.last) + 1)

    def has(self, kind: str) -> bool:
        """Whether stays of a kind are asked for."""
        return not self.kinds or kind in self.kinds

    @property
    def rows_by(self) -> tuple[str, ...]:
        return tuple(one for one in self.by if one in OF_ROWS)

    @property
    def places_by(self) -> tuple[str, ...]:
        return tuple(one for one in self.by if one in OF_PLACES)

    @property
    def asks_flags(self) -> bool:
        return self.flag is not None or "flag" in self.by

    def bounds(self, year: int) -> tuple[int, int]:
        """The first and the last place of the grid of a year that it reaches into."""
        start = date(year, 8, 1)
        return max((self.first - start).days * 2, 0), min((self.last - start).days * 2 + 1, GRID - 1)

    def columns(self, year: int, known: dict[tuple[Key, ...], int]) -> Ints:
        """By place of a year's grid, the number of its part (-1 outside the days); new parts get the next numbers."""
        found = np.full(GRID, -1, np.int64)
        first, last = self.bounds(year)
        for place in range(first, last + 1):
            day, session = at_place(year, place)
            key = tuple(OF_PLACES[one](day, session) for one in self.places_by)
            found[place] = known.setdefault(key, len(known))
        return found


@lru_cache(maxsize=20_000)
def dfe_last_place(born: date | None, year: int) -> int | None:
    """The last place of a year's grid whose session DfE's statistics count for somebody born on a day; None where they
    count none: an age that is not known or not from 5 to 15.
    """
    start = date(year, 8, 1)
    if born is None:
        return None
    age = year - born.year - (birthday(born, year - born.year) > date(year, 8, 31))
    if not 5 <= age <= 15:
        return None
    return GRID - 1 if age < 15 else (spring_bank_holiday(year + 1) - start).days * 2 - 1


def year_group_in(year: int, said: int | None, said_in: int | None) -> int | None:
    """The year group in an academic year of somebody of whom one was said in another."""
    return said if said is None or said_in is None else said + year - said_in
