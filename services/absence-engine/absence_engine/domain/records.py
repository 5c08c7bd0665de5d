"""A child as the ledgers tell it, and the calendars of its schools."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from absence_engine.domain.flags import Flagged
from absence_engine.domain.ticks import NEVER, tick_of, year_start

Codes = npt.NDArray[np.uint8]
"""Code numbers (`common.codes`), 0 for no mark: (732,) one year's grid, or (n, 732)."""
Ticks = npt.NDArray[np.int64]
"""Sessions as ticks, ascending."""
SheetKey = tuple[str, int, int]
"""A sheet's name: (id of the ledger, URN, academic year)."""

Kind = Literal["single", "main", "subsidiary", "guest"]
GUEST = "guest"
"""A pupil who attends for a while and stays on another school's books: in no school's or area's sums."""


class Enrolment(NamedTuple):
    """A stay on a school's roll, both days inclusive; `to` is None while it lasts. `registration_group`: the class."""

    urn: int
    from_: date
    to: date | None
    kind: Kind
    registration_group: str | None = None

    @property
    def first(self) -> int:
        return tick_of(self.from_)

    @property
    def last(self) -> int:
        return NEVER if self.to is None else tick_of(self.to, 1)


class Sheet(NamedTuple):
    """One year of marks at one school under one id of the ledger: 732 code numbers."""

    pupil_id: str
    urn: int
    year: int
    codes: bytes


class ChildRecord(NamedTuple):
    """Everything that the ledgers say of one child, under whichever ids; `pupil_id` is the living one.

    `spent` are the sessions (ticks) that an issued penalty notice has used up (rule book 12.4).
    """

    pupil_id: str
    date_of_birth: date | None = None
    enrolments: tuple[Enrolment, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    spent: frozenset[int] = frozenset()
    flags: tuple[Flagged, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendars:
    """The open sessions of each school, as ascending ticks over all its years, and the years that it has a calendar
    for. `found`: what has been worked out from them, so that it is once for many children (`weeks`).
    """

    ticks: Mapping[int, Ticks]
    years: Mapping[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    found: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any], compare=False, repr=False)

    @classmethod
    def of(cls, grids: Mapping[tuple[int, int], bytes]) -> "Calendars":
        """From 732 bytes (1 = open) per (URN, year)."""
        parts: dict[int, list[Ticks]] = {}
        years: dict[int, list[int]] = {}
        for (urn, year), grid in sorted(grids.items()):
            parts.setdefault(urn, []).append(np.flatnonzero(np.frombuffer(grid, np.uint8)) + year_start(year))
            years.setdefault(urn, []).append(year)
        return cls(
            {urn: np.concatenate(ticks) for urn, ticks in parts.items()}, {u: tuple(y) for u, y in years.items()}
        )

    def open_between(self, urn: int, first: int, last: int) -> Ticks:
        """The open sessions of a school from `first` to `last`, both inclusive."""
        ticks = self.ticks.get(urn)
        if ticks is None:
            return np.empty(0, np.int64)
        return ticks[np.searchsorted(ticks, first) : np.searchsorted(ticks, last, "right")]
