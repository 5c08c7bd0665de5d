"""The JSON of tasks and cases."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from casework.domain.values import Case, Entry, Task

TASK_EXAMPLE: dict[str, Any] = {
    "task_id": "5c1f9a52-6a44-5f0a-9d3a-0f6f0c3f8d11",
    "kind": "support_review",
    "pupil_id": "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01",
    "school_urn": 100001,
    "episode_id": "8f3f4c7e-5d0b-5f36-8f1a-3c1d0a9b7e55",
    "letter_id": None,
    "case_id": "d2c1a8f0-9f0e-5c39-9c42-1f3b2a6d7c88",
    "status": "open",
    "owner": None,
    "due_on": "2025-10-14",
    "overdue": False,
    "reason": "4 of 40 possible sessions were missed (10.00%). Review with the family what support would help.",
    "outcome": None,
    "note": None,
    "opened_at": "2025-09-30T13:20:05Z",
    "closed_at": None,
}

CASE_EXAMPLE: dict[str, Any] = {
    "case_id": TASK_EXAMPLE["case_id"],
    "pupil_id": TASK_EXAMPLE["pupil_id"],
    "status": "open",
    "opened_at": "2025-09-30T13:20:05Z",
}

ENTRY_EXAMPLE: dict[str, Any] = {
    "at": "2025-09-30T13:20:04Z",
    "kind": "episode-crossed",
    "text": "Persistent absence: threshold crossed on 2025-09-30.",
    "school_urn": 100001,
    "episode_id": TASK_EXAMPLE["episode_id"],
    "task_id": None,
    "letter_id": None,
}


FILE_EXAMPLE: dict[str, Any] = {**CASE_EXAMPLE, "tasks": [TASK_EXAMPLE], "timeline": [ENTRY_EXAMPLE]}


class TaskOut(BaseModel):
    """A task. `letter_id` is set on the kinds that are about one letter, `episode_id` is null for `establish_reason`;
    `outcome` and `note` are set once it is done.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [TASK_EXAMPLE]})
    task_id: str
    kind: str = Field(
        description="support_review, multi_agency_plan, consider_notice, attendance_return, joint_enquiry, "
        "sickness_return, inform_social_worker, establish_reason, already_sent, check_sending, check_recipient, and "
        "whatever an authority's own policy names."
    )
    pupil_id: str
    school_urn: int
    episode_id: str | None
    letter_id: str | None
    case_id: str
    status: Literal["open", "done", "cancelled"]
    owner: str | None
    due_on: date
    overdue: bool = Field(description="The last of the school days in which to do it has come (`establish_reason`).")
    reason: str
    outcome: str | None
    note: str | None
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> "TaskOut":
        return cls(**{name: getattr(task, name) for name in cls.model_fields})


class CaseOut(BaseModel):
    """A child's case."""

    model_config = ConfigDict(json_schema_extra={"examples": [CASE_EXAMPLE]})
    case_id: str
    pupil_id: str
    status: Literal["open", "closed"]
    opened_at: datetime

    @classmethod
    def of(cls, case: Case) -> "CaseOut":
        return cls(**{name: getattr(case, name) for name in cls.model_fields})


class EntryOut(BaseModel):
    """One line of a timeline: what happened, in plain words, and the ids of what it happened to."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY_EXAMPLE]})
    at: datetime
    kind: str
    text: str
    school_urn: int | None
    episode_id: str | None
    task_id: str | None
    letter_id: str | None

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class CaseFileOut(CaseOut):
    """A case with its tasks and its timeline, oldest line first, as far as the caller's schools reach."""

    model_config = ConfigDict(json_schema_extra={"examples": [FILE_EXAMPLE]})
    tasks: list[TaskOut]
    timeline: list[EntryOut]


class Completion(BaseModel):
    """What came of a task: `outcome` in a few words, `note` at more length. Both stay in casework."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"outcome": "support_agreed", "note": "Breakfast club from Monday."}]},
    )
    outcome: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    note: Annotated[str, StringConstraints(max_length=4000)] | None = None


class Ownership(BaseModel):
    """Who has the task in hand: an account's identifier, not a name; null for nobody."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"owner": "officer-17"}]})
    owner: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@-]{1,100}$")] | None
