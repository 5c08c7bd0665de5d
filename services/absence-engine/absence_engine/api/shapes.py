"""The JSON of the engine's answers."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from common.academic import parse_year, year_name
from common.errors import Fault, InvalidError
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.actions.figures import StayFigures
from absence_engine.api import examples
from absence_engine.api.answer_shapes import SeenCoverageOut, SeenOut, SumOut, register
from absence_engine.api.count_shapes import counts
from absence_engine.api.known_shapes import KnownOut, ReversalOut, StoodOut
from absence_engine.domain.claims import Episode
from absence_engine.domain.counts import Counts, is_provisional, over_line, percent
from absence_engine.domain.events import Told
from absence_engine.domain.explain import counted_session
from absence_engine.domain.penalty import Window
from absence_engine.domain.policy import Policy
from absence_engine.domain.small import LINES
from absence_engine.domain.spans import Child
from absence_engine.domain.sums import Sum
from absence_engine.domain.ticks import day_of, session_of
from absence_engine.store.progress import Freshness

AcademicYear = Annotated[
    str | None,
    Query(description="For example `2025-26`; the current one by default.", examples=["2025-26"]),
]


def year_of(name: str | None, today_year: int) -> int:
    """The academic year that a parameter names; InvalidError when it names none that has a place in time."""
    if name is None:
        return today_year
    try:
        year = parse_year(name)
        if not 1900 <= year <= 2200:
            raise ValueError("no year of this calendar")
    except ValueError as error:
        fault = Fault("academic_year", "bad-academic-year", "Write it like 2025-26.")
        raise InvalidError("The academic year can't be read.", faults=[fault]) from error
    return year


class CountsOut(BaseModel):
    """Sessions, and rates from them as text with two decimals, half up; null when nothing was possible."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COUNTS]})
    possible: int
    attended: int
    absent: int
    authorised: int
    unauthorised: int
    late_before_close: int
    late_after_close: int
    absence_percent: str | None
    attendance_percent: str | None


class FiguresOut(CountsOut):
    """`persistent`: at least 10% absent; `severe`: at least 50%; `provisional`: few sessions stand behind it
    (policy).
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FIGURES]})
    persistent: bool
    severe: bool
    provisional: bool


class StayOut(FiguresOut):
    """An enrolment and what was marked in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STAY]})
    school_urn: int
    from_: date = Field(serialization_alias="from")
    to: date | None


class PupilStayOut(StayOut):
    """An enrolment, with whose it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SCHOOL["items"][0]]})
    pupil_id: str


class SessionOut(BaseModel):
    """A session that counted."""

    date: str
    session: str
    code: str
    school_urn: int


class ExplainedSessionOut(SessionOut):
    """A session that counted, and what stood in it since when, if that is asked for (`history=true`)."""

    history: list[StoodOut] | None = None


class WindowSpanOut(BaseModel):
    """First and last open day of a window, and how many school weeks it has."""

    from_: date = Field(serialization_alias="from")
    to: date
    school_weeks: int


class WindowOut(BaseModel):
    """Unauthorised sessions in a window of ten school weeks; `window` is null when there is none."""

    sessions_in_window: int
    met: bool
    provisional: bool
    spent: int
    window: WindowSpanOut | None
    sessions: list[SessionOut]


class PenaltyOut(WindowOut):
    """The best window, and the one that ends with the week of the child's latest mark."""

    current: WindowOut


class CoverageOut(BaseModel):
    """How complete a year is. `expected_sessions`: the open sessions before today, and those of today whose register
    has come; `registers`: how many of them have one that is not known to be missing.
    """

    expected_sessions: int
    registers: int


class SchoolFreshnessOut(BaseModel):
    """The last entry of the school's ledger that is counted in, and its latest marked session. `recalculating`: true
    while the school judges anew what a large change of its roll or calendar concerns, left out otherwise.
    """

    school_urn: int
    sequence: int
    last_register: str | None = Field(examples=["2025-11-28 PM"])
    coverage: CoverageOut
    recalculating: bool = False


class FreshnessOut(BaseModel):
    """What an answer has seen."""

    schools: list[SchoolFreshnessOut]


class SchoolGroupOut(CountsOut):
    """The sum over a school's enrolments, and how many with a possible session are over each line."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SCHOOL["school"]]})
    enrolments: int
    persistent: int
    severe: int


class SchoolOut(KnownOut):
    """A school's year: a page of its enrolments, and the sum over all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SCHOOL]})
    school_urn: int
    academic_year: str
    policy_version: str
    school: SchoolGroupOut
    dfe: SumOut = Field(description="The enrolments on DfE's basis.")
    as_of: date
    items: list[PupilStayOut]
    next: str | None
    freshness: FreshnessOut


class AreaGroupOut(CountsOut):
    """The sum over a group; numbers of children too small to be shown (policy), or that would tell one, are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.GROUP]})
    members: int
    persistent: int | None
    severe: int | None
    persistent_percent: str | None
    severe_percent: str | None


class AreaOut(BaseModel):
    """An area's year: the enrolments of its schools, all and by phase, and its children across all their schools."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.AREA]})
    la_code: str
    academic_year: str
    policy_version: str
    schools: int
    enrolments: AreaGroupOut
    phases: dict[str, AreaGroupOut]
    children: AreaGroupOut
    dfe: SumOut = Field(description="The enrolments on DfE's basis.")
    as_of: date
    coverage: SeenCoverageOut
    freshness: SeenOut


