"""The JSON of what changed, and of what was known."""

from datetime import datetime
from typing import Annotated, Any

from common.academic import year_name
from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from absence_engine.actions.history import EpisodeChange, Explained, Reversal, YearChange
from absence_engine.actions.known import TODAYS
from absence_engine.api import examples, shapes
from absence_engine.api.known_shapes import CHANGE, MarkChangeOut
from absence_engine.api.shapes import EpisodeOut, FiguresOut
from absence_engine.domain.history import MarkChange, moment_of
from absence_engine.domain.reversal import CODES, sentence
from absence_engine.domain.ticks import day_of, session_of

AsKnownOn = Annotated[
    AwareDatetime | None,
    Query(
        description="As it was known at this moment: from the marks that the schools' ledgers had told by then. Who "
        "the child is, roll, dates of birth, calendars and policy are today's.",
        examples=["2025-10-01T09:00:00+01:00"],
    ),
]
Since = Annotated[
    AwareDatetime,
    Query(description="What changed after this moment.", examples=["2025-09-01T00:00:00Z"]),
]
Until = Annotated[
    AwareDatetime | None,
    Query(description="Up to and including this moment; until now by default.", examples=["2025-10-01T00:00:00Z"]),
]
WithHistory = Annotated[
    bool, Query(alias="history", description="With each session, what stood in it since when, and by which entry.")
]

CHANGED: dict[str, Any] = {
    "pupil_id": examples.PUPIL_ID,
    "since": "2025-09-30T23:00:00Z",
    "until": None,
    "items": [CHANGE],
    "next": None,
    "figures": [{"academic_year": examples.YEAR, "before": examples.FIGURES, "after": examples.FIGURES}],
    "episodes": [{"episode_id": examples.EPISODE["episode_id"], "before": None, "after": examples.EPISODE}],
    "as_of_today": list(TODAYS),
}


class PupilMarkChangeOut(MarkChangeOut):
    """A change of one mark, with whose it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**CHANGE, "pupil_id": examples.PUPIL_ID}]})
    pupil_id: str


class YearChangeOut(BaseModel):
    """A child's figures of a year as they were known, before and after."""

    academic_year: str
    before: FiguresOut
    after: FiguresOut


class EpisodeChangeOut(BaseModel):
    """An episode as it was known, before and after; null where it did not stand."""

    episode_id: str
    before: EpisodeOut | None
    after: EpisodeOut | None


class PupilChangesOut(BaseModel):
    """What changed of a child: a page of its marks' changes, in time order, and what all of them together did."""

    model_config = ConfigDict(json_schema_extra={"examples": [CHANGED]})
    pupil_id: str
    since: datetime
    until: datetime | None
    items: list[MarkChangeOut]
    next: str | None
    figures: list[YearChangeOut]
    episodes: list[EpisodeChangeOut]
    as_of_today: list[str] = Field(description="What is today's, and not as it was known.")


def mark_change(one: MarkChange) -> dict[str, Any]:
    """The fields of PupilMarkChangeOut."""
    return {
        "date": day_of(one.tick),
        "session": session_of(one.tick),
        "school_urn": one.urn,
        "code_before": CODES[one.before],
        "code_after": CODES[one.after],
        "sequence": one.number,
        "time": moment_of(one.at),
        "pupil_id": one.pupil_id,
    }


def year_change(one: YearChange) -> dict[str, Any]:
    """The fields of YearChangeOut."""
    return {
        "academic_year": year_name(one.year),
        "before": shapes.figures(one.before, one.policy),
        "after": shapes.figures(one.after, one.policy),
    }


def episode_change(one: EpisodeChange) -> dict[str, Any]:
    """The fields of EpisodeChangeOut."""
    known = one.after or one.before
    assert known is not None
    return {
        "episode_id": known.episode_id,
        "before": one.before and shapes.episode(one.before),
        "after": one.after and shapes.episode(one.after),
    }


def known(on: datetime | None) -> dict[str, Any]:
    """The fields of KnownOut, where it is asked for."""
    return {} if on is None else {"as_known_on": on, "as_of_today": list(TODAYS)}


def explained(found: Explained, on: datetime | None) -> dict[str, Any]:
    """The fields of ExplainedOut."""
    answer = {**shapes.explained(found.told), **known(on)}
    if found.sessions is not None:
        for session, changes in zip(answer["sessions"], found.sessions, strict=True):
            session["history"] = [_stood(one) for one in changes]
    if found.reversal is not None:
        answer["reversal"] = _reversal(found.reversal)
    return answer


def _stood(one: MarkChange) -> dict[str, Any]:
    """What stood from an entry on."""
    return {"code": CODES[one.after], "sequence": one.number, "time": moment_of(one.at)}


def _reversal(found: Reversal) -> dict[str, Any]:
    """The fields of ReversalOut."""
    return {
        "sentence": sentence(found.at, found.marks),
        "time": None if found.at is None else moment_of(found.at),
        "marks": [mark_change(one) for one in found.marks],
    }
