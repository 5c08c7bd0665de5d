"""The JSON of the sandbox's own routes."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rollcall.sandbox.authority import SCHOOLS, school
from rollcall.sandbox.magic import BY_NAME, Magic
from rollcall.sandbox.state import START, VENDORS


class ClockIn(BaseModel):
    """The date that it is to be: any day from 1 September 2025 to 31 August 2026, later or earlier than now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"today": "2026-01-13"}]})
    today: date


class ClockOut(BaseModel):
    """The date that it is, for every service."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"today": "2026-01-13"}]})
    today: date


class CallOut(BaseModel):
    """A call to try: paste the body under the method and the path."""

    method: str
    path: str
    body: dict[str, Any] | None


class MagicOut(BaseModel):
    """A pupil that shows one outcome. `shows`: the status of its mark or roll row (`problem` says why it waits), the
    status of the answer, or the kind of the episode that opens. `upn` is null for an id that is dead.
    """

    name: str
    school_urn: int
    local_id: str
    upn: str | None
    shows: str
    problem: str | None
    why: str
    call: CallOut


class CodeOut(BaseModel):
    """A code that waits in quarantine, whoever it is said of."""

    code: str
    problem: str


class SandboxSchool(BaseModel):
    """A school of the sandbox; `opened`: whether the vendor's token is to open it."""

    urn: int
    name: str
    la_code: str
    opened: bool


def show_school(urn: int) -> SandboxSchool:
    return SandboxSchool(
        urn=urn, name=SCHOOLS[urn]["name"], la_code=school(urn)["la_code"], opened=urn in VENDORS
    )  # fmt: skip


def show_magic(magic: Magic, ids: dict[str, str]) -> MagicOut:
    return MagicOut(
        name=magic.name,
        school_urn=magic.urn,
        local_id=magic.local_id,
        upn=None if magic.name == "merged" else magic.upn,
        shows=magic.outcome,
        problem=magic.problem,
        why=magic.why,
        call=CallOut(**magic.call(ids.get(magic.name))),
    )


_EXAMPLE: dict[str, Any] = {
    "state": "ready",
    "today": "2026-01-12",
    "schools": [show_school(VENDORS[0]).model_dump()],
    "pupils": [show_magic(BY_NAME[name], {}).model_dump() for name in ("accepted", "unknown-pupil")],
    "codes": [{"code": "Q9", "problem": "unknown-code"}],
}


class SandboxOut(BaseModel):
    """The sandbox: its date, its schools, its magic pupils and codes. `state` is `making` while it begins (again)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    state: Literal["making", "ready"]
    today: date
    schools: list[SandboxSchool]
    pupils: list[MagicOut]
    codes: list[CodeOut]


class ResetOut(BaseModel):
    """The sandbox begins again; `GET /v1/sandbox` says when it is ready."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "making", "today": "2026-01-12"}]})
    state: Literal["making"] = "making"
    today: date = Field(default=START)
