"""Which policy holds for a child: its authority's own version in force on the day, else the one that ships.

A year is judged by the policy in force at its end, or today while it lasts; windows and runs, which have no year, by
today's. The authority is that of the school of the child's last marked session: of the year's, or of all where the
year has none.
"""

from dataclasses import dataclass, field, replace
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
    _held: dict[tuple[str | None, date], Policy] = field(default_factory=dict, compare=False)

    def on(self, la_code: str | None, day: date) -> Policy:
        """The policy of an authority in force on a day; before the first that ships, that one."""
        own = in_force(self.own.get(la_code, ()), day) if la_code is not None else None
        return own or in_force(self.national, day) or self.national[0]

    def held(self, la_code: str | None, day: date) -> Policy:
        """The policy in force on a day, with the version that each kind goes back to: through those that were in force
        before it, as long as they say the same of the kind and of its task.
        """
        if (la_code, day) not in self._held:
            self._held[la_code, day] = self._look_back(la_code, day)
        return self._held[la_code, day]

    def _look_back(self, la_code: str | None, day: date) -> Policy:
        policy = self.on(la_code, day)
        every = (*self.own.get(la_code or "", ()), *self.national)
        days = sorted({one.valid_from for one in every if one.valid_from <= day}, reverse=True)
        since: dict[str, str] = {}
        for kind, threshold in policy.thresholds.items():
            for begins in days:
                before = self.on(la_code, begins)
                if (before.thresholds.get(kind), before.stages.get(kind)) != (threshold, policy.stages.get(kind)):
                    break
                since[kind] = before.version
        return replace(policy, since=since)

    def rules(self, child: Child) -> Rules:
        """The policies that hold for a child."""
        marks = counted(child)

        def of_year(year: int | None) -> Policy:
            last = [mark for mark in marks if year is None or year_of(mark.day) == year] or marks
            la_code = self.authorities.get(last[-1].urn) if last else None
            return self.held(la_code, self.today if year is None else min(self.today, date(year + 1, 7, 31)))

        return of_year

    def named(self, la_code: str | None, version: str) -> Policy | None:
        """The policy that an episode names."""
        every = (*self.own.get(la_code or "", ()), *self.national)
        return next((policy for policy in every if policy.version == version), None)


def only(policy: Policy) -> Policies:
    """One policy for everybody."""
    return Policies(date.max, (policy,))
