"""The JSON of answers, with an example of each for /docs. What is told of a child is in `pupil_shapes`."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from registers.api.parameters import DayOfLife

PUPIL = "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01"
PROBLEM = {
    "code": "unknown-code",
    "detail": "Not an attendance code of the national table.",
    "pointer": "/marks/1/code",
}
REGISTER_EXAMPLE: dict[str, Any] = {
    "taken_at": "2025-09-15T08:52:10+01:00",
    "taken_by": "T17",
    "source_version": 7,
    "marks": [
        {"local_id": "1042", "code": "/"},
        {"local_id": "1043", "code": "L", "minutes_late": 7},
        {
            "pupil_id": PUPIL,
            "code": "M",
            "reason": "Appointment card seen",
            "reason_detail": ["dentist"],
            "amended_by": {"name": "J. Field", "position": "Attendance officer"},
        },
    ],
}
ROLL_EXAMPLE: dict[str, Any] = {
    "pupils": [
        {
            "local_id": "1042",
            "upn": "H869200124007",
            "given_name": "Sam",
            "family_name": "Green",
            "date_of_birth": "2014-03-09",
            "sex": "female",
            "year_group": 6,
            "enrolment": {"from": "2025-09-01", "to": None, "kind": "single"},
            "flags": ["FSM"],
            "contacts": [
                {
                    "local_id": "c1",
                    "name": "Robin Green",
                    "relationship": "mother",
                    "parental_responsibility": True,
                    "lives_with_pupil": True,
                    "priority": 1,
                    "email": "robin@example.org",
                    "phone": None,
                    "address": {"lines": ["1 High Street"], "postcode": "B1 1AA"},
                    "language": "en",
                    "do_not_contact": False,
                    "care_of_child": False,
                    "no_fixed_abode": False,
                    "contact_barred": None,
                    "from": None,
                    "to": None,
                }
            ],
        }
    ],
    "complete": False,
}


def example(**values: Any) -> ConfigDict:
    """What /docs shows for a shape."""
    return ConfigDict(json_schema_extra={"examples": [values]})


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Area = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Phase = Literal["primary", "secondary", "special", "ap"]
SCHOOL = {"name": "Elm Primary School", "la_code": "330", "laestab": "3302001", "phase": "primary"}


UrnIn = Annotated[int, Field(ge=1, le=9_999_999)]


class SchoolIn(BaseModel):
    """A school: `la_code` has three digits, `laestab` seven. What is left out of the rest stays as it is.

    `la_from`: the day from which it belongs to `la_code`, when it has moved; without it, `la_code` corrects what was
    said before. `opened_on`, `closed_on`: its first and last day; `trust`, `locality`: who runs it and where it lies.
    `null` says that none is known.
    """

    model_config = example(**SCHOOL, opened_on="2012-09-01", closed_on=None)
    name: Name
    la_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")]
    laestab: Annotated[str, StringConstraints(pattern=r"^[0-9]{7}$")]
    phase: Phase
    la_from: DayOfLife | None = None
    opened_on: DayOfLife | None = None
    closed_on: DayOfLife | None = None
    predecessor_urn: UrnIn | None = None
    successor_urn: UrnIn | None = None
    trust: Area | None = None
    locality: Area | None = None


class LaSince(BaseModel):
    """The authority to which a school belongs from a day on; `from` is null for its first."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [{"la_code": "330", "from": None}]})
    la_code: str
    from_: Annotated[date | None, Field(alias="from")]


class SchoolOut(BaseModel):
    """A school; `sequence` is the number of its ledger's last entry. `recalculating`: true while marks that a large
    change concerns are still being judged. `la_history`: the authorities of one that has moved, in order. What is not
    known, or not so, is left out.
    """

    model_config = example(urn=100001, **SCHOOL, sequence=1)
    urn: int
    name: str
    la_code: str
    laestab: str
    phase: Phase
    sequence: int
    recalculating: bool = False
    opened_on: date | None = None
    closed_on: date | None = None
    predecessor_urn: int | None = None
    successor_urn: int | None = None
    trust: str | None = None
    locality: str | None = None
    la_history: list[LaSince] = []


class ConversionIn(BaseModel):
    """The school that takes over, and its first day, today at the latest."""

    model_config = example(successor_urn=100002, on="2025-09-01")
    successor_urn: UrnIn
    on: DayOfLife


class ConversionOut(BaseModel):
    """A conversion; `pupils` is how many went on at the successor, 0 when it was said before. The sequences are the
    last numbers of the two ledgers.
    """

    model_config = example(
        school_urn=100001, successor_urn=100002, on="2025-09-01", pupils=412, sequence=812, successor_sequence=5
    )
    school_urn: int
    successor_urn: int
    on: date
    pupils: int
    sequence: int
    successor_sequence: int


class Problem(BaseModel):
    """Why something could not be taken as it is: a stable code, a sentence, and where it lies in the body."""

    model_config = example(**PROBLEM)
    code: str
    detail: str
    pointer: str | None = None


class ContactId(BaseModel):
    """The id that letters use for a contact (`recipient_id`)."""

    local_id: str
    contact_id: str


class RollRowOut(BaseModel):
    """What became of one row of a roll."""

    pointer: str
    local_id: str | None
    pupil_id: str | None
    status: Literal["created", "updated", "unchanged", "rejected"]
    contacts: list[ContactId] = []
    problem: Problem | None = None


