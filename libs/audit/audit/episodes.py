"""Every threshold as episodes: where a child's marks cross it, and where they come back.

A function of what is now known: nothing here knows what was said before. Four rules, which the policy names:

| rule | a session counts | opens | firm | ends |
| --- | --- | --- | --- | --- |
| rate | absent, of those possible in the year | at a possible session that finds the rate over the line, in compulsory age | at one that finds it so with the minimum possible | after so many possible sessions in a row below the line; with the year |
| window | by its code | at the n-th session of ten school weeks (or so many school days) | at the n-th settled one | with the first complete week whose window holds fewer |
| run | by its code, one possible session after another | at the n-th | at the n-th settled one | with the run's last session, once another possible session follows |
| tally | by its code, in the year | at the n-th | at once | with the year |

Rule book 3.5, 3.6, 4.1-4.3, 6.3-6.5, 6.7, 8.6, 8.7, 12.1-12.4, 12.7, 12.12-12.14, 12.17, 12.21.
"""  # noqa: E501

from collections.abc import Callable
from dataclasses import dataclass, replace

from audit.child import Child, Mark, Session, counted, is_flagged, of_compulsory_age, year_of
from audit.codes import Code
from audit.figures import Window, hits, of_year, reaches, unit_of, units_of, window
from audit.policy import RATE, RUN, TALLY, WINDOW, Policy, Threshold

Rules = Callable[[int | None], Policy]
"""The policy that holds for a child: in an academic year, or today (None)."""


@dataclass(frozen=True)
class Episode:
    """One episode. `year` is None for windows and runs; `school` is the URN of the school of the mark at
    `crossed_on`.
    """

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


def always(policy: Policy) -> Rules:
    """One policy, whatever the year."""
    return lambda year: policy


def episodes(child: Child, codes: dict[str, Code], rules: Rules) -> list[Episode]:
    """All episodes of a child: those with a year, year by year, then those without; by kind, then in time order."""
    found: list[Episode] = []
    marks = counted(child)
    years = sorted({year_of(mark.day) for mark in marks})
    for year in years:
        later = any(other > year for other in years)
        own = of_year(marks, year)
        for threshold in rules(year).thresholds.values():
            if threshold.rule == RATE:
                found += rate_episodes(child, threshold, year, own, later, codes)
            elif threshold.rule == TALLY:
                found += tally_episodes(child, threshold, year, own, later, codes)
    for threshold in rules(None).thresholds.values():
        if threshold.rule == WINDOW:
            found += window_episodes(child, threshold)
        elif threshold.rule == RUN:
            found += run_episodes(child, threshold, marks, codes)
    return found


# -- rates ------------------------------------------------------------------------------------------------------------


def over_the_line(child: Child, threshold: Threshold, mark: Mark, absent: int, possible: int) -> bool:
    """Whether a session finds the rate of its year so far over the threshold's line."""
    if threshold.flags and not is_flagged(child, threshold.flags, mark.day):
        return False
    if threshold.targets is None:
        return reaches(absent, possible, threshold.part, threshold.of, strict=threshold.strict)
    target = threshold.targets.get(mark.urn)
    return target is not None and reaches(absent, possible, 10000 - target, 10000, strict=threshold.strict)


def rate_episodes(
    child: Child, threshold: Threshold, year: int, marks: list[Mark], later: bool, codes: dict[str, Code]
) -> list[Episode]:
    """A rate in one year, session by possible session; `later` says that the child has a mark in a later year."""
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
        over = over_the_line(child, threshold, mark, absent, possible)
        if current is None and over and of_compulsory_age(child, mark.day):
            current = Episode(threshold.kind, year, mark.session, mark.urn)
            below = 0
        if current is None:
            continue
        if over:
            below = 0
            if current.firm_on is None and possible >= threshold.minimum_possible:
                current = replace(current, firm_on=mark.session)
        else:
            below += 1
            if below == threshold.recovery_sessions:
                found.append(replace(current, ended_on=mark.session, ended_reason="recovered"))
                current = None
    if current is not None:
        found.append(replace(current, ended_on=last, ended_reason="year_end") if later else current)
    return found


