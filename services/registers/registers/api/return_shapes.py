"""The JSON of admissions and deletions: all that the admission register has of a pupil."""

from datetime import date

from pydantic import BaseModel, Field

from registers.api.pupil_shapes import AddressOut, BarredOut, EnrolmentOut
from registers.api.shapes import PUPIL, ROLL_EXAMPLE, example
from registers.domain.roll import Sex

_CONTACT = ROLL_EXAMPLE["pupils"][0]["contacts"][0]
_NAMED = {
    "pupil_id": PUPIL, "local_ids": ["1042"], "upn": "H869200124007", "given_name": "Sam", "family_name": "Green",
    "date_of_birth": "2014-03-09", "sex": "female", "year_group": 6, "home_la": None,
    "contacts": [
        {
            name: _CONTACT[name]
            for name in (
                "name", "relationship", "parental_responsibility", "lives_with_pupil", "priority", "email", "phone",
                "address",
            )
        }
    ],
}  # fmt: skip


class ReturnedContact(BaseModel):
    """A parent or another contact of the pupil, the first to be told first."""

    name: str
    relationship: str | None
    parental_responsibility: bool
    lives_with_pupil: bool
    priority: int | None
    email: str | None
    phone: str | None
    address: AddressOut | None
    care_of_child: bool = False
    no_fixed_abode: bool = False
    contact_barred: BarredOut | None = None


class ReturnedPupil(BaseModel):
    """The pupil as the admission register has the child."""

    pupil_id: str
    local_ids: list[str]
    upn: str | None
    given_name: str
    family_name: str
    date_of_birth: date | None
    sex: Sex | None
    year_group: int | None
    home_la: str | None
    enrolment: EnrolmentOut
    contacts: list[ReturnedContact]


class AdmissionOut(ReturnedPupil):
    """A name that was entered."""

    model_config = example(
        **_NAMED, enrolment={"from": "2025-09-15", "to": None, "kind": "single"}, entered_on="2025-09-15",
        due_on="2025-09-20", required=True, returned=False, previous_school_urn=100002,
    )  # fmt: skip
    entered_on: date
    due_on: date = Field(description="Told in time until the end of this day.")
    required: bool = Field(description="False: of the most junior class on the first day of the year; only if asked.")
    returned: bool = Field(description="The child was on this roll before.")
    previous_school_urn: int | None = Field(description="The last school before, if the token opens it.")


class DeletionOut(ReturnedPupil):
    """A name that was deleted."""

    model_config = example(
        **_NAMED, enrolment={"from": "2024-09-02", "to": "2025-10-17", "kind": "single"}, deleted_on="2025-10-18",
        ground="moved_away", destination="Leeds", required=True, next_school_urn=100002, last_attended_on="2025-10-17",
        unbroken_absence_days=0, ground_holds=None,
    )  # fmt: skip
    deleted_on: date = Field(description="The day after the last one on the roll; told by then.")
    ground: str | None = Field(description="The ground of the deletion, as the roll gives it.")
    destination: str | None
    required: bool = Field(description="False: of the top year, once it may leave school; only if asked.")
    next_school_urn: int | None = Field(description="A school where the child is now, if the token opens it.")
    last_attended_on: date | None = Field(description="Within 90 days before; null when on none of them.")
    unbroken_absence_days: int = Field(
        description="School days in a row at the end with G, N or O alone: the ground of continuous absence needs 20."
    )
    ground_holds: bool | None = Field(
        description="Whether the marks bear out a ground of continuous absence; null for any other ground."
    )
