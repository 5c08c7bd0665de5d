"""Which rows are there for a caller. Whoever has to decide it asks here: no route compares schools by itself.

What lies outside is not found, exactly as what does not exist.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from common.errors import NotFoundError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reach:
    """`schools`: the URNs whose rows are there; None: all. `cohorts`: flags of which a child must have one today; None:
    all children. A statement takes `schools` as a parameter.
    """

    schools: frozenset[int] | None = None
    cohorts: frozenset[str] | None = None

    @property
    def listed(self) -> list[int] | None:
        """The schools in order, to be written down; None: all."""
        return None if self.schools is None else sorted(self.schools)

    @property
    def is_everywhere(self) -> bool:
        """Whether there is nothing that is not there: whole authorities may be shown then."""
        return self.schools is None and self.cohorts is None

    def may_see_school(self, urn: int) -> bool:
        """Whether rows of this school are there."""
        return self.schools is None or urn in self.schools

    def may_see_child(self, urns: Iterable[int], flags: Collection[str] = ()) -> bool:
        """Whether a child is there whom these schools know and who has these flags today."""
        return self.meets(urns) and self.has_cohort(flags)

    def has_cohort(self, flags: Collection[str]) -> bool:
        """Whether a child with these flags today is in one of the cohorts."""
        return self.cohorts is None or not self.cohorts.isdisjoint(flags)

    def meets(self, urns: Iterable[int]) -> bool:
        """Whether at least one of these schools is there; what no school is named for is there for who sees all."""
        return self.schools is None or not self.schools.isdisjoint(urns)

    def covers(self, urns: Iterable[int]) -> bool:
        """Whether all these schools are there."""
        return self.schools is None or self.schools.issuperset(urns)

    def restrict(self, urns: Iterable[int]) -> set[int]:
        """Those of these schools that are there."""
        return {urn for urn in urns if self.schools is None or urn in self.schools}

    def check_school(self, urn: int) -> None:
        """NotFoundError when the school is not there."""
        if not self.may_see_school(urn):
            raise NotFoundError("No such school.")

    def within(self, other: "Reach") -> "Reach":
        """What is in both."""
        return Reach(_both(self.schools, other.schools), _both(self.cohorts, other.cohorts))


EVERYTHING = Reach()


def _both(one: frozenset[T] | None, other: frozenset[T] | None) -> frozenset[T] | None:
    if one is None:
        return other
    return one if other is None else one & other
