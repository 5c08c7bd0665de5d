"""The JSON of marks that wait in quarantine, and of what would mend them."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from registers.api.shapes import PUPIL, Problem, example

MEND = {
    "action": "use-other-code",
    "operation": "putRegister",
    "detail": "Send the mark again with a code in force on that day.",
    "codes": ["J1"],
}
WAITING = {
    "date": "2025-09-15",
    "session": "AM",
    "pupil_id": PUPIL,
    "key": None,
    "code": "J",
    "source_version": None,
    "taken_by": "T17",
    "taken_at": None,
    "received_at": "2025-09-15T07:52:14Z",
    "problem": {"code": "retired-code", "detail": "This code is not in force on the date of the session."},
    "mend": MEND,
}


class UnknownKey(BaseModel):
    """The key by which a mark named a pupil whom the school does not know."""

    kind: Literal["pupil_id", "upn", "local_id"]
    value: str


class MendOut(BaseModel):
    """What would mend a mark: a stable name, the operation to call (null: none is needed), a sentence, and the codes
    that it probably means where it is the code.
    """

    model_config = example(**MEND)
    action: str
    operation: str | None
    detail: str
    codes: list[str]


class WaitingMark(BaseModel):
    """A mark in quarantine; `key` is set while nobody knows whose it is."""

    model_config = example(**WAITING)
    date: date
    session: Literal["AM", "PM"]
    pupil_id: str | None
    key: UnknownKey | None
    code: str
    source_version: int | None
    taken_by: str | None
    taken_at: datetime | None
    received_at: datetime
    problem: Problem
    mend: MendOut
