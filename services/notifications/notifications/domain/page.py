"""What a letter says: the facts of an episode in the words and order in which a parent reads them.

Dates are exact and whole days are told as such. Sessions are grouped by what can be done about them: absences without
permission, absences whose reason nobody has told the school yet (N is not a refusal, 12.1), absences that the school
authorised, and late arrivals after the register closed, for which the remedy is punctuality (rule book 12.15). Counts
stand next to percentages (12.8). A UPN is never among the facts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from common.codes import Code, code_table
from common.events.absence_engine import CountedSession

from notifications.domain.values import Child, Contact, ExplainedEpisode

LATE = "Late after the register closed"
UNAUTHORISED = "Absences without permission"
UNEXPLAINED = "Absences for which the school has no reason yet"
AUTHORISED = "Absences that the school authorised"
ORDER = (UNAUTHORISED, UNEXPLAINED, AUTHORISED, LATE)

NO_REASON_YET = "N"
PLAIN = {NO_REASON_YET: "Reason not known yet"}
"""Words for a parent where those of the code table are for the office."""

PARTS = {"AM": "morning", "PM": "afternoon"}
SCHOOL_UNNAMED = "your child’s school"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: the day, the part of it, what the register says, and at which school."""

    day: str
    part: str
    what: str
    school: str


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions of one sort, oldest first; `sessions` is how many there are."""

    title: str
    sessions: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that a template may say. `possible`, `percent` are None where the letter is not about a rate; of the
    `missed` sessions `unexplained` have no reason yet and `late` are arrivals after the register closed.
    """

    today: str
    school: str
    recipient: str
    address: tuple[str, ...]
    child: str
    given_name: str
    school_year: str | None
    until: str
    first_day: str
    last_day: str
    missed: int
    unexplained: int
    late: int
    possible: int | None
    percent: str | None
    school_weeks: int
    groups: tuple[Group, ...]
    several_schools: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter written out, as HTML and as plain text."""

    html: str
    text: str


def page(episode: ExplainedEpisode, child: Child, recipient: Contact, today: date) -> Page:
    """The facts of a letter about `episode` to `recipient`, as registers knows the people now."""
    sessions = sorted(episode.explanation.sessions)
    days = [date.fromisoformat(session.date) for session in sessions]
    possible = episode.explanation.formula.get("possible")
    possible = possible if isinstance(possible, int) else None
    weeks = episode.explanation.formula.get("school_weeks")
    school = child.schools.get(episode.school_urn, SCHOOL_UNNAMED)
    address = recipient.address
    groups = _groups(sessions, child)
    sizes = {group.title: group.sessions for group in groups}
    return Page(
        today=_date(today),
        school=school,
        recipient=recipient.name,
        address=tuple(line for line in (*address.lines, address.postcode) if line) if address else (),
        child=f"{child.given_name} {child.family_name}".strip(),
        given_name=child.given_name,
        school_year=episode.academic_year,
        until=_date(date.fromisoformat(episode.firm_on)) if episode.firm_on else _date(days[-1]),
        first_day=_date(days[0]),
        last_day=_date(days[-1]),
        missed=len(sessions),
        unexplained=sizes.get(UNEXPLAINED, 0),
        late=sizes.get(LATE, 0),
        possible=possible,
        percent=percent(len(sessions), possible) if possible else None,
        school_weeks=weeks if isinstance(weeks, int) else len(episode.explanation.school_weeks),
        groups=groups,
        several_schools=len({session.school_urn for session in sessions}) > 1,
    )


def percent(part: int, whole: int) -> str:
    """Two decimals, half up, by integers: 1 of 8 is `12.50`."""
    hundredths = (part * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _groups(sessions: Iterable[CountedSession], child: Child) -> tuple[Group, ...]:
    sorted_out: dict[str, list[CountedSession]] = {title: [] for title in ORDER}
    for session in sessions:
        sorted_out[_title(code_table()[session.code])].append(session)
    return tuple(Group(title, len(own), _lines(own, child)) for title, own in sorted_out.items() if own)


def _title(code: Code) -> str:
    if code.late == "after-close":
        return LATE
    if code.code == NO_REASON_YET:
        return UNEXPLAINED
    return AUTHORISED if code.absence == "authorised" else UNAUTHORISED


def _lines(sessions: Sequence[CountedSession], child: Child) -> tuple[Line, ...]:
    """A line for each session, or for both sessions of a day when the register says the same of them."""
    lines: list[Line] = []
    same = groupby(
        sorted(sessions, key=lambda one: (one.date, one.school_urn, one.session)),
        key=lambda one: (one.date, one.school_urn, one.code),
    )
    for (day, urn, code), halves in same:
        parts = [PARTS[half.session] for half in halves]
        part = "all day" if len(parts) == 2 else parts[0]
        school = child.schools.get(urn, SCHOOL_UNNAMED)
        what = PLAIN.get(code) or code_table()[code].meaning
        lines.append(Line(_day(date.fromisoformat(day)), part, what, school))
    return tuple(lines)


def _date(day: date) -> str:
    """30 September 2025"""
    return f"{day.day} {day:%B %Y}"


def _day(day: date) -> str:
    """Tuesday 30 September 2025"""
    return f"{day:%A} {_date(day)}"
