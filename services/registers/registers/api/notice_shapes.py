"""The JSON of parents' absence notices."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from registers.api.parameters import DayOfLife
from registers.api.shapes import PUPIL, example
from registers.domain.absence_notices import Channel, Match, State
from registers.domain.notice_gaps import Kind

Half = Literal["AM", "PM"]
Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _is_text(value: object) -> object:
    """Pydantic would take a number of seconds for a time."""
    if not isinstance(value, str | datetime):
        raise ValueError("a time looks like 2025-09-15T08:41:00+01:00")
    return value


Time = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC)), BeforeValidator(_is_text)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
NOTICE_ID = "c2f0a7de-0f0b-4f55-8f3a-0a4d5c1e7b90"
CONTACT_ID = "6a1f7c1c-8a52-5d3a-9a61-3a6f0f0d9f20"
SPAN: dict[str, Any] = {"from": "2025-09-15", "from_session": "AM", "to": None, "to_session": None}
CONTENT: dict[str, Any] = {
    "channel": "telephone", "given_at": "2025-09-15T08:41:00+01:00", **SPAN, "reason": "A temperature since the night",
    "suggested_code": "I", "noted_by": "J. Field, school office",
}  # fmt: skip
GIVEN: dict[str, Any] = {"given_by": {"contact_id": CONTACT_ID}, **CONTENT}
NOTICE: dict[str, Any] = {
    "notice_id": NOTICE_ID, "school_urn": 100001, "pupil_id": PUPIL, "local_id": "1042", "state": "given", "version": 1,
    "given_by": {"contact_id": CONTACT_ID, "name": "Robin Green", "relation": "mother", "barred": False},
    **CONTENT, "noted_at": "2025-09-15T07:42:10Z", "why": None,
}  # fmt: skip
SESSION: dict[str, Any] = {
    "school_urn": 100001, "date": "2025-09-15", "session": "AM", "code": "N", "match": "to-settle",
}  # fmt: skip
SAID: dict[str, Any] = {"noted_by": "J. Field, school office", "why": "The parent rang again"}
WHY = "Why it was changed."
REASON = "What the parent said, in free text. It stays here: no event and no log has it."


class GiverIn(BaseModel):
    """Who told the school: a contact of the pupil (`contact_id`, or the school's own `local_id` of the contact), or
    somebody by `name` and `relation`.
    """

    model_config = ConfigDict(extra="forbid")
    contact_id: UUID | None = None
    local_id: Key | None = None
    name: Text | None = None
    relation: Text | None = None

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        is_contact = self.contact_id is not None or self.local_id is not None
        if is_contact == (self.name is not None) or (is_contact and self.relation is not None):
            raise ValueError("give a contact, or a name with a relation")
        return self


class SpanIn(BaseModel):
    """From one session to another, both included. `to` null or left out: nobody knows yet; the notice is then about
    its first day.
    """

    from_: DayOfLife = Field(alias="from")
    from_session: Half = "AM"
    to: DayOfLife | None = None
    to_session: Half | None = Field(default=None, description="Of `to`; the afternoon when left out.")


class CorrectionIn(SpanIn):
    """All that a notice says from now on. `given_at`: when the school was told; as before when left out."""

    model_config = ConfigDict(
        populate_by_name=True, extra="forbid", json_schema_extra={"examples": [{**GIVEN, "why": SAID["why"]}]}
    )
    given_by: GiverIn
    channel: Channel
    given_at: Time | None = None
    reason: Annotated[Reason | None, Field(description=REASON)] = None
    suggested_code: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="The attendance code that the reason seems to mean. It changes no mark."
    )
    noted_by: Text | None = Field(default=None, description="Who took the notice down at the school.")
    why: Text | None = Field(default=None, description=WHY)


class NoticeIn(CorrectionIn):
    """A notice, and the pupil whom it is about: by `local_id`, `upn` or `pupil_id`. `given_at` left out: now."""

    model_config = ConfigDict(
        populate_by_name=True, extra="forbid", json_schema_extra={"examples": [{"local_id": "1042", **GIVEN}]}
    )
    pupil_id: UUID | None = None
    upn: Key | None = None
    local_id: Key | None = None


class WithdrawalIn(BaseModel):
    """Who notes that the notice counts no longer, and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SAID]})
    noted_by: Text | None = None
    why: Text | None = Field(default=None, description=WHY)


