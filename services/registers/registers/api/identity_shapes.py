"""The JSON of who a child is: its UPNs, and the merges and splits of its ids."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from registers.api.parameters import Day
from registers.api.pupil_shapes import EnrolmentOut
from registers.api.shapes import PUPIL, SCHOOL, example
from registers.domain import upn as upns
from registers.domain.identity_changes import IdentityChange
from registers.domain.roll import Sex

OTHER = "7d9f7c1e-3b52-4b0a-8a43-54b1a3f0a9d1"
CHANGED = {
    "change_id": "5c1e0a4e-6d0b-4c0e-8f0a-2b9c1f7d3e11", "kind": "merge", "pupil_id": PUPIL, "other": OTHER,
    "restored": False, "identity_version": 1, "reason": "Two records of one child", "by": "J. Field, data manager",
    "at": "2025-10-01T10:15:00Z",
}  # fmt: skip
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Urn = Annotated[int, Field(ge=1, le=9_999_999)]


class UpnOut(BaseModel):
    """A UPN that a child has, or had until `replaced_at`; since `taken_at` it means another child."""

    upn: str
    kind: Literal["permanent", "temporary"]
    given_at: datetime
    replaced_at: datetime | None
    taken_at: datetime | None

    @staticmethod
    def kind_of(upn: str) -> str:
        """Rule book 9: a temporary UPN ends in a letter."""
        return "temporary" if upns.is_temporary(upn) else "permanent"


class SchoolOfPupil(BaseModel):
    """What a school calls a child, and the child's stays there."""

    school_urn: int
    name: str
    local_ids: list[str]
    enrolments: list[EnrolmentOut]


class PupilOut(BaseModel):
    """A child. `upn` is the present one; `upns` has all, in the order in which they were given."""

    model_config = example(
        pupil_id=PUPIL, given_name="Sam", family_name="Green", date_of_birth="2014-03-09", sex="female", year_group=6,
        flags=["FSM"],
        upn="H869200124007",
        upns=[
            {"upn": "R33012342500A", "kind": "temporary", "given_at": "2025-09-01T08:00:00Z",
             "replaced_at": "2025-09-12T08:00:00Z", "taken_at": None},
            {"upn": "H869200124007", "kind": "permanent", "given_at": "2025-09-12T08:00:00Z",
             "replaced_at": None, "taken_at": None},
        ],
        schools=[{
            "school_urn": 100001, "name": SCHOOL["name"], "local_ids": ["1042"],
            "enrolments": [{"from": "2025-09-01", "to": None, "kind": "single"}],
        }],
    )  # fmt: skip
    pupil_id: str
    given_name: str
    family_name: str
    date_of_birth: date | None
    sex: Sex | None
    year_group: int | None
    flags: list[str]
    upn: str | None
    upns: list[UpnOut]
    schools: list[SchoolOfPupil]


class MergeIn(BaseModel):
    """The pupil of the path turned out to be `into`, and dies; `by` is the name and position of who says so."""

    model_config = example(into=OTHER, reason="Two records of one child", by="J. Field, data manager")
    into: UUID
    reason: Text
    by: Text


class PartIn(BaseModel):
    """What a school says, from one day to another (both inclusive; left out: ever, still), is said of another child."""

    model_config = ConfigDict(populate_by_name=True)
    school_urn: Urn
    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None


class SplitIn(BaseModel):
    """Either `restore`, a dead id that is another child after all; or `schools`, which mean another child, who is new
    and may have a `upn`. `by` is the name and position of who says so.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"restore": OTHER, "reason": "Twins with one UPN", "by": "J. Field, data manager"},
                {
                    "schools": [{"school_urn": 100002, "from": "2025-09-01"}], "upn": "F330123425001",
                    "reason": "The school typed another child's UPN", "by": "J. Field, data manager",
                },
            ]
        }
    )  # fmt: skip
    restore: UUID | None = None
    schools: Annotated[list[PartIn], Field(min_length=1, max_length=100)] | None = None
    upn: Annotated[str, Field(max_length=64)] | None = None
    reason: Text
    by: Text


class IdentityChangeOut(BaseModel):
    """A merge or a split. `pupil_id` lived on; `other` died into it (merge), lives again (split, `restored`), or is new
    (split). `reason` and `by` are null where a roll said it by a UPN.
    """

    model_config = example(**CHANGED)
    change_id: str
    kind: Literal["merge", "split"]
    pupil_id: str
    other: str
    restored: bool
    identity_version: int
    reason: str | None
    by: str | None
    at: datetime


class SchoolSequence(BaseModel):
    """The last entry of a school's ledger that a write stands behind."""

    school_urn: int
    sequence: int


class IdentityChanged(IdentityChangeOut):
    """What was done, and the schools that it concerned."""

    model_config = example(**CHANGED, schools=[{"school_urn": 100001, "sequence": 812}])
    schools: list[SchoolSequence]


def told(change: IdentityChange) -> dict[str, object]:
    """A record as JSON has it."""
    return {
        "change_id": change.change_id,
        "kind": change.kind,
        "pupil_id": change.pupil_id,
        "other": change.other,
        "restored": change.restored,
        "identity_version": change.identity_version,
        "reason": change.reason,
        "by": change.changed_by,
        "at": change.changed_at,
    }
