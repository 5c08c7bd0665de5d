"""The JSON of an episode's evidence, which `scripts/check-evidence` reads."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from absence_engine.actions.evidence import Evidence
from absence_engine.api import examples
from absence_engine.api.shapes import SequenceOut, SessionOut, SessionRefOut
from absence_engine.domain.claims import Episode
from absence_engine.domain.events import Told
from absence_engine.domain.evidence import FORMAT
from absence_engine.domain.history import moment_of

EXPLAINED = examples.EXPLAINED
EVIDENCE: dict[str, Any] = {
    "format": FORMAT,
    "episode_id": examples.EPISODE["episode_id"],
    "state": "open",
    "as_known_on": None,
    "reproduced": True,
    "pupil_id": examples.PUPIL_ID,
    "kind": "PA",
    "academic_year": examples.YEAR,
    "crossed_on": EXPLAINED["crossed_on"],
    "firm_on": EXPLAINED["firm_on"],
    "up_to": EXPLAINED["firm_on"],
    "rule": {"rule": "rate", "part": 1, "of": 10, "minimum_possible": 40, "recovery_sessions": 10},
    "policy_version": examples.POLICY,
    "compulsory_school_age": {"from": "2019-08-31", "to": "2030-06-28"},
    "flags": [],
    "spent": [],
    "codes": {
        "I": {
            "meaning": "Illness",
            "possible": True,
            "attended": False,
            "absence": "authorised",
            "late": None,
            "valid_from": "2006-09-01",
            "valid_to": None,
        }
    },
    "sessions": [examples.SESSION],
    "enrolments": [{"school_urn": examples.URN, "from": "2025-09-01", "to": None, "kind": "single"}],
    "calendars": [{"school_urn": examples.URN, "days": [{"date": "2025-09-30", "sessions": ["AM", "PM"]}]}],
    "explanation": {name: EXPLAINED[name] for name in ("sentence", "sessions", "school_weeks", "formula", "hash")},
    "sequence": EXPLAINED["sequence"],
}


class CodeOut(BaseModel):
    """What a code means, and what a session with it counts as; the session dates on which it may be used."""

    meaning: str
    possible: bool
    attended: bool
    absence: str | None
    late: str | None
    valid_from: date
    valid_to: date | None


class AgeOut(BaseModel):
    """First and last day of compulsory school age."""

    from_: date = Field(alias="from")
    to: date


class FlagOut(AgeOut):
    """A flag, and when the child has it."""

    flag: str
    to: date | None  # pyright: ignore[reportIncompatibleVariableOverride]


class EvidenceStayOut(BaseModel):
    """A stay on a school's roll."""

    school_urn: int
    from_: date = Field(alias="from")
    to: date | None
    kind: str


class OpenDayOut(BaseModel):
    """A day on which a school is open, and for which sessions."""

    date: date
    sessions: list[str]


class EvidenceCalendarOut(BaseModel):
    """A school's open days, for the time that the evidence is of."""

    school_urn: int
    days: list[OpenDayOut]


class SaidOut(BaseModel):
    """What was said of the episode; `hash` as in its explanation."""

    sentence: str
    sessions: list[SessionOut]
    school_weeks: list[str]
    formula: dict[str, int | str]
    hash: str


class EvidenceOut(BaseModel):
    """All that it takes to count an episode by hand.

    `sessions`: the child's, with the code that counted, of the year, of the window and the weeks before it, or of the
    run and the days around it. `up_to`: the session as at which the explanation is. `rule`: the threshold as the policy
    has it. Of a reversed episode `as_known_on` is a moment before it was taken back; `reproduced` says whether the
    marks known then, with today's roll, calendars, facts and policy, give the explanation.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EVIDENCE]})
    format: str
    episode_id: str
    state: str
    as_known_on: datetime | None
    reproduced: bool
    pupil_id: str
    kind: str
    academic_year: str | None
    crossed_on: SessionRefOut
    firm_on: SessionRefOut | None
    up_to: SessionRefOut
    rule: dict[str, Any]
    policy_version: str
    compulsory_school_age: AgeOut | None
    flags: list[FlagOut]
    spent: list[SessionRefOut]
    codes: dict[str, CodeOut]
    sessions: list[SessionOut]
    enrolments: list[EvidenceStayOut]
    calendars: list[EvidenceCalendarOut]
    explanation: SaidOut
    sequence: list[SequenceOut]


def shown(told: Told, found: Evidence) -> dict[str, Any]:
    """The fields of EvidenceOut."""
    episode: Episode = told.episode
    return {
        **found.document,
        "episode_id": episode.episode_id,
        "state": episode.state,
        "as_known_on": None if found.at is None else moment_of(found.at),
        "reproduced": found.reproduced,
        "sequence": [{"school_urn": one.school_urn, "sequence": one.sequence} for one in told.sequence],
    }