class GiverOut(BaseModel):
    """Who told the school, as called then; `contact_id` null: nobody whom the school has as a contact. `barred`: a
    court order barred the contact on that day.
    """

    contact_id: str | None
    name: str
    relation: str | None
    barred: bool


class VersionOut(BaseModel):
    """What a notice says, or said."""

    model_config = ConfigDict(populate_by_name=True)
    version: int
    state: State
    given_by: GiverOut
    channel: str
    given_at: datetime
    from_: date = Field(alias="from")
    from_session: Half
    to: date | None
    to_session: Half | None
    reason: str | None
    suggested_code: str | None
    noted_at: datetime
    noted_by: str | None
    why: str | None


class NoticeOut(VersionOut):
    """A notice as it is now, without any mark: who may give notices need not be one who may see registers."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [NOTICE]})
    notice_id: str
    school_urn: int
    pupil_id: str
    local_id: str | None


class CoveredSession(BaseModel):
    """A session that a notice covers. `match`: `awaited` (no mark stands), `agrees` (absent and explained), `to-settle`
    (N), `unexplained` (O without a reason), `present` (the pupil was seen, though an absence was announced).
    """

    school_urn: int
    date: date
    session: Half
    code: str | None
    match: Match


class MatchedNotice(NoticeOut):
    """A notice with the sessions that it covers, as the school's calendar and the roll have them; none of a withdrawn
    one.
    """

    model_config = ConfigDict(
        populate_by_name=True, json_schema_extra={"examples": [{**NOTICE, "sessions": [SESSION]}]}
    )
    sessions: list[CoveredSession]


class WholeNotice(MatchedNotice):
    """A notice with what it said before, backwards."""

    model_config = ConfigDict(
        populate_by_name=True, json_schema_extra={"examples": [{**NOTICE, "sessions": [SESSION], "history": []}]}
    )
    history: list[VersionOut]


class AbsentSession(BaseModel):
    """A session at which a pupil was absent."""

    session: Half
    code: str


class GapNotice(BaseModel):
    """The notice that came late, or the last one about an earlier day of the absence."""

    model_config = ConfigDict(populate_by_name=True)
    notice_id: str
    given_at: datetime
    from_: date = Field(alias="from")
    to: date | None


class GapOut(BaseModel):
    """An absence that nobody told of in time. `sessions`: those that no notice covers, or all when one came late.
    `absent_since`, `days_absent`: the run of absence that it belongs to, by the school's own days; it is followed for
    60 days.
    """

    pupil_id: str
    local_id: str | None
    kind: Kind
    sessions: list[AbsentSession]
    due_at: datetime = Field(description="Until when the school had to be told.")
    absent_since: date
    days_absent: int
    notice: GapNotice | None


class Due(BaseModel):
    """Until when an absence from the session had to be told."""

    AM: datetime
    PM: datetime


class GapCounts(BaseModel):
    """Pupils with an absence that parents have to tell of, and how these came out."""

    absent: int
    told: int
    not_due_yet: int
    first_day_late: int
    first_day_missing: int
    further_day_missing: int


class GapsOut(BaseModel):
    """A day's absences that nobody told of in time, one page of them; the counts are those of the whole day."""

    model_config = example(
        school_urn=100001,
        date="2025-09-15",
        as_of="2025-09-15T10:00:00+01:00",
        due={"AM": "2025-09-15T09:15:00+01:00", "PM": "2025-09-15T13:45:00+01:00"},
        counts={
            "absent": 9, "told": 7, "not_due_yet": 0, "first_day_late": 1, "first_day_missing": 0,
            "further_day_missing": 1,
        },
        items=[
            {
                "pupil_id": PUPIL, "local_id": "1042", "kind": "further-day-missing",
                "sessions": [{"session": "AM", "code": "I"}], "due_at": "2025-09-15T09:15:00+01:00",
                "absent_since": "2025-09-12", "days_absent": 2,
                "notice": {
                    "notice_id": NOTICE_ID, "given_at": "2025-09-12T07:55:00Z", "from": "2025-09-12", "to": None,
                },
            }
        ],
        next=None,
    )  # fmt: skip
    school_urn: int
    date: date
    as_of: datetime
    due: Due
    counts: GapCounts
    items: list[GapOut]
    next: str | None
