"""The JSON of what is said of a child for a time: flags, part-time timetables, social workers; and of siblings."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from registers.api.parameters import DayOfLife
from registers.api.pupil_shapes import AddressOut
from registers.api.shapes import PUPIL, example
from registers.domain.flags import Kind

Source = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

OTHER = "7b1c5a2e-8e0f-4a57-9d4e-2f9a61b0c7d2"
FLAG: dict[str, Any] = {"flag": "CIN", "from": "2025-09-01", "to": None, "source": "social-care"}
FLAG_OUT: dict[str, Any] = {**FLAG, "school_urn": None}
PLAN: dict[str, Any] = {
    "from": "2025-10-01", "to": "2025-11-14", "review_on": "2025-10-24", "reviewed_on": None,
    "agreed_by": ["Robin Green, mother", "J. Field, head of year"],
}  # fmt: skip
SOCIAL_WORKER: dict[str, Any] = {
    "name": "A. Brook", "email": "a.brook@example.org", "phone": "0121 496 0001", "from": "2025-09-01", "to": None,
}  # fmt: skip


class Dated(BaseModel):
    """From one day to another, both inclusive; `to` is null while nobody knows."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")
    from_: DayOfLife = Field(alias="from")
    to: DayOfLife | None = None


class FlagIn(Dated):
    """That something holds of a child for a time, as `source` says: a short word, such as `social-care`."""

    flag: Kind
    source: Source


class FlagsIn(BaseModel):
    """What some sources say of a child: all of it. `sources` names those that say nothing any more as well."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"flags": [FLAG]}]})
    flags: Annotated[list[FlagIn], Field(max_length=500)]
    sources: Annotated[list[Source], Field(max_length=50)] = []


class FlagOut(BaseModel):
    """A flag, and the school that said so, if it was one."""

    model_config = ConfigDict(populate_by_name=True)
    flag: str
    from_: date = Field(alias="from")
    to: date | None
    source: str
    school_urn: int | None


class PupilFlags(BaseModel):
    """What is said of a child for a time."""

    model_config = example(pupil_id=PUPIL, flags=[FLAG_OUT])
    pupil_id: str
    flags: list[FlagOut]


class FlagsWritten(PupilFlags):
    """All that is said now, and where it was told: in the ledger of a school that knows the child."""

    model_config = example(pupil_id=PUPIL, flags=[FLAG_OUT], school_urn=100001, sequence=814)
    school_urn: int
    sequence: int


class SchoolFlags(PupilFlags):
    """A pupil of whom something holds on a day, or who had a social worker by then."""

    model_config = example(pupil_id=PUPIL, flags=[FLAG_OUT], social_worker=True, ever_social_worker=True)
    social_worker: bool = Field(description="CLA, CIN or CP holds on the day.")
    ever_social_worker: bool = Field(description="One of them has held by then, or somebody says so.")


class PlanIn(Dated):
    """A part-time timetable: when it is to be looked at again, when it was, and who agreed to it."""

    review_on: DayOfLife
    reviewed_on: DayOfLife | None = None
    agreed_by: Annotated[list[Text], Field(max_length=20)]


class PlansIn(BaseModel):
    """All part-time timetables of a pupil at a school, earlier ones included."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"plans": [PLAN]}]})
    plans: Annotated[list[PlanIn], Field(max_length=50)]


class PlanOut(BaseModel):
    """A part-time timetable; `overdue`: it goes on, and its review is past and has not been held."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={"examples": [{"school_urn": 100001, "pupil_id": PUPIL, **PLAN, "overdue": True}]},
    )
    school_urn: int
    pupil_id: str
    from_: date = Field(alias="from")
    to: date | None
    review_on: date
    reviewed_on: date | None
    agreed_by: list[str]
    overdue: bool


class PlansWritten(BaseModel):
    """A pupil's part-time timetables at a school, and the last number of its ledger that they stand behind."""

    model_config = example(school_urn=100001, pupil_id=PUPIL, sequence=815, plans=[PLAN])
    school_urn: int
    pupil_id: str
    sequence: int
    plans: list[PlanIn]


class SocialWorker(Dated):
    """A child's social worker, and how to reach this person."""

    name: Text
    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    phone: Annotated[str, StringConstraints(max_length=50)] | None = None


class SocialWorkersIn(BaseModel):
    """All social workers of a child, earlier ones included."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"social_workers": [SOCIAL_WORKER]}]})
    social_workers: Annotated[list[SocialWorker], Field(max_length=50)]


class SocialWorkersOut(BaseModel):
    """A child's social workers, by their first day. Never in an event."""

    model_config = example(pupil_id=PUPIL, social_workers=[SOCIAL_WORKER])
    pupil_id: str
    social_workers: list[SocialWorker]


class SiblingsIn(BaseModel):
    """Whom somebody knows to be a sibling of a child, and who is none though the two share a household."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"siblings": [OTHER]}]})
    siblings: Annotated[list[UUID], Field(max_length=50)]
    not_siblings: Annotated[list[UUID], Field(max_length=50)] = []


class Household(BaseModel):
    """An address that the child shares with a contact, and the children who live there as well."""

    address: AddressOut
    pupil_ids: list[str]


class SiblingOut(BaseModel):
    """A sibling, as far as the caller may see, and how that is known."""

    pupil_id: str
    because: list[Literal["same-household", "said"]]


class SiblingsOut(BaseModel):
    """A child's households and siblings."""

    model_config = example(
        pupil_id=PUPIL,
        households=[{"address": {"lines": ["1 High Street"], "postcode": "B1 1AA"}, "pupil_ids": [PUPIL, OTHER]}],
        siblings=[{"pupil_id": OTHER, "because": ["same-household"]}],
    )
    pupil_id: str
    households: list[Household]
    siblings: list[SiblingOut]
