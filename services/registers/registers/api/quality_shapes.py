"""The JSON of what is doubtful in a school's data."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from registers.api.shapes import PUPIL, AmenderOut, example
from registers.api.waiting_shapes import MendOut

KINDS = (
    "correction-without-reason, arrival-disagrees, two-schools-marked, unknown-reason-detail, notice-to-judge, "
    "present-though-announced, register-open-too-long, "
)


class QualityItem(BaseModel):
    """Something doubtful. Where it is a mark: the pupil, the code and the entry; of calendars these are null, and
    `date` is the beginning of the academic year.
    """

    model_config = example(
        kind="correction-without-reason", date="2025-09-15", session="AM", pupil_id=PUPIL, code="M", reason=None,
        amended_by=None, arrived_at=None, reason_detail=[], other_school_urn=None, taken_by="T17",
        received_at="2025-09-15T07:52:14Z",
        detail="A mark was corrected without a reason, or without the person who did so.",
        mend={
            "action": "explain",
            "operation": "putRegister",
            "detail": "Send the mark again with `reason` and `amended_by`.",
            "codes": [],
        },
    )  # fmt: skip
    kind: str = Field(description=f"{KINDS}register-times-differ, …")
    date: date
    session: Literal["AM", "PM"]
    pupil_id: str | None
    code: str | None
    reason: str | None
    amended_by: str | AmenderOut | None
    arrived_at: datetime | None
    reason_detail: list[str]
    other_school_urn: int | None = Field(description="The other school that has a mark for the session.")
    taken_by: str | None
    received_at: datetime | None
    detail: str
    mend: MendOut
    notice_id: str | None = Field(default=None, description="The parent's notice that covers the session.")


class ReasonDetailOut(BaseModel):
    """A reason for an absence that is more exact than its code."""

    model_config = example(
        code="family_medical_appointment",
        group="family",
        meaning="Went along to a medical appointment of a parent or sibling",
    )
    code: str
    group: str
    meaning: str
