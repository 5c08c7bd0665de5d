"""Which policy holds for a child: its authority's own version in force on the day, else the one that ships.

A year is judged by the policy in force at its end, or today while it lasts; windows and runs, which have no year, by
today's. The authority is that of the school of the child's last marked session: of the year's, or of all where the
year has none.
"""

from dataclasses import dataclass, field
from datetime import date

from audit.child import Child, counted, year_of
from audit.episodes import Rules
from audit.policy import Policy, in_force


@dataclass(frozen=True)
class Policies:
    """`national`: the versions that ship, in order; `own`: those that an authority has published, in order, by its
    code. `authorities`: the authority of each school, by URN.
    """

    today: date
    national: tuple[Policy, ...]
    own: dict[str, tuple[Policy, ...]] = field(default_factory=dict)
    authorities: dict[int, str] = field(default_factory=dict)

    def on(self, la_code: str | None, day: date) -> Policy:
        """The policy of an authority in force on a day; before the first that ships, that one."""
        own = in_force(self.own.get(la_code, ()), day) if la_code is not None else None
        return own or in_force(self.national, day) or self.national[0]

    def rules(self, child: Child) -> Rules:
        """The policies that hold for a child."""
        marks = counted(child)

        def of_year(year: int | None) -> Policy:
            last = [mark for mark in marks if year is None or year_of(mark.day) == year] or marks
            la_code = self.authorities.get(last[-1].urn) if last else None
            return self.on(la_code, self.today if year is None else min(self.today, date(year + 1, 7, 31)))

        return of_year

    def named(self, la_code: str | None, version: str) -> Policy | None:
        """The policy that an episode names."""
        every = (*self.own.get(la_code or "", ()), *self.national)
        return next((policy for policy in every if policy.version == version), None)


def only(policy: Policy) -> Policies:
    """One policy for everybody."""
    return Policies(date.max, (policy,))
