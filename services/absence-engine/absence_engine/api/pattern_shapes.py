"""The JSON of patterns of absence."""

from datetime import date, datetime
from typing import Any, Literal

from common.academic import year_name
from common.web import Page
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.api import examples, shapes
from absence_engine.api.shapes import FreshnessOut, SessionOut
from absence_engine.domain.patterns.kept import Kept, Shown
from absence_engine.domain.patterns.rules import KINDS
from absence_engine.domain.policy import Policy
from absence_engine.store.progress import Freshness

SHOWN: dict[str, Any] = {
    "kind": "weekday",
    "what": "Tuesday",
    "sentence": "Absences gather on Tuesdays: 4 of 5 Tuesdays were missed whole or in part, and 0 of 15 other days. "
    "Dealt out by lot, so many would fall there in at most one of 1,000 years.",
    "sessions": [
        {"date": day, "session": "PM", "code": "I", "school_urn": examples.URN}
        for day in ("2025-09-09", "2025-09-16", "2025-09-23", "2025-09-30")
    ],
    "numbers": {"missed": 4, "possible": 5, "missed_elsewhere": 0, "possible_elsewhere": 15},
}
SHARED: dict[str, Any] = {
    "kind": "sibling_synchronous",
    "what": "0b0c1f6a-6a0e-4b7c-9a4e-0c6d5b1f2a3f",
    "sentence": "Absences are shared with a sibling: of 40 days on which both could come, the child missed 4 and the "
    "sibling 5, whole or in part; 4 of these were the same, in 4 separate absences. Dealt out by lot, so many would be "
    "shared in at most one of 1,000 years.",
    "sessions": [
        {"date": day, "session": half, "code": "O", "school_urn": examples.URN}
        for day in ("2025-09-08", "2025-09-19", "2025-10-06", "2025-10-17")
        for half in ("AM", "PM")
    ],
    "numbers": {"shared": 4, "shared_days": 4, "missed": 4, "sibling_missed": 5, "possible": 40},
}
KEPT: dict[str, Any] = {
    **SHOWN,
    "pattern_id": "c1d0c0de-1111-4222-8333-444455556666",
    "pupil_id": examples.PUPIL_ID,
    "academic_year": examples.YEAR,
    "state": "standing",
    "school_urn": examples.URN,
    "policy_version": examples.POLICY,
    "detected_at": "2025-09-30T15:00:00Z",
    "gone_at": None,
}
PUPIL: dict[str, Any] = {
    "pupil_id": examples.PUPIL_ID,
    "academic_year": examples.YEAR,
    "policy_version": examples.POLICY,
    "as_of": "2025-10-18",
    "items": [SHOWN, SHARED],
    "freshness": examples.FRESHNESS,
}


class ShownOut(BaseModel):
    """A pattern of absence: its sentence, the sessions behind it, the integers of the sentence."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHOWN, SHARED]})
    kind: str = Field(description=", ".join(KINDS))
    what: str = Field(
        description="Which of several of that kind: a weekday, AM or PM, both; the sibling (`pupil_id`), empty for a "
        "caller who may see none of its schools; else empty."
    )
    sentence: str
    sessions: list[SessionOut]
    numbers: dict[str, int]


class PatternsOut(BaseModel):
    """The patterns of a child's year, as its marks are now."""

    model_config = ConfigDict(json_schema_extra={"examples": [PUPIL]})
    pupil_id: str
    academic_year: str
    policy_version: str
    as_of: date
    items: list[ShownOut]
    freshness: FreshnessOut


class KeptOut(ShownOut):
    """A pattern as it was said last, when the school was looked at after a school day."""

    model_config = ConfigDict(json_schema_extra={"examples": [KEPT]})
    pattern_id: str
    pupil_id: str
    academic_year: str
    state: Literal["standing", "gone"]
    school_urn: int = Field(description="The school of the last session behind it.")
    policy_version: str
    detected_at: datetime
    gone_at: datetime | None


class SchoolPatternsOut(Page[KeptOut]):
    """A page of patterns, the latest first, and how far the school is counted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [KEPT], "next": None, "as_of": "2025-10-18", "freshness": examples.FRESHNESS}]
        }
    )
    as_of: date
    freshness: FreshnessOut


def patterns(
    pupil_id: str, year: int, today: date, policy: Policy, found: list[Shown], freshness: list[Freshness]
) -> dict[str, Any]:
    """The fields of PatternsOut."""
    return {
        "pupil_id": pupil_id,
        "academic_year": year_name(year),
        "policy_version": policy.version,
        "as_of": today,
        "items": [_shown(one) for one in found],
        "freshness": shapes.freshness(freshness),
    }


def kept(one: Kept) -> dict[str, Any]:
    """The fields of KeptOut."""
    return {
        **_shown(one.shown),
        "pattern_id": one.pattern_id,
        "pupil_id": one.pupil_id,
        "academic_year": year_name(one.shown.year),
        "state": one.state,
        "school_urn": one.school_urn,
        "policy_version": one.shown.policy_version,
        "detected_at": one.detected_at,
        "gone_at": one.gone_at,
    }


def _shown(one: Shown) -> dict[str, Any]:
    sessions = [
        {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn} for s in one.sessions
    ]
    return {
        "kind": one.kind,
        "what": one.what,
        "sentence": one.sentence,
        "sessions": sessions,
        "numbers": one.numbers,
    }
