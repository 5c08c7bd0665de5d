"""The JSON of reconciliations."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from common import academic
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from absence_engine.actions.reconcile import Others, Reconciled
from absence_engine.api.examples import URN
from absence_engine.domain.dfe_file import REASONS
from absence_engine.domain.reconciliation import unexplained

RECONCILIATION_ID = "b6a1f0de-52c4-4f5c-8f0e-2b6f3c9d7a10"
HEADER = ("time_period", "geographic_level", "old_la_code", "education_phase", "total_enrolments", "possible_sessions",
          "overall_attendance", "authorised_absence", "unauthorised_absence", *REASONS, "pa_perc")  # fmt: skip
TABLE = "\n".join(
    (",".join(HEADER), ",".join(["202526", "Local authority", "330", "Primary", *"0" * (len(HEADER) - 4)]), "")
)
TOTALS: dict[str, Any] = {
    "school_urn": URN,
    "from": "2025-09-01",
    "to": "2025-10-24",
    "basis": "live",
    "possible": 4188,
    "attended": 3951,
    "authorised": 170,
    "unauthorised": 67,
    "by_code": {"I": 140, "M": 30},
}
WHY: dict[str, Any] = {
    "reason": "late-mark",
    "count": -2,
    "sentence": "2 fewer sessions there: marks that came, were corrected or were taken back after "
    "2025-10-24T18:00:00+01:00.",
}
FIGURE: dict[str, Any] = {
    "figure": "possible",
    "unit": "sessions",
    "theirs": 4188,
    "ours": 4190,
    "expected": 4188,
    "difference": -2,
    "reasons": [WHY],
    "unexplained": 0,
}
COVERAGE: dict[str, Any] = {
    "expected_sessions": 76,
    "registers": 75,
    "sentence": "1 of 76 sessions that the calendars have open has no register with us.",
}
ROW: dict[str, Any] = {
    "line": None,
    "level": "school",
    "la_code": None,
    "school_urn": URN,
    "phase": None,
    "academic_year": "2025-26",
    "from": "2025-09-01",
    "to": "2025-10-24",
    "basis": "live",
    "status": "explained",
    "schools": 1,
    "their_schools": None,
    "figures": [FIGURE],
    "coverage": COVERAGE,
}
OTHER: dict[str, Any] = {
    "line": 7,
    "status": "not-ours",
    "name": "Elsewhere",
    "phase": "Primary",
    "sentence": "We have no schools of this row, or none that this token may see.",
}
RECONCILIATION: dict[str, Any] = {
    "reconciliation_id": RECONCILIATION_ID,
    "state": "done",
    "schools_counted": None,
    "created_at": "2025-11-03T10:00:00Z",
    "by": "integration",
    "source": "school-totals",
    "as_known_on": "2025-10-24T18:00:00+01:00",
    "rows": [ROW],
    "others": [],
    "unknown_columns": [],
}

Count = Annotated[int, Field(ge=0, le=2**53)]
CodeName = Annotated[str, StringConstraints(min_length=1, max_length=4)]


class TotalsIn(BaseModel):
    """What a school counted itself, from a day to another of one academic year. `basis`: `live`, all ages, or `dfe`."""

    model_config = ConfigDict(extra="forbid", strict=False, json_schema_extra={"examples": [TOTALS]})
    school_urn: int = Field(ge=1, le=2**31 - 1)
    from_: date = Field(alias="from")
    to: date
    basis: Literal["live", "dfe"] = "live"
    possible: Count | None = None
    attended: Count | None = None
    authorised: Count | None = None
    unauthorised: Count | None = None
    enrolments: Count | None = None
    persistent: Count | None = None
    by_code: dict[CodeName, Count] = Field({}, max_length=64, description="Sessions by code.")


class ReasonOut(BaseModel):
    """What one reason makes theirs more or less than ours by, in a sentence as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHY]})
    reason: str = Field(
        description="`calendar`, `age`, `year-11`, `joiner`, `late-mark`, `leaver`, `codes`, `dual-registration`, "
        "`suppressed`."
    )
    count: int
    sentence: str