# -- tallies ----------------------------------------------------------------------------------------------------------


def tallied(child: Child, threshold: Threshold, marks: list[Mark], codes: dict[str, Code]) -> list[Mark]:
    """The sessions of a year that count to a tally."""
    return [
        mark
        for mark in marks
        if mark.code in threshold.codes
        and codes[mark.code].possible
        and (not threshold.compulsory_age or of_compulsory_age(child, mark.day))
    ]


def tally_episodes(
    child: Child, threshold: Threshold, year: int, marks: list[Mark], later: bool, codes: dict[str, Code]
) -> list[Episode]:
    """At most one a year: it opens at the n-th session, firm, and ends with the year."""
    counting = tallied(child, threshold, marks, codes)
    if len(counting) < threshold.sessions:
        return []
    nth = counting[threshold.sessions - 1]
    episode = Episode(threshold.kind, year, nth.session, nth.urn, firm_on=nth.session)
    if later:
        last = [mark for mark in marks if codes[mark.code].possible][-1]
        episode = replace(episode, ended_on=last.session, ended_reason="year_end")
    return [episode]


# -- runs -------------------------------------------------------------------------------------------------------------


def runs(child: Child, threshold: Threshold, marks: list[Mark], codes: dict[str, Code]) -> list[list[Mark]]:
    """The child's runs, each all its sessions: possible ones that count, with no possible one between that does not.
    The last is empty if the child's latest possible session does not count.
    """
    found: list[list[Mark]] = [[]]
    for mark in marks:
        if not codes[mark.code].possible:
            continue
        counts = (
            mark.code in threshold.codes
            and (not threshold.flags or is_flagged(child, threshold.flags, mark.day))
            and (not threshold.compulsory_age or of_compulsory_age(child, mark.day))
        )
        if counts:
            found[-1].append(mark)
        elif found[-1]:
            found.append([])
    return found


def run_episodes(child: Child, threshold: Threshold, marks: list[Mark], codes: dict[str, Code]) -> list[Episode]:
    """One for each run that is long enough."""
    found: list[Episode] = []
    every = runs(child, threshold, marks, codes)
    for place, run in enumerate(every):
        if len(run) < threshold.sessions:
            continue
        nth = run[threshold.sessions - 1]
        settled = [mark for mark in run if mark.code not in threshold.unsettled]
        firm_on = settled[threshold.sessions - 1].session if len(settled) >= threshold.sessions else None
        episode = Episode(threshold.kind, None, nth.session, nth.urn, firm_on)
        if place < len(every) - 1:
            episode = replace(episode, ended_on=run[-1].session, ended_reason="recovered")
        found.append(episode)
    return found


# -- windows ----------------------------------------------------------------------------------------------------------


def window_episodes(child: Child, threshold: Threshold) -> list[Episode]:
    """School week by school week, or day by day: each ends a window, which holds enough or not."""
    counting = hits(child, threshold)
    if len(counting) < threshold.sessions:
        return []
    units = units_of(child, threshold)
    in_order = list(units)
    latest = unit_of(threshold, max(mark.day for mark in child.marks))
    found: list[Episode] = []
    current: Episode | None = None
    for unit in in_order:
        held = window(in_order, unit, counting, threshold)
        if len(held.marks) >= threshold.sessions:
            if current is None:
                nth = held.marks[threshold.sessions - 1]
                current = Episode(threshold.kind, None, nth.session, nth.urn)
            if current.firm_on is None:
                current = replace(current, firm_on=nth_settled(held, threshold))
        elif current is not None and unit < latest:
            found.append(replace(current, ended_on=units[unit], ended_reason="recovered"))
            current = None
    return found if current is None else [*found, current]


def nth_settled(held: Window, threshold: Threshold) -> Session | None:
    """The session at which a window holds as many as it takes that nobody has still to find the reason of; None if it
    does not.
    """
    settled = [mark for mark in held.marks if mark.code not in threshold.unsettled]
    return settled[threshold.sessions - 1].session if len(settled) >= threshold.sessions else None
