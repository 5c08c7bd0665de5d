"""The JSON of forecasts, and of what is asked of a child."""

from datetime import date
from typing import Annotated, Any, Literal

from common.academic import year_name
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from absence_engine.actions.forecasts import Projection, WhatIf
from absence_engine.api import examples, shapes
from absence_engine.api.shapes import FiguresOut, FreshnessOut, SessionRefOut
from absence_engine.domain.counts import Counts, percent
from absence_engine.domain.forecast import Ending, Outlook
from absence_engine.domain.policy import Policy
from absence_engine.domain.spans import Span
from absence_engine.domain.ticks import ref_of

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Percent = Annotated[str, StringConstraints(pattern=r"^(\d{1,2}(\.\d{1,2})?|100(\.0{1,2})?)$")]


class OutlookOut(BaseModel):
    """`certain`: at the end of the year it is crossed, whatever comes; `possible`: it may be. `may_miss`: so many of
    the sessions left may be missed without that; null when it is certain. `misses_to_reach`: so many of the next ones,
    missed in a row, bring the rate to the line; 0 when it is there, null when too few are left.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OUTLOOK]})
    certain: bool
    possible: bool
    may_miss: int | None
    misses_to_reach: int | None


class EndingOut(BaseModel):
    """An open episode, and how it ends when every session from now on is attended: after `attend` of them, at
    `ends_on`; null where the calendars do not reach so far. `ended_reason`: `year_end` when it is the year that ends.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROJECTION["open_episodes"][0]]})
    kind: str
    academic_year: str | None
    crossed_on: SessionRefOut
    provisional: bool
    attend: int | None
    ends_on: SessionRefOut | None
    ended_reason: str | None


class ProjectionOut(BaseModel):
    """What a child's year may still come to. `sessions_left`: those that the calendars of its schools plan from today
    on and that have no mark yet; `best`, `worst`: the attendance at the year's end when all of them are attended, when
    all are missed.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROJECTION]})
    pupil_id: str
    academic_year: str
    policy_version: str
    as_of: date
    child: FiguresOut
    sessions_left: int
    best_attendance_percent: str | None
    worst_attendance_percent: str | None
    persistent: OutlookOut
    severe: OutlookOut
    open_episodes: list[EndingOut]
    freshness: FreshnessOut


class WhatIfIn(BaseModel):
    """Either `attend` or `miss`: the next so many sessions. `code`: as what a missed one counts, O unless it is
    said.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"attend": 20}, {"miss": 4, "code": "I"}]}
    )
    attend: Annotated[int, Field(ge=1, le=1000)] | None = None
    miss: Annotated[int, Field(ge=1, le=1000)] | None = None
    code: Literal["C", "C1", "C2", "E", "G", "I", "J1", "M", "N", "O", "R", "S", "T", "U"] = "O"

    @model_validator(mode="after")
    def one_of_both(self) -> "WhatIfIn":
        if (self.attend is None) == (self.miss is None):
            raise ValueError("say either `attend` or `miss`")
        return self


class BandedOut(FiguresOut):
    """Figures and the policy's band for them."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BANDED]})
    band: str | None


class SpanOut(BaseModel):
    """An episode as it would be."""

    kind: str
    academic_year: str | None
    crossed_on: SessionRefOut
    firm_on: SessionRefOut | None
    ended_on: SessionRefOut | None
    ended_reason: str | None


class WhatIfOut(BaseModel):
    """A child's year as it is and as it would be after `sessions` more, fewer than asked for where the calendars plan
    fewer; and the episodes that would open, become firm, end.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WHAT_IF]})
    pupil_id: str
    academic_year: str
    policy_version: str
    as_of: date
    sessions: int
    from_: date | None = Field(serialization_alias="from")
    to: date | None
    before: BandedOut
    after: BandedOut
    opened: list[SpanOut]
    firm: list[SpanOut]
    ended: list[SpanOut]
    freshness: FreshnessOut


class TargetIn(BaseModel):
    """The attendance that is asked of a child from a day to another, both inclusive; why, and who says so."""

    model_config = ConfigDict(
        populate_by_name=True, extra="forbid", json_schema_extra={"examples": [examples.TARGET_SENT]}
    )
    attendance_percent: Percent
    from_: Annotated[date, Field(alias="from", ge=date(1900, 1, 1), le=date(2200, 1, 1))]
    to: date | None = None
    reason: Text
    by: Text

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> "TargetIn":
        if self.to is not None and self.to < self.from_:
            raise ValueError("`to` lies before `from`")
        return self


def projection(pupil_id: str, year: int, found: Projection, today: date) -> dict[str, Any]:
    """The fields of ProjectionOut."""
    c, left = found.counts, len(found.left)
    return {
        "pupil_id": pupil_id,
        "academic_year": year_name(year),
        "policy_version": found.policy.version,
        "as_of": today,
        "child": shapes.figures(c, found.policy),
        "sessions_left": left,
        "best_attendance_percent": percent(c.attended + left, c.possible + left),
        "worst_attendance_percent": percent(c.attended, c.possible + left),
        "persistent": _outlook(found.lines["PA"]),
        "severe": _outlook(found.lines["SA"]),
        "open_episodes": [_ending(one) for one in found.endings],
        "freshness": shapes.freshness(found.freshness),
    }


def what_if(pupil_id: str, year: int, found: WhatIf, today: date) -> dict[str, Any]:
    """The fields of WhatIfOut."""
    days = [date.fromordinal(one.tick // 2) for one in found.sessions]
    return {
        "pupil_id": pupil_id,
        "academic_year": year_name(year),
        "policy_version": found.policy.version,
        "as_of": today,
        "sessions": len(found.sessions),
        "from_": days[0] if days else None,
        "to": days[-1] if days else None,
        "before": banded(found.before, found.policy),
        "after": banded(found.after, found.policy),
        "opened": [_span(one) for one in found.happened.opened],
        "firm": [_span(one) for one in found.happened.firm],
        "ended": [_span(one) for one in found.happened.ended],
        "freshness": shapes.freshness(found.freshness),
    }


def banded(counts: Counts, policy: Policy) -> dict[str, Any]:
    """The fields of BandedOut."""
    return {**shapes.figures(counts, policy), "band": policy.band_of(counts.attended, counts.possible)}


def _outlook(found: Outlook) -> dict[str, Any]:
    return found._asdict()


def _ending(one: Ending) -> dict[str, Any]:
    return {
        "kind": one.span.kind,
        "academic_year": None if one.span.year is None else year_name(one.span.year),
        "crossed_on": _session(one.span.crossed),
        "provisional": one.span.firm is None,
        "attend": one.attend,
        "ends_on": _session(one.at),
        "ended_reason": one.reason,
    }


def _span(one: Span) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "academic_year": None if one.year is None else year_name(one.year),
        "crossed_on": _session(one.crossed),
        "firm_on": _session(one.firm),
        "ended_on": _session(one.ended),
        "ended_reason": one.reason,
    }


def _session(tick: int | None) -> dict[str, Any] | None:
    if tick is None:
        return None
    ref = ref_of(tick)
    return {"date": ref.date, "session": ref.session}