class FigureOut(BaseModel):
    """One figure, or a code. `ours`: live; `expected`: what they should have counted, as far as we can tell;
    `difference` = theirs - ours = the counts of `reasons` + `unexplained`. Null where theirs is hidden.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [FIGURE]})
    figure: str
    unit: str
    theirs: int | None
    ours: int
    expected: int
    difference: int | None
    reasons: list[ReasonOut]
    unexplained: int | None


class CoverageOut(BaseModel):
    """How many sessions should have a register with us, and how many have one."""

    model_config = ConfigDict(json_schema_extra={"examples": [COVERAGE]})
    expected_sessions: int
    registers: int
    sentence: str


class RowOut(BaseModel):
    """A row of theirs that is of our schools. `status`: `equal`, `explained`, `unexplained`, or `suppressed`: nothing
    of it is shown.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [ROW]})
    line: int | None
    level: str
    la_code: str | None
    school_urn: int | None
    phase: str | None
    academic_year: str
    from_: date = Field(alias="from")
    to: date
    basis: str
    status: str
    schools: int = Field(description="How many of our schools are in it.")
    their_schools: str | None = Field(description="How many schools they say there are.")
    figures: list[FigureOut]
    coverage: CoverageOut


class OtherOut(BaseModel):
    """A row that is not reconciled: `not-ours`, or `not-read`."""

    model_config = ConfigDict(json_schema_extra={"examples": [OTHER]})
    line: int
    status: str
    name: str
    phase: str
    sentence: str


class ReconciliationOut(BaseModel):
    """What somebody else counted, against our marks; who asked, and when. `queued` or `running`, it has no rows
    yet.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [RECONCILIATION]})
    reconciliation_id: str
    state: Literal["queued", "running", "done"] = "done"
    schools_counted: int | None = Field(None, description="How many schools have been counted in the background.")
    created_at: datetime
    by: str
    source: str
    as_known_on: datetime | None
    rows: list[RowOut]
    others: list[OtherOut]
    unknown_columns: list[str]


def told(found: Sequence[Reconciled], others: Others, source: str = "dfe-file") -> dict[str, Any]:
    """What an answer says of the rows."""
    return {"rows": [row_of(one, source) for one in found], "others": others_of(others)}


def row_of(one: Reconciled, source: str) -> dict[str, Any]:
    """One row, as it is kept and answered."""
    row, asked, is_file = one.row, one.asked, source == "dfe-file"
    missing = one.coverage.expected_sessions - one.coverage.registers
    return {
        "line": row.line if is_file else None,
        "level": "school" if row.urn is not None else "authority",
        "la_code": row.la_code if row.urn is None else None,
        "school_urn": row.urn,
        "phase": row.phase if is_file else None,
        "academic_year": academic.year_name(asked.year),
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        "basis": asked.basis,
        "status": _status(one),
        "schools": one.schools,
        "their_schools": row.schools or None,
        "figures": [asdict(figure) for figure in one.figures],
        "coverage": {
            **one.coverage._asdict(),
            "sentence": f"{missing} of {one.coverage.expected_sessions} sessions that the calendars have open "
            f"{'has' if missing == 1 else 'have'} no register with us.",
        },
    }


def _status(one: Reconciled) -> str:
    shown = [figure for figure in one.figures if figure.difference is not None]
    if not shown:
        return "suppressed"
    if unexplained(shown):
        return "unexplained"
    return "explained" if any(figure.difference for figure in shown) else "equal"


def others_of(others: Others) -> list[Mapping[str, Any]]:
    """The rows that are not reconciled."""
    return [
        {
            "line": row.line,
            "status": status,
            "name": row.name[:200],
            "phase": row.phase[:40],
            "sentence": row.problem or OTHER["sentence"],
        }
        for row, status in others
    ]


def request_body() -> dict[str, Any]:
    """What the OpenAPI document says of the body."""
    return {
        "requestBody": {
            "required": True,
            "description": "DfE's download as it comes, or a school's own totals; at most 4 MB.",
            "content": {
                "application/json": {"schema": TotalsIn.model_json_schema(), "example": TOTALS},
                "text/csv": {
                    "schema": {"type": "string", "description": "One area and phase a row."},
                    "example": TABLE,
                },
            },
        }
    }
