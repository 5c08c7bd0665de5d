"""The JSON of registers that are expected, missing and late."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from registers.api.shapes import example

EXPECTED: dict[str, Any] = {
    "session": "AM",
    "status": "late",
    "closes_at": "2025-09-15T09:30:00+01:00",
    "received_at": "2025-09-15T10:02:44+01:00",
    "marked": 409,
    "expected": 412,
}


class ExpectedRegister(BaseModel):
    """A register that a school is expected to take."""

    session: Literal["AM", "PM"]
    status: Literal["awaited", "taken", "late", "missing"] = Field(
        description="`missing`: it has closed, its grace is over, and fewer than half of those expected have a mark; "
        "`late`: it came after that; `awaited`: there is time."
    )
    closes_at: datetime = Field(description="By the calendar's `times`, or else by the authority's policy.")
    received_at: datetime | None = Field(description="When a late register was found to have come.")
    marked: int = Field(description="Pupils with a mark that stands.")
    expected: int = Field(description="Pupils on the roll on that day for whom the session is open; guests are not.")


class ExpectedRegisters(BaseModel):
    """The registers that a school is expected to take on a day: none on a closed one, or with nobody on the roll."""

    model_config = example(school_urn=100001, date="2025-09-15", registers=[EXPECTED])
    school_urn: int
    date: date
    registers: list[ExpectedRegister]


class LateRegister(BaseModel):
    """A register that was not there when it should have been; `marked` and `expected` say how complete it was then."""

    model_config = example(
        school_urn=100001,
        school_name="Elm Primary School",
        date="2025-09-15",
        announced_at="2025-09-15T09:45:11+01:00",
        **(EXPECTED | {"marked": 12}),
    )
    school_urn: int
    school_name: str
    date: date
    session: Literal["AM", "PM"]
    status: Literal["late", "missing"]
    closes_at: datetime
    announced_at: datetime
    received_at: datetime | None
    marked: int
    expected: int