class SessionRefOut(BaseModel):
    """One session."""

    date: date
    session: str


class EpisodeOut(BaseModel):
    """A threshold that was crossed. `academic_year` is null for kinds that run over the years: windows and runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EPISODE]})
    episode_id: str
    kind: str = Field(
        description="AT_RISK, BELOW_95, SCHOOL_TARGET, CIN_CP_95, PA, SA, PN_10_IN_10, PUNCTUALITY, CONTINUOUS_10, "
        "CONTINUOUS_20, UNEXPLAINED, SICKNESS_15"
    )
    academic_year: str | None
    state: str = Field(description="open, ended or reversed")
    provisional: bool
    crossed_on: SessionRefOut
    firm_on: SessionRefOut | None
    ended_on: SessionRefOut | None
    ended_reason: str | None
    reversed_at: datetime | None


class SequenceOut(BaseModel):
    """How far a school's ledger had been counted."""

    school_urn: int
    sequence: int


class ExplainedOut(KnownOut, EpisodeOut):
    """An episode and why it is there, as at the session that made it firm, or else crossed.

    `hash`: SHA-256 of the RFC 8785 JSON of pupil_id, kind, sessions, school_weeks, formula, policy_version.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EXPLAINED]})
    pupil_id: str
    school_urn: int
    sentence: str
    sessions: list[ExplainedSessionOut]
    school_weeks: list[str] = Field(description="The Mondays of the window's weeks.")
    formula: dict[str, int | str]
    policy_version: str
    sequence: list[SequenceOut]
    hash: str
    reversal: ReversalOut | None = Field(None, description="Of a reversed episode: what took it back.")


def figures(c: Counts, policy: Policy) -> dict[str, Any]:
    """The fields of FiguresOut."""
    return {
        **counts(c),
        "persistent": over_line(c.absent, c.possible, policy.rates["PA"].one_in),
        "severe": over_line(c.absent, c.possible, policy.rates["SA"].one_in),
        "provisional": is_provisional(c.possible, policy),
    }


def stay(one: StayFigures, policy: Policy) -> dict[str, Any]:
    """The fields of PupilStayOut."""
    span = {"school_urn": one.stay.urn, "from_": one.stay.from_, "to": one.stay.to, "pupil_id": one.pupil_id}
    return {**figures(one.counts, policy), **span}


def window(found: Window | None, child: Child) -> dict[str, Any]:
    """The fields of WindowOut."""
    if found is None:
        return {"sessions_in_window": 0, "met": False, "provisional": False, "spent": 0, "window": None, "sessions": []}
    sessions = [counted_session(child.years, tick) for tick in found.ticks]
    return {
        "sessions_in_window": len(found.ticks),
        "met": found.met,
        "provisional": found.provisional,
        "spent": found.spent,
        "window": {"from_": found.first_day, "to": found.last_day, "school_weeks": found.school_weeks},
        "sessions": [
            {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn} for s in sessions
        ],
    }


def area_group(group: Sum, hidden: frozenset[str]) -> dict[str, Any]:
    """The fields of AreaGroupOut; `hidden` are the numbers that are not shown."""
    numbers: dict[str, Any] = {}
    for name, over in zip(LINES, group.over, strict=True):
        is_hidden = not hidden.isdisjoint({"members", name})
        numbers[name] = None if is_hidden else over
        numbers[f"{name}_percent"] = None if is_hidden else percent(over, group.members)
    return {**counts(Counts(*group.figures)), "members": group.members, **numbers}


def freshness(schools: Sequence[Freshness]) -> dict[str, Any]:
    """The fields of FreshnessOut."""
    return {
        "schools": [
            {
                "school_urn": one.urn,
                "sequence": one.sequence,
                "last_register": register(one.last_register),
                "coverage": one.coverage._asdict(),
                **({"recalculating": True} if one.recalculating else {}),
            }
            for one in schools
        ]
    }


def episode(e: Episode) -> dict[str, Any]:
    """The fields of EpisodeOut."""
    return {
        "episode_id": e.episode_id,
        "kind": e.kind,
        "academic_year": None if e.year is None else year_name(e.year),
        "state": e.state,
        "provisional": e.provisional,
        "crossed_on": _session(e.crossed),
        "firm_on": _session(e.firm),
        "ended_on": _session(e.ended),
        "ended_reason": e.reason,
        "reversed_at": e.reversed_at,
    }


def explained(told: Told) -> dict[str, Any]:
    """The fields of ExplainedOut."""
    e = told.explanation
    return {
        **episode(told.episode),
        "pupil_id": told.episode.pupil_id,
        "school_urn": told.episode.school_urn,
        "sentence": e.sentence,
        "sessions": [
            {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn} for s in e.sessions
        ],
        "school_weeks": e.school_weeks,
        "formula": e.formula,
        "policy_version": e.policy_version,
        "sequence": [{"school_urn": one.school_urn, "sequence": one.sequence} for one in told.sequence],
        "hash": e.hash,
    }


def _session(tick: int | None) -> dict[str, Any] | None:
    return None if tick is None else {"date": day_of(tick), "session": session_of(tick)}
