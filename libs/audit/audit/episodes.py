"""PA, SA and PN_10_IN_10 as episodes: where a child's marks cross a threshold, and where they come back.

A function of what is now known: nothing here knows what was said before. Rule book 3.5, 3.6, 4.1-4.3, 8.6, 8.7,
12.1-12.4, 12.7, 12.17, 12.21.
"""

from dataclasses import dataclass, replace

from audit.child import Child, Mark, Session, counted, monday_of, of_compulsory_age, school_weeks, year_of
from audit.codes import Code
from audit.figures import Window, hits, of_year, reaches, window
from audit.policy import Policy

PENALTY = "PN_10_IN_10"


@dataclass(frozen=True)
class Episode:
    """One episode. `year` is None for PN_10_IN_10; `school` is the URN of the school of the mark at `crossed_on`."""

    kind: str
    year: int | None
    crossed_on: Session
    school: int
    firm_on: Session | None = None
    ended_on: Session | None = None
    ended_reason: str | None = None

    @property
    def provisional(self) -> bool:
        return self.firm_on is None

    @property
    def evidence_at(self) -> Session:
        """The session as at which the evidence is given."""
        return self.firm_on or self.crossed_on


def episodes(child: Child, codes: dict[str, Code], policy: Policy) -> list[Episode]:
    """All episodes of a child, by kind, then in time order."""
    found: list[Episode] = []
    marks = counted(child)
    if not any(codes[mark.code].absent for mark in marks):
        return []  # every threshold is about absence
    years = sorted({year_of(mark.day) for mark in marks})
    for kind in policy.one_in:
        for year in years:
            later = any(other > year for other in years)
            found += rate_episodes(child, kind, year, of_year(marks, year), later, codes, policy)
    return found + penalty_episodes(child, codes, policy)


def rate_episodes(
    child: Child, kind: str, year: int, marks: list[Mark], later: bool, codes: dict[str, Code], policy: Policy
) -> list[Episode]:
    """PA or SA in one year, session by possible session; `later` says that the child has a mark in a later year."""
    found: list[Episode] = []
    current: Episode | None = None
    possible = absent = below = 0
    last: Session | None = None
    for mark in marks:
        code = codes[mark.code]
        if not code.possible:
            continue
        possible += 1
        absent += code.absent
        last = mark.session
        over = reaches(absent, possible, policy.one_in[kind])
        if current is None and over and of_compulsory_age(child, mark.day):
            current = Episode(kind, year, mark.session, mark.urn)
            below = 0
        if current is None:
            continue
        if over:
            below = 0
            if current.firm_on is None and possible >= policy.minimum_possible:
                current = replace(current, firm_on=mark.session)
        else:
            below += 1
            if below == policy.recovery_sessions:
                found.append(replace(current, ended_on=mark.session, ended_reason="recovered"))
                current = None
    if current is not None:
        found.append(replace(current, ended_on=last, ended_reason="year_end") if later else current)
    return found


def penalty_episodes(child: Child, codes: dict[str, Code], policy: Policy) -> list[Episode]:
    """PN_10_IN_10, school week by school week: each ends a window, which holds enough or not."""
    counting = hits(child, codes)
    if len(counting) < policy.penalty_sessions:
        return []
    weeks = school_weeks(child)
    mondays = list(weeks)
    latest = monday_of(max(mark.day for mark in child.marks))
    found: list[Episode] = []
    current: Episode | None = None
    for monday in mondays:
        held = window(mondays, monday, counting, policy)
        if len(held.marks) >= policy.penalty_sessions:
            if current is None:
                tenth = held.marks[policy.penalty_sessions - 1]
                current = Episode(PENALTY, None, tenth.session, tenth.urn)
            if current.firm_on is None:
                current = replace(current, firm_on=tenth_settled(held, policy))
        elif current is not None and monday < latest:
            found.append(replace(current, ended_on=weeks[monday], ended_reason="recovered"))
            current = None
    return found if current is None else [*found, current]


def tenth_settled(held: Window, policy: Policy) -> Session | None:
    """The session at which a window holds ten that nobody has still to find the reason of; None if it does not."""
    settled = [mark for mark in held.marks if mark.code not in policy.unsettled]
    if len(settled) < policy.penalty_sessions:
        return None
    return settled[policy.penalty_sessions - 1].session
