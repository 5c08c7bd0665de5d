"""Absence figures: totals of the child and of each enrolment, and the windows of ten school weeks.

Rule book 3.1-3.6 (what counts as what), 12.6 (both grains), 12.8 (integers are compared, never percentages), 4.1-4.3
and 12.2-12.4 (the ten-session threshold).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from audit.child import Child, Enrolment, Mark, counted, monday_of, of_compulsory_age, school_weeks, year_of
from audit.codes import Code
from audit.policy import Policy


@dataclass
class Totals:
    """Counts of sessions."""

    possible: int = 0
    attended: int = 0
    authorised: int = 0
    unauthorised: int = 0
    late_before_close: int = 0
    late_after_close: int = 0

    @property
    def absent(self) -> int:
        return self.authorised + self.unauthorised


def totals(marks: Iterable[Mark], codes: dict[str, Code]) -> Totals:
    """The counts of some marks, one per session."""
    result = Totals()
    for mark in marks:
        code = codes[mark.code]
        result.possible += code.possible
        result.attended += code.attended
        result.authorised += code.authorised
        result.unauthorised += code.unauthorised
        result.late_before_close += code.late_before_close
        result.late_after_close += code.late_after_close
    return result


def of_year(marks: list[Mark], year: int) -> list[Mark]:
    """The marks of one academic year, in the order given."""
    return [mark for mark in marks if year_of(mark.day) == year]


def child_totals(child: Child, year: int, codes: dict[str, Code]) -> Totals:
    """The child's own totals of a year: never two possibles for one session."""
    return totals(of_year(counted(child), year), codes)


def enrolment_totals(child: Child, enrolment: Enrolment, year: int, codes: dict[str, Code]) -> Totals:
    """What one school says of one enrolment in a year, whatever another school says of the same sessions."""
    own = [mark for mark in child.marks if mark.urn == enrolment.urn and enrolment.covers(mark.day)]
    return totals(of_year(own, year), codes)


def reaches(absent: int, possible: int, one_in: int) -> bool:
    """Whether at least one in so many of the possible sessions was missed (rule book 3.5, 3.6): exactly that is
    enough.
    """
    return possible > 0 and absent * one_in >= possible


def hits(child: Child, codes: dict[str, Code], *, spent: bool = False) -> list[Mark]:
    """The sessions that count to a penalty notice, in time order: G, N, O, U in compulsory school age.

    Sessions that an issued notice has spent are left out, or with `spent` are the only ones.
    """
    return [
        mark
        for mark in counted(child)
        if codes[mark.code].penalty and of_compulsory_age(child, mark.day) and (mark.session in child.spent) == spent
    ]


@dataclass(frozen=True)
class Window:
    """School weeks that end with one: `weeks` their Mondays, at most ten, `marks` the sessions in them that count."""

    weeks: list[date]
    marks: list[Mark]


def window(weeks: list[date], last: date, counting: list[Mark], policy: Policy) -> Window:
    """The ten school weeks that end with the week of Monday `last`, fewer at the start of the records."""
    place = weeks.index(last)
    within = weeks[max(0, place + 1 - policy.school_weeks) : place + 1]
    return Window(within, [mark for mark in counting if monday_of(mark.day) in within])


def best_window(child: Child, codes: dict[str, Code], policy: Policy) -> Window | None:
    """Of the windows that end with the week of an unauthorised session, spent or not, the one that holds most that are
    not spent; of equals, the latest.
    """
    weeks = list(school_weeks(child))
    counting = hits(child, codes)
    with_one = {monday_of(mark.day) for mark in counting + hits(child, codes, spent=True)}
    best: Window | None = None
    for last in weeks:
        if last in with_one:
            found = window(weeks, last, counting, policy)
            if best is None or len(found.marks) >= len(best.marks):
                best = found
    return best


def current_window(child: Child, codes: dict[str, Code], policy: Policy) -> Window | None:
    """The window that ends with the week of the child's latest standing mark."""
    if not child.marks:
        return None
    weeks, latest = list(school_weeks(child)), monday_of(max(mark.day for mark in child.marks))
    return window(weeks, latest, hits(child, codes), policy) if latest in weeks else None
