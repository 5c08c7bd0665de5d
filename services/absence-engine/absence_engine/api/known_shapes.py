"""The JSON of what stood when: parts of other answers."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from absence_engine.api import examples

CHANGE: dict[str, Any] = {
    "date": "2025-09-30",
    "session": "PM",
    "school_urn": examples.URN,
    "code_before": "N",
    "code_after": "I",
    "sequence": 812,
    "time": "2025-10-01T08:15:00.000Z",
}


class KnownOut(BaseModel):
    """Of an answer as known at a moment: which, and what in it is today's all the same. Left out of others."""

    as_known_on: datetime | None = None
    as_of_today: list[str] | None = None


class StoodOut(BaseModel):
    """What stood in a session (null: no mark) from an entry of the school's ledger on, and the entry's time."""

    code: str | None
    sequence: int
    time: datetime


class MarkChangeOut(BaseModel):
    """A change of one mark by an entry of the school's ledger: its number and time. A code is null where no mark stood,
    or stands: a first mark, a deletion, a move into quarantine or out of it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [CHANGE]})
    date: date
    session: str
    school_urn: int
    code_before: str | None
    code_after: str | None
    sequence: int
    time: datetime


class ReversalOut(BaseModel):
    """What took an episode back: changes of marks at one moment; no moment and no marks when it was something else."""

    sentence: str
    time: datetime | None
    marks: list[MarkChangeOut]
