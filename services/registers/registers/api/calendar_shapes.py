"""The JSON of school calendars, and what is read from it."""

from collections.abc import Iterable
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Any, Literal

from common.academic import Session, year_name, year_of
from common.errors import Fault, InvalidError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from registers.actions.schools import SentCalendar
from registers.api.parameters import Day
from registers.api.shapes import example
from registers.domain import calendars
from registers.domain.calendars import Calendar, Groups, Named, RegisterTime, Term

Half = Literal["AM", "PM"]
YearGroup = Annotated[int, Field(ge=-5, le=20)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
Clock = Annotated[str, StringConstraints(pattern=_CLOCK)]

DAYS: list[dict[str, Any]] = [
    {"date": "2025-09-01", "sessions": [], "kind": "inset", "reason": "Staff training"},
    {"date": "2025-09-02", "sessions": ["AM", "PM"], "year_groups": [0, 1, 7]},
    {"date": "2025-09-03", "sessions": ["AM", "PM"]},
]
TERMS: list[dict[str, JsonValue]] = [{"name": "Autumn 1", "from": "2025-09-02", "to": "2025-10-24"}]
TIMES: list[dict[str, Any]] = [
    {"session": "AM", "registers_open": "08:45", "registers_close": "09:15", "ends": "12:00"},
    {"session": "PM", "registers_open": "13:00", "registers_close": "13:30", "ends": "15:15"},
    {"session": "AM", "year_group": 12, "registers_open": "09:30", "registers_close": "10:00", "ends": "12:30"},
]


class DayListed(BaseModel):
    """A day of the calendar: the sessions for which the school is open, and for whom. A day with none of which nothing
    else is said is closed, as if it were not listed.

    `year_groups`: only for these; a staggered day may be listed once for each of several sets of year groups. `kind`:
    what a closed day is; a `closure` that was not planned keeps the sessions that were, and takes Y marks.
    """

    model_config = example(**DAYS[1])
    date: Day
    sessions: Annotated[list[Half], Field(max_length=2)]
    year_groups: Annotated[list[YearGroup], Field(min_length=1, max_length=26)] | None = None
    kind: Literal["school", "inset", "closure", "holiday"] = "school"
    reason: Text | None = None


class TermListed(BaseModel):
    """A term or half term, both days inclusive."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [*TERMS]})
    name: Text
    from_: Annotated[Day, Field(alias="from")]
    to: Day


class TimesListed(BaseModel):
    """When the registers of a session are open, by the clock in London, and when the session ends: for one year group,
    or without `year_group` for all that have no line of their own. At most 30 minutes, in every session.
    """

    model_config = example(**TIMES[2])
    session: Half
    year_group: YearGroup | None = None
    registers_open: Clock
    registers_close: Clock
    ends: Clock | None = None


class CalendarIn(BaseModel):
    """The days of an academic year; every day that is not listed is closed. `terms` and `times` that are left out stay
    as they are.
    """

    model_config = example(days=DAYS, terms=TERMS, times=TIMES)
    days: Annotated[list[DayListed], Field(max_length=1000)]
    terms: Annotated[list[TermListed], Field(max_length=12)] | None = None
    times: Annotated[list[TimesListed], Field(max_length=54)] | None = None


class CalendarWritten(BaseModel):
    """The last number of the school's ledger that the calendar stands behind."""

    model_config = example(school_urn=100001, academic_year="2025-26", sequence=2)
    school_urn: int
    academic_year: str
    sequence: int


class PublicHoliday(BaseModel):
    """A public holiday in England."""

    date: date
    name: str


class CalendarOut(CalendarIn):
    """A school's calendar of an academic year, and the public holidays in it, whether or not the school lists them.

    Of a day, what is not said is left out; so are `terms` and `times` while the school has given none.
    """

    model_config = example(
        school_urn=100001,
        academic_year="2025-26",
        days=DAYS,
        terms=TERMS,
        times=TIMES,
        public_holidays=[{"date": "2025-12-25", "name": "Christmas Day"}],
    )
    school_urn: int
    academic_year: str
    public_holidays: list[PublicHoliday]


def read(sent: CalendarIn, year: int) -> SentCalendar:
    """The calendar in a body; InvalidError with everything that it may not say."""
    faults: list[Fault] = []
    days = _days(sent.days, year, faults)
    named = {
        day.date: Named(day.kind, day.reason)
        for day in sent.days
        if day.kind != calendars.SCHOOL or day.reason is not None
    }
    terms = None if sent.terms is None else _terms(sent.terms, year, faults)
    times = None if sent.times is None else _times(sent.times, faults)
    if faults:
        raise InvalidError("The calendar says what it may not say.", faults=faults)
    return SentCalendar(days, named, terms, times)


def _days(listed: Iterable[DayListed], year: int, faults: list[Fault]) -> dict[date, dict[Session, Groups]]:
    """The open sessions by day; days of another year, days listed twice for the same children, and closed days with
    sessions are faults.
    """
    days: dict[date, dict[Session, Groups]] = {}
    seen: dict[date, list[tuple[int, Groups]]] = {}
    for place, day in enumerate(listed):
        pointer = f"/days/{place}"
        groups = None if day.year_groups is None else frozenset(day.year_groups)
        if year_of(day.date) != year:
            faults.append(Fault(f"{pointer}/date", "outside-year", f"Not in the academic year {year_name(year)}."))
        for first, others in seen.setdefault(day.date, []):
            if groups is None or others is None or groups & others:
                faults.append(Fault(f"{pointer}/date", "duplicate-day", f"As in /days/{first}."))
                break
        seen[day.date].append((place, groups))
        _check_sessions(day, pointer, faults)
        if len(set(day.sessions)) > {"holiday": 0, "inset": 1}.get(day.kind, 2):
            detail = "A holiday has no sessions, a day with INSET one at most."
            faults.append(Fault(f"{pointer}/sessions", "open-on-closed-day", detail))
        for half in day.sessions:
            opening = days.setdefault(day.date, {})
            others = opening.get(Session[half], frozenset())
            opening[Session[half]] = None if groups is None or others is None else groups | others
    return days


def _check_sessions(day: DayListed, pointer: str, faults: list[Fault]) -> None:
    """Faults of a day with a session twice, and of one that is said to be a school day, or is one for some year groups,
    and has no session.
    """
    if len(set(day.sessions)) < len(day.sessions):
        faults.append(Fault(f"{pointer}/sessions/1", "duplicate-session", "This session is listed already."))
    is_meant_open = "kind" in day.model_fields_set or day.year_groups is not None
    if not day.sessions and day.kind == calendars.SCHOOL and is_meant_open:
        detail = "A school day has at least one session; a closed day says what it is, or is left out."
        faults.append(Fault(f"{pointer}/sessions", "school-day-without-session", detail))


def _terms(listed: Iterable[TermListed], year: int, faults: list[Fault]) -> list[Term]:
    terms: list[Term] = []
    for place, term in enumerate(listed):
        if year_of(term.from_) != year or year_of(term.to) != year:
            detail = f"Not in the academic year {year_name(year)}."
            faults.append(Fault(f"/terms/{place}", "outside-year", detail))
        if term.to < term.from_:
            faults.append(Fault(f"/terms/{place}/to", "ends-before-it-starts", "`to` lies before `from`."))
        terms.append(Term(term.name, term.from_, term.to))
    terms.sort(key=lambda term: term.first)
    for before, after in pairwise(terms):
        if after.first <= before.last:
            faults.append(Fault("/terms", "terms-overlap", f"{before.name} and {after.name} share days."))
    return terms


def _times(listed: Iterable[TimesListed], faults: list[Fault]) -> list[RegisterTime]:
    lines: dict[tuple[Session, int | None], RegisterTime] = {}
    for place, line in enumerate(listed):
        key = Session[line.session], line.year_group
        opens, closes = time.fromisoformat(line.registers_open), time.fromisoformat(line.registers_close)
        ends = None if line.ends is None else time.fromisoformat(line.ends)
        if key in lines:
            faults.append(Fault(f"/times/{place}", "duplicate-times", "This session has such a line already."))
        if closes <= opens:
            detail = "Registers close after they open."
            faults.append(Fault(f"/times/{place}/registers_close", "closes-before-it-opens", detail))
        if ends is not None and ends < closes:
            faults.append(Fault(f"/times/{place}/ends", "ends-before-it-closes", "A session ends after its register."))
        lines[key] = RegisterTime(*key, opens, closes, ends)
    return sorted(lines.values(), key=lambda line: (line.session, line.year_group is not None, line.year_group or 0))


def show(urn: int, year: int, calendar: Calendar, holidays: Iterable[tuple[date, str]]) -> CalendarOut:
    """A calendar as it is told: each open day, and each closed one that has a name."""
    told = [
        DayListed(
            date=one.on,
            sessions=[session.name for session in one.sessions],
            year_groups=None if one.groups is None else sorted(one.groups),
            **_named(calendar.named.get(one.on)),
        )
        for one in calendars.listed(calendar.days)
    ]
    closed = [
        DayListed(date=on, sessions=[], **_named(what))
        for on, what in calendar.named.items()
        if on not in calendar.days
    ]
    return CalendarOut(
        school_urn=urn,
        academic_year=year_name(year),
        days=sorted([*told, *closed], key=lambda day: day.date),
        terms=[TermListed(name=term.name, from_=term.first, to=term.last) for term in calendar.terms] or None,
        times=[_line(line) for line in calendar.times] or None,
        public_holidays=[PublicHoliday(date=on, name=name) for on, name in holidays],
    )


def _named(what: Named | None) -> dict[str, Any]:
    """Only what is said, so that what is not is left out of the answer."""
    if what is None:
        return {}
    kind = {} if what.kind == calendars.SCHOOL else {"kind": what.kind}
    return kind | ({} if what.reason is None else {"reason": what.reason})


def _line(line: RegisterTime) -> TimesListed:
    return TimesListed(
        session=line.session.name,
        year_group=line.year_group,
        registers_open=line.opens.isoformat("minutes"),
        registers_close=line.closes.isoformat("minutes"),
        ends=None if line.ends is None else line.ends.isoformat("minutes"),
    )
