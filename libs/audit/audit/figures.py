"""Absence figures: totals of the child and of each enrolment, and the windows of ten school weeks.

Rule book 3.1-3.6 (what counts as what), 12.6 (both grains), 12.8 (integers are compared, never percentages), 4.1-4.3
and 12.2-12.4 (the ten-session threshold).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from audit.child import (
    Child,
    Enrolment,
    Mark,
    Session,
    counted,
    monday_of,
    of_compulsory_age,
    school_weeks,
    year_of,
)
from audit.codes import Code
from audit.policy import Threshold


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


def reaches(absent: int, possible: int, part: int, of: int, *, strict: bool = False) -> bool:
    """Whether at least `part` of every `of` possible sessions were missed (rule book 3.5, 3.6): exactly that is enough,
    unless `strict` asks for more.
    """
    if possible == 0:
        return False
    return absent * of > possible * part if strict else absent * of >= possible * part


def hits(child: Child, threshold: Threshold, *, spent: bool = False) -> list[Mark]:
    """The sessions that count to a threshold by their code, in time order: inside compulsory school age, if it asks for
    that. Where notices spend sessions, those that one has spent are left out, or with `spent` are the only ones.
    """
    return [
        mark
        for mark in counted(child)
        if mark.code in threshold.codes
        and (not threshold.compulsory_age or of_compulsory_age(child, mark.day))
        and (threshold.spendable and mark.session in child.spent) == spent
    ]


@dataclass(frozen=True)
class Window:
    """School weeks, or days, that end with one: `units` their Mondays or dates, at most as many as the threshold says;
    `marks` the sessions in them that count.
    """

    units: list[date]
    marks: list[Mark]


def units_of(child: Child, threshold: Threshold) -> dict[date, Session]:
    """The child's school weeks by their Monday, or its school days, each with its last open session."""
    return child.school_days if threshold.by_days else school_weeks(child)


def unit_of(threshold: Threshold, day: date) -> date:
    """The week (its Monday) or the day to which a mark belongs."""
    return day if threshold.by_days else monday_of(day)


def window(units: list[date], last: date, counting: list[Mark], threshold: Threshold) -> Window:
    """The ten school weeks that end with the week of Monday `last`, fewer at the start of the records; or so many
    school days.
    """
    place = units.index(last)
    within = units[max(0, place + 1 - threshold.length) : place + 1]
    among = set(within)
    return Window(within, [mark for mark in counting if unit_of(threshold, mark.day) in among])


def best_window(child: Child, threshold: Threshold) -> Window | None:
    """Of the windows that end with the week of an unauthorised session, spent or not, the one that holds most that are
    not spent; of equals, the latest.
    """
    units = list(units_of(child, threshold))
    counting = hits(child, threshold)
    with_one = {unit_of(threshold, mark.day) for mark in counting + hits(child, threshold, spent=True)}
    best: Window | None = None
    for last in units:
        if last in with_one:
            found = window(units, last, counting, threshold)
            if best is None or len(found.marks) >= len(best.marks):
                best = found
    return best


def current_window(child: Child, threshold: Threshold) -> Window | None:
    """The window that ends with the week of the child's latest standing mark."""
    if not child.marks:
        return None
    units, latest = list(units_of(child, threshold)), unit_of(threshold, max(mark.day for mark in child.marks))
    return window(units, latest, hits(child, threshold), threshold) if latest in units else None
