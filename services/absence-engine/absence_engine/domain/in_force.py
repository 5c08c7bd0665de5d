"""Which version of a policy holds: for an authority on a day, for a child in an academic year and today
(`docs/decisions/policy-sets.md`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from common.academic import days_of

from absence_engine.domain.marks import YearMarks
from absence_engine.domain.policy import Policy, in_order

Holds = Callable[[int | None], Policy]
"""The policy that holds for somebody: in an academic year, or for what runs over the years (None)."""

Books = Callable[[int], "Book"]
"""The book of a school (URN)."""


@dataclass(frozen=True, eq=False)
class Book:
    """The versions that may hold for an authority, oldest first: its `own`, and those of `all` for the days on which
    it has none. `today` is the day that it is.
    """

    own: Sequence[Policy]
    all: Sequence[Policy]
    today: date
    _found: dict[int | None, Policy] = field(default_factory=dict[int | None, Policy])

    @classmethod
    def of(cls, own: Sequence[Policy], everybodys: Sequence[Policy], today: date) -> "Book":
        """From versions in any order; there is at least one of everybody's."""
        return cls(sorted(own, key=in_order), sorted(everybodys, key=in_order), today)

    def on(self, day: date) -> Policy:
        """The version in force on a day; before the first of all, the first."""
        for versions in (self.own, self.all):
            if begun := [policy for policy in versions if policy.valid_from <= day]:
                return begun[-1]
        return self.all[0]

    def __call__(self, year: int | None) -> Policy:
        """The version that holds in an academic year, or for what runs over the years (None)."""
        if year not in self._found:
            day = self.today if year is None else min(self.today, days_of(year)[1])
            found = self._with_history(day)
            self._found[year] = next((one for one in self._found.values() if _alike(one, found)), found)
        return self._found[year]

    def _with_history(self, day: date) -> Policy:
        """The version in force on a day, and since which version each of its thresholds has been as it is."""
        days = sorted({policy.valid_from for policy in (*self.own, *self.all) if policy.valid_from <= day})
        held = [self.on(day) for day in days] or [self.on(day)]
        return replace(held[-1], since={kind: _since(kind, held) for kind in held[-1].thresholds})


def _since(kind: str, held: Sequence[Policy]) -> str:
    """The version from which on a threshold and its stage are what they are in the last of those that held."""
    its = [(policy.thresholds.get(kind), policy.stages.get(kind)) for policy in held]
    first = len(held) - 1
    while first and its[first - 1] == its[-1]:
        first -= 1
    return held[first].version


def _alike(one: Policy, other: Policy) -> bool:
    return one == other and one.since == other.since


def holds_for(years: Mapping[int, YearMarks], books: Books, otherwise: Book) -> Holds:
    """What holds for a child with these marks: by the school of its last marked session, of the year or of all. In a
    year without a mark it is as without a year; without any, `otherwise`.
    """
    last = {year: school for year, marks in years.items() if (school := last_school(marks)) is not None}
    latest = books(last[max(last)]) if last else otherwise
    of_year = {year: books(school) for year, school in last.items()}

    def holds(year: int | None) -> Policy:
        book = latest if year is None else of_year.get(year, latest)
        return book(year)

    return holds


def last_school(marks: YearMarks) -> int | None:
    """The school of the last marked session of a year; None without one."""
    places = marks.codes.nonzero()[0]
    return marks.school_at(int(places[-1])) if len(places) else None
