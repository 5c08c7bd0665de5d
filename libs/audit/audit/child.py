"""One child across all schools: what was marked, where it was enrolled, how old it is, which weeks were school weeks.

A session is `(day, half)`, half being `AM` or `PM`; such pairs sort in time order.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Literal, NamedTuple

Session = tuple[date, str]
Kind = Literal["main", "single", "subsidiary", "guest"]

ENROLMENT_ORDER = {"main": 0, "single": 1, "subsidiary": 2, "guest": 3}
"""Which enrolment's mark counts for the child when two schools marked one session (rule book 12.9)."""


class Mark(NamedTuple):
    """A standing mark: a school says what a session was. `ledger_id` is the id under which the ledger has it."""

    day: date
    half: str
    code: str
    urn: int
    ledger_id: str

    @property
    def session(self) -> Session:
        return (self.day, self.half)


class Enrolment(NamedTuple):
    """A stay on a school's roll, both days inclusive; `to` is None while it lasts."""

    urn: int
    start: date
    to: date | None
    kind: Kind

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.to is None or day <= self.to)


class FlagSpan(NamedTuple):
    """That a flag holds of a child, both days inclusive; `to` is None while nobody knows."""

    flag: str
    start: date
    to: date | None


@dataclass(frozen=True)
class Child:
    """Everything that figures and episodes of one child depend on.

    `marks`: all standing marks under any id of the child, in any order. `calendars`: by URN, the sessions for which the
    school is open. `spent`: sessions named in an issued penalty notice (rule book 12.4). `flags`: what the roll said
    last; `flag_spans`: what anybody says, from one day to another.
    """

    pupil_id: str
    marks: list[Mark]
    enrolments: list[Enrolment]
    calendars: dict[int, set[Session]]
    date_of_birth: date | None = None
    spent: frozenset[Session] = field(default_factory=frozenset)
    flags: frozenset[str] = field(default_factory=frozenset)
    flag_spans: tuple[FlagSpan, ...] = ()

    @cached_property
    def one_each(self) -> list[Mark]:
        """The mark that counts for each session, in time order: see `counted`."""
        return _counted(self)

    @cached_property
    def school_days(self) -> dict[date, Session]:
        """The days on which a school at which the child was enrolled that day is open, each with its last open
        session.
        """
        return _school_days(self)


def year_of(day: date) -> int:
    """The academic year of a day, 1 August to 31 July, as the calendar year in which it starts (rule book 12.21)."""
    return day.year if day >= date(day.year, 8, 1) else day.year - 1


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


# -- which mark counts ------------------------------------------------------------------------------------------------


def claim(child: Child, mark: Mark) -> tuple[int, date, int]:
    """How strong a school's claim to a session is, the smallest first (rule book 12.9).

    Main before single before subsidiary before guest, then the earlier start, then the lower URN.
    """
    claims = [
        (ENROLMENT_ORDER[enrolment.kind], enrolment.start)
        for enrolment in child.enrolments
        if enrolment.urn == mark.urn and enrolment.covers(mark.day)
    ]
    kind, start = min(claims) if claims else (len(ENROLMENT_ORDER), date.max)
    return (kind, start, mark.urn)


def counted(child: Child) -> list[Mark]:
    """One mark for each session, in time order: what counts for the child as a whole.

    A school says one thing of a session: where it has marked two ids that are one child, what it says of the child's
    own id, else of the lower one. D says that the child is at the other school: it counts only where no school says
    anything else.
    """
    return child.one_each


def _counted(child: Child) -> list[Mark]:
    by_session: dict[Session, dict[int, Mark]] = {}
    for mark in sorted(child.marks, key=lambda mark: (mark.ledger_id != child.pupil_id, mark.ledger_id)):
        by_session.setdefault((mark.day, mark.half), {}).setdefault(mark.urn, mark)
    result: list[Mark] = []
    for session in sorted(by_session):
        marks = list(by_session[session].values())
        if len(marks) > 1:
            marks = [mark for mark in marks if mark.code != "D"] or marks
        if len(marks) > 1:
            marks = [min(marks, key=lambda mark: claim(child, mark))]
        result.append(marks[0])
    return result


# -- flags ------------------------------------------------------------------------------------------------------------


def is_flagged(child: Child, wanted: Collection[str], day: date) -> bool:
    """Whether a child has one of some flags on a day. A flag of which nobody says since when holds on any day."""
    for flag in wanted:
        spans = [span for span in child.flag_spans if span.flag == flag]
        if any(span.start <= day and (span.to is None or day <= span.to) for span in spans):
            return True
        if not spans and flag in child.flags:
            return True
    return False


# -- compulsory school age --------------------------------------------------------------------------------------------


def birthday(born: date, age: int) -> date:
    """The day on which a child reaches an age; one born on 29 February does so on 1 March of other years."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


@cache
def compulsory_from(born: date) -> date:
    """The prescribed day on or next after the fifth birthday: 31 March, 31 August, 31 December (rule book 8.6)."""
    fifth = birthday(born, 5)
    prescribed = [date(year, month, 31) for year in (fifth.year, fifth.year + 1) for month in (3, 8, 12)]
    return min(day for day in prescribed if day >= fifth)


@cache
def compulsory_until(born: date) -> date:
    """The last Friday in June of the school year, as at 31 August, in which the child turns 16 (rule book 8.3, 8.7)."""
    sixteenth = birthday(born, 16)
    year = sixteenth.year if sixteenth <= date(sixteenth.year, 8, 31) else sixteenth.year + 1
    day = date(year, 6, 30)
    while day.weekday() != 4:
        day -= timedelta(days=1)
    return day


def of_compulsory_age(child: Child, day: date) -> bool:
    """Whether a day lies in compulsory school age, its first and last day included; without a date of birth, it
    does.
    """
    born = child.date_of_birth
    return born is None or compulsory_from(born) <= day <= compulsory_until(born)


# -- school weeks -----------------------------------------------------------------------------------------------------


def _school_days(child: Child) -> dict[date, Session]:
    last: dict[date, Session] = {}
    for enrolment in child.enrolments:
        for session in child.calendars.get(enrolment.urn, ()):
            if enrolment.covers(session[0]):
                last[session[0]] = max(last.get(session[0], session), session)
    return {day: last[day] for day in sorted(last)}


def school_weeks(child: Child) -> dict[date, Session]:
    """The child's school weeks, by their Monday in time order, each with its last open session (rule book 4.2, 12.3).

    A week is one if on some day of it a school at which the child was enrolled that day is open.
    """
    last: dict[date, Session] = {}
    for day, session in child.school_days.items():
        last[monday_of(day)] = session  # days come in order: the week's last one stays
    return last
