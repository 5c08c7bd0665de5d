"""The JSON of policy sets."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, WithJsonSchema

from absence_engine.domain.policy import policies, written
from absence_engine.store.policies import PolicyRow

LA_CODE, VERSION = "330", "330-2026.1"
SHIPPED: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(written(policies()[-1])))
THRESHOLDS: dict[str, Any] = SHIPPED["thresholds"]
PERSISTENT: dict[str, Any] = THRESHOLDS["PA"] | {"of": 12}
DOCUMENT: dict[str, Any] = SHIPPED | {
    "version": VERSION,
    "valid_from": "2026-01-05",
    "source": "Attendance strategy of the council, 2026",
    "thresholds": THRESHOLDS | {"PA": PERSISTENT},
}
SUMMARY: dict[str, Any] = {
    "la_code": LA_CODE,
    "version": VERSION,
    "state": "published",
    "in_force": True,
    "valid_from": "2026-01-05",
    "author": "council",
    "created_at": "2025-12-01T10:00:00Z",
    "changed_at": "2025-12-08T10:00:00Z",
    "published_by": "A. Head, attendance lead",
    "published_at": "2025-12-08T10:00:00Z",
    "reason": None,
}
POLICY: dict[str, Any] = SUMMARY | {"document": DOCUMENT}


def _is_a_day(value: object) -> object:
    """Pydantic would take a number of seconds for a date."""
    if not isinstance(value, str) or len(value) != len("2026-01-05"):
        raise ValueError("a date looks like 2026-01-05")
    return value


Day = Annotated[
    date,
    BeforeValidator(_is_a_day),
    Field(ge=date(2000, 1, 1), le=date(2099, 12, 31)),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"}),
]


class PolicyIn(BaseModel):
    """A policy: its numbers by threshold, its bands and stages. `docs/decisions/thresholds.md` tells the four rules."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [DOCUMENT]})
    version: StrictStr | None = Field(None, description="The version in the path; may be left out.")
    valid_from: Day | None = Field(None, description="From when it is meant to hold; the publication says it.")
    source: StrictStr | None = Field(None, description="What it rests on: a law, a decision of the council.")
    suppress_below: StrictInt | None = Field(None, description="Smaller numbers of children are not shown.")
    minutes_per_session: StrictInt | None = None
    bands: list[dict[str, Any]] | None = Field(None, description="Ranges of attendance, from the highest down to 0.")
    thresholds: dict[str, dict[str, Any]] = Field(
        description="By kind, PA, SA and PN_10_IN_10 among them; a kind that is left out has no episodes."
    )
    stages: dict[str, dict[str, Any]] | None = Field(None, description="By kind, the task that a crossing calls for.")
    patterns: dict[str, dict[str, Any] | None] | None = Field(
        None, description="By kind, what it takes for a pattern of absence; null: it is not looked for."
    )

    def document(self) -> dict[str, Any]:
        """What was sent, and nothing else."""
        sent = self.model_dump(mode="json", exclude_none=True)
        return sent if self.patterns is None else sent | {"patterns": self.patterns}  # null there says something


class PolicySummaryOut(BaseModel):
    """A version of a policy. `in_force`: it is what holds today for those whom the authority asked about has."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})
    la_code: str = Field(description="The authority, or `england` for what ships.")
    version: str
    state: Literal["draft", "published"]
    in_force: bool
    valid_from: date
    author: str = Field(description="Whose token wrote it.")
    created_at: datetime
    changed_at: datetime
    published_by: str | None
    published_at: datetime | None
    reason: str | None = Field(description="Why it was made to hold from a day on that had passed.")


class PolicyOut(PolicySummaryOut):
    """A version of a policy with its document; what has its default is left out of that."""

    model_config = ConfigDict(json_schema_extra={"examples": [POLICY]})
    document: dict[str, Any]


class PublicationIn(BaseModel):
    """From when a draft holds, and who says so. A day that has passed has to be said to be one, with a reason."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"valid_from": "2026-01-05", "by": "A. Head, attendance lead"}]}
    )
    valid_from: Day
    by: str = Field(min_length=1, max_length=200, description="The name and position of the person who decided.")
    retroactive: bool = False
    reason: str | None = Field(None, min_length=1, max_length=1000)


def summary(row: PolicyRow, in_force: str) -> dict[str, Any]:
    """The fields of PolicySummaryOut; `in_force` is the version that holds today."""
    return {
        "la_code": row.la_code,
        "version": row.version,
        "state": row.state,
        "in_force": row.state == "published" and row.version == in_force,
        "valid_from": row.valid_from,
        "author": row.author,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
        "published_by": row.published_by,
        "published_at": row.published_at,
        "reason": row.reason,
    }


def policy(row: PolicyRow, in_force: str) -> PolicyOut:
    """A version whole."""
    return PolicyOut(**summary(row, in_force), document=row.content)
