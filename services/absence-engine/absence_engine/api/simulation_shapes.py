"""The JSON of simulations."""

from datetime import date, datetime
from typing import Any, Literal

from common.academic import year_name
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.api.examples import PUPIL_ID, URN
from absence_engine.api.policy_shapes import LA_CODE, VERSION, Day
from absence_engine.store.simulations import Simulation

SIMULATION_ID = "3f0c9a52-7c0e-4a63-9a55-0d7e4f6a9b21"
ASKED: dict[str, Any] = {"academic_year": "2024-25", "from": "2024-09-02", "to": "2025-07-18"}
NUMBERS: dict[str, Any] = {"kind": "PA", "would": 31, "would_not": 0, "both": 118}
FEW: dict[str, Any] = {"kind": "PA", "would": None, "would_not": 0, "both": 12}
WEEK: dict[str, Any] = {
    "week": "2024-11-11",
    "crossings": [{"name": "PA", "in_force": 6, "draft": 9}],
    "tasks": [{"name": "support_review", "in_force": 5, "draft": 8}],
}
SIMULATION: dict[str, Any] = {
    "simulation_id": SIMULATION_ID,
    "la_code": LA_CODE,
    "version": VERSION,
    **ASKED,
    "state": "done",
    "children": 1042,
    "created_at": "2025-12-01T10:00:00Z",
    "started_at": "2025-12-01T10:00:01Z",
    "ended_at": "2025-12-01T10:00:04Z",
    "kinds": [NUMBERS],
    "weeks": [WEEK],
    "schools": [{"school_urn": URN, "kinds": [FEW]}],
    "phases": [{"phase": "primary", "kinds": [FEW]}],
}


class SimulationIn(BaseModel):
    """An academic year, and between which of its days crossings and tasks are counted; all of them by default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ASKED]})
    academic_year: str = Field(examples=["2024-25"])
    from_: Day | None = Field(None, alias="from")
    to: Day | None = None


class NumbersOut(BaseModel):
    """Children, by kind: those who would have crossed under the draft and did not, those who did and would not, and
    those who cross under both. Null: a number too small to be shown.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [NUMBERS]})
    kind: str
    would: int | None
    would_not: int | None
    both: int | None


class SidesOut(BaseModel):
    """How many of a kind of crossing, or of a kind of task, under what is in force and under the draft."""

    name: str
    in_force: int
    draft: int


class WeekOut(BaseModel):
    """A week, by its Monday: the crossings, and the tasks that stages call for."""

    model_config = ConfigDict(json_schema_extra={"examples": [WEEK]})
    week: date
    crossings: list[SidesOut]
    tasks: list[SidesOut]


class SimulatedSchoolOut(BaseModel):
    """The children of a school: of their last mark of the year."""

    school_urn: int
    kinds: list[NumbersOut]


class SimulatedPhaseOut(BaseModel):
    """The children of a phase."""

    phase: str
    kinds: list[NumbersOut]


class SimulationOut(BaseModel):
    """A version tried on the marks of a year, beside what is in force; the numbers are empty until it is done.
    `children`: looked at so far.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [SIMULATION]})
    simulation_id: str
    la_code: str
    version: str
    academic_year: str
    from_: date = Field(serialization_alias="from")
    to: date
    state: Literal["queued", "running", "done"]
    children: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    kinds: list[NumbersOut]
    weeks: list[WeekOut]
    schools: list[SimulatedSchoolOut]
    phases: list[SimulatedPhaseOut]


class SimulatedPupilOut(BaseModel):
    """A child, and the school of its last mark of the year."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pupil_id": PUPIL_ID, "school_urn": URN}]})
    pupil_id: str
    school_urn: int


def simulation(job: Simulation) -> dict[str, Any]:
    """The fields of SimulationOut."""
    found = job.found or {"kinds": [], "weeks": [], "schools": [], "phases": []}
    return {
        "simulation_id": job.simulation_id,
        "la_code": job.la_code,
        "version": job.version,
        "academic_year": year_name(job.year),
        "from_": job.from_date,
        "to": job.to_date,
        "state": job.state,
        "children": job.children,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        **found,
    }