class RollWritten(BaseModel):
    """What became of a roll, row by row, in order. `warnings`: what was not done; `nobody-has-left` where a complete
    roll has rows that may mean any pupil.
    """

    model_config = example(
        school_urn=100001,
        sequence=4,
        results=[
            {
                "pointer": "/pupils/0",
                "local_id": "1042",
                "pupil_id": PUPIL,
                "status": "created",
                "contacts": [{"local_id": "c1", "contact_id": "6a1f7c1c-8a52-5d3a-9a61-3a6f0f0d9f20"}],
            }
        ],
        counts={"created": 1, "updated": 0, "unchanged": 0, "rejected": 0},
    )
    school_urn: int
    sequence: int
    results: list[RollRowOut]
    counts: dict[str, int]
    warnings: list[Problem] = []


class MarkWritten(BaseModel):
    """What became of one mark; `pupil_id` is null while the school does not know the pupil."""

    pointer: str
    pupil_id: str | None
    status: Literal["accepted", "unchanged", "corrected", "quarantined", "stale"]
    code: str
    problem: Problem | None = None


class RegisterWritten(BaseModel):
    """What became of a register, mark by mark, in order."""

    model_config = example(
        school_urn=100001,
        date="2025-09-15",
        session="AM",
        sequence=812,
        marks=[
            {"pointer": "/marks/0", "pupil_id": PUPIL, "status": "accepted", "code": "/"},
            {"pointer": "/marks/1", "pupil_id": PUPIL, "status": "quarantined", "code": "8", "problem": PROBLEM},
        ],
        counts={"accepted": 1, "unchanged": 0, "corrected": 0, "quarantined": 1, "stale": 0},
    )
    school_urn: int
    date: date
    session: Literal["AM", "PM"]
    sequence: int
    marks: list[MarkWritten]
    counts: dict[str, int]


class MarkDeleted(BaseModel):
    """What became of a deletion: `stale` where a higher-ranked mark stands."""

    model_config = example(
        school_urn=100001, date="2025-09-15", session="AM", pupil_id=PUPIL, sequence=813, status="deleted"
    )
    school_urn: int
    date: date
    session: Literal["AM", "PM"]
    pupil_id: str
    sequence: int
    status: Literal["deleted", "stale"]


class AmenderOut(BaseModel):
    """Who amended an entry."""

    name: str
    position: str | None = None


class Entry(BaseModel):
    """One entry of a mark's record: what was sent, by whom and when."""

    code: str | None = Field(description="Null: a deletion, or that no mark stands.")
    status: Literal["standing", "deleted", "quarantined", "superseded", "none"]
    minutes_late: int | None
    comment: str | None
    reason: str | None
    amended_by: str | AmenderOut | None
    taken_by: str | None
    taken_at: datetime | None
    received_at: datetime | None
    source_version: int | None
    problem: Problem | None = None
    reason_detail: list[str] = []
    arrived_at: datetime | None = None


ENTRY = {
    "code": "O",
    "status": "superseded",
    "minutes_late": None,
    "comment": None,
    "reason": None,
    "amended_by": None,
    "taken_by": "T17",
    "taken_at": "2025-09-15T08:52:10+01:00",
    "received_at": "2025-09-15T07:52:14Z",
    "source_version": 7,
    "problem": None,
}
CURRENT = {
    **ENTRY,
    "code": "M",
    "status": "standing",
    "reason": "Appointment card seen",
    "amended_by": "J. Field, office",
    "source_version": 9,
}


class StandingMark(Entry):
    """A mark that stands."""

    pupil_id: str
    local_id: str | None


class RegisterOut(BaseModel):
    """A register as it stands; pupils without a mark are not listed."""

    model_config = example(
        school_urn=100001,
        date="2025-09-15",
        session="AM",
        sequence=812,
        marks=[{**CURRENT, "pupil_id": PUPIL, "local_id": "1042"}],
    )
    school_urn: int
    date: date
    session: Literal["AM", "PM"]
    sequence: int
    marks: list[StandingMark]


class PupilMark(Entry):
    """A child's mark in one session at one school as it stands, and every other entry of it, oldest first."""

    model_config = example(school_urn=100001, date="2025-09-15", session="AM", **CURRENT, history=[ENTRY])
    school_urn: int
    date: date
    session: Literal["AM", "PM"]
    history: list[Entry]


CHANGE_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "4545c4b1-e23a-4397-b804-25ab3d0cb1c5",
    "type": "uk.rollcall.registers.session-marked.v1",
    "source": "/registers",
    "subject": "100001",
    "time": "2025-09-15T07:52:11.298Z",
    "datacontenttype": "application/json",
    "sequence": 812,
    "schoolurn": 100001,
    "data": {
        "previous": "f23f5f01-894e-4b8e-933a-9be475343f4b",
        "write_last": 812,
        "date": "2025-09-15",
        "session": "AM",
        "marks": [{"pupil_id": "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01", "code": "I"}],
    },
}

CODE_EXAMPLE: dict[str, Any] = {
    "code": "I",
    "meaning": "Illness (not a medical or dental appointment)",
    "category": "authorised",
    "possible": True,
    "attended": False,
    "absence": "authorised",
    "on_site": False,
    "late": None,
    "counts_to_penalty": False,
    "valid_from": "2006-09-01",
    "valid_to": None,
}


class CodeOut(BaseModel):
    """An attendance code, what it counts as, and the dates on which it may be used."""

    model_config = ConfigDict(json_schema_extra={"examples": [CODE_EXAMPLE]})
    code: str
    meaning: str
    category: str
    possible: bool
    attended: bool
    absence: Literal["authorised", "unauthorised"] | None
    on_site: bool
    late: Literal["before-close", "after-close"] | None
    counts_to_penalty: bool
    valid_from: date
    valid_to: date | None


class ReasonOut(BaseModel):
    """Why a stay on a roll may end; `rule` is its number in the rule book, null where that has none."""

    model_config = example(code="home_educated", meaning="A parent has written so", rule="6.9")
    code: str
    meaning: str
    rule: str | None
