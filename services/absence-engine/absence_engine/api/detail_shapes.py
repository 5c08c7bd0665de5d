"""The JSON of a child's figures, and of what stands behind them."""

from datetime import date, datetime
from typing import Any

from common.academic import year_name
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.actions.figures import PupilFigures, StayFigures
from absence_engine.api import examples, shapes
from absence_engine.api.answer_shapes import lost
from absence_engine.api.count_shapes import counts
from absence_engine.api.known_shapes import KnownOut
from absence_engine.api.shapes import CountsOut, FiguresOut, FreshnessOut, PenaltyOut, StayOut
from absence_engine.domain.counts import percent
from absence_engine.store.targets import Target


class HalfDaysOut(BaseModel):
    """Days with two possible sessions of which one alone was missed: the morning, the afternoon."""

    am: int
    pm: int


class DfeStayOut(StayOut):
    """An enrolment as DfE's statistics count it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STAY]})


class PersonalTargetOut(BaseModel):
    """What attendance is asked of a child, from when to when, why, and who said so when."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TARGET]})
    attendance_percent: str
    from_: date = Field(serialization_alias="from")
    to: date | None
    reason: str
    by: str
    said_at: datetime


class DetailOut(BaseModel):
    """What stands behind the child's figures. `by_code`: sessions. `physically_present`: sessions on the school's site;
    one with a U is, and counts as absence. `attended_when_able_percent`: of the possible sessions without those missed
    for illness or a medical appointment. `ever`: the years in which an episode was firm. `dfe`: the enrolments that
    DfE's statistics count, as they do. `compulsory_school_age` is that of the last day that the answer looks at; null
    while no date of birth is known.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DETAIL]})
    band: str | None
    days_lost: str
    hours_lost: str
    by_code: dict[str, int]
    by_weekday: dict[str, CountsOut]
    half_days: HalfDaysOut
    physically_present: int
    attended_when_able_percent: str | None
    compulsory_school_age: bool | None
    ever: dict[str, list[str]]
    dfe: list[DfeStayOut]
    personal_target: PersonalTargetOut | None


class PupilOut(KnownOut):
    """A child's year: the child's own figures, its enrolments', and the penalty threshold."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PUPIL]})
    pupil_id: str = Field(examples=[examples.PUPIL_ID])
    academic_year: str
    as_of: date | None
    policy_version: str
    child: FiguresOut
    enrolments: list[StayOut]
    penalty: PenaltyOut
    detail: DetailOut
    freshness: FreshnessOut


def detail(found: PupilFigures) -> dict[str, Any]:
    """The fields of DetailOut."""
    d, c, policy = found.detail, found.counts, found.policy
    return {
        "band": policy.band_of(c.attended, c.possible),
        **lost(c.absent, policy),
        "by_code": dict(d.by_code),
        "by_weekday": {name: counts(each) for name, each in d.by_weekday.items()},
        "half_days": d.half_days._asdict(),
        "physically_present": d.physically_present,
        "attended_when_able_percent": percent(c.attended, d.able),
        "compulsory_school_age": found.compulsory,
        "ever": {kind: [year_name(year) for year in years] for kind, years in found.ever.items()},
        "dfe": [
            shapes.stay(StayFigures(found.child.record.pupil_id, stay, counts), policy) for stay, counts in found.dfe
        ],
        "personal_target": None if found.target is None else target(found.target),
    }


def target(told: Target) -> dict[str, Any]:
    """The fields of PersonalTargetOut."""
    return {
        "attendance_percent": f"{told.attendance // 100}.{told.attendance % 100:02d}",
        "from_": told.from_,
        "to": told.to,
        "reason": told.reason,
        "by": told.by,
        "said_at": told.said_at,
    }
