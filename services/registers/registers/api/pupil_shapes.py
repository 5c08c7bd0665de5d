"""The JSON of what is told of a child: roll, lookup, contacts."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from registers.api.shapes import PUPIL, ROLL_EXAMPLE, SCHOOL, example
from registers.domain.roll import Sex


class EnrolmentOut(BaseModel):
    """A stay on the roll, both dates inclusive; of the last four, what nobody said is left out."""

    model_config = ConfigDict(populate_by_name=True)
    from_: date = Field(alias="from")
    to: date | None
    kind: Literal["single", "main", "subsidiary", "guest"]
    home_la: str | None = None
    leaving_reason: str | None = None
    destination: str | None = None
    registration_group: str | None = None


class RollPupil(BaseModel):
    """A child on a school's roll, now or earlier."""

    model_config = example(
        pupil_id=PUPIL, local_ids=["1042"], upn="H869200124007", given_name="Sam", family_name="Green",
        date_of_birth="2014-03-09", sex="female", year_group=6, flags=["FSM"],
        enrolments=[{"from": "2025-09-01", "to": None, "kind": "single"}],
    )  # fmt: skip
    pupil_id: str
    local_ids: list[str]
    upn: str | None
    given_name: str
    family_name: str
    date_of_birth: date | None
    sex: Sex | None
    year_group: int | None
    flags: list[str]
    enrolments: list[EnrolmentOut]


class Lookup(BaseModel):
    """A child by UPN, or by a school's local id."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upn": "H869200124007"}, {"school_urn": 100001, "local_id": "1042"}]}
    )
    upn: Annotated[str, Field(max_length=64)] | None = None
    school_urn: Annotated[int, Field(ge=1, le=9_999_999)] | None = None
    local_id: Annotated[str, Field(max_length=64)] | None = None


class Found(BaseModel):
    """The child's id."""

    model_config = example(pupil_id=PUPIL)
    pupil_id: str


class SchoolName(BaseModel):
    """A school that knows the child."""

    school_urn: int
    name: str


class AddressOut(BaseModel):
    """A postal address."""

    lines: list[str]
    postcode: str | None = None


class BarredOut(BaseModel):
    """A court order that bars contact, both dates inclusive."""

    model_config = ConfigDict(populate_by_name=True)
    from_: date = Field(alias="from")
    to: date | None
    order: str | None


class ContactOut(BaseModel):
    """Somebody to be told about a child, as one of its schools has it. `parent_because`: what makes this person a
    parent in the law on education; empty for others. Nobody writes to one who is barred.
    """

    model_config = ConfigDict(populate_by_name=True)
    contact_id: str
    local_id: str
    school_urn: int
    name: str
    relationship: str | None
    parental_responsibility: bool
    lives_with_pupil: bool
    priority: int | None
    email: str | None
    phone: str | None
    address: AddressOut | None
    language: str | None
    do_not_contact: bool
    care_of_child: bool
    no_fixed_abode: bool
    contact_barred: BarredOut | None
    from_: date | None = Field(alias="from")
    to: date | None
    parent_because: list[Literal["parent", "parental_responsibility", "care_of_child"]]


class PupilContacts(BaseModel):
    """What a letter about a child needs."""

    model_config = example(
        pupil_id=PUPIL, given_name="Sam", family_name="Green", date_of_birth="2014-03-09",
        schools=[{"school_urn": 100001, "name": SCHOOL["name"]}],
        contacts=[
            {
                **ROLL_EXAMPLE["pupils"][0]["contacts"][0],
                "contact_id": "6a1f7c1c-8a52-5d3a-9a61-3a6f0f0d9f20",
                "school_urn": 100001,
                "parent_because": ["parent", "parental_responsibility"],
            }
        ],
    )  # fmt: skip
    pupil_id: str
    given_name: str
    family_name: str
    date_of_birth: date | None
    schools: list[SchoolName]
    contacts: list[ContactOut]
