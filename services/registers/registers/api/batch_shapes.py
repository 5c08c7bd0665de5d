"""The JSON of jobs, with examples for /docs, and what bodies a batch may have."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from registers.api import bodies
from registers.api.shapes import PROBLEM, PUPIL, REGISTER_EXAMPLE, Problem
from registers.domain.batches.jobs import TABLE_HEADER
from registers.domain.batches.lines import BatchRegister
from registers.domain.batches.values import STATUSES

JOB_ID = "7f9c24e8-3b0a-4d5b-9a63-2f1d4c0f8e11"
LINKS = {
    "self": f"/v1/jobs/{JOB_ID}",
    "results": f"/v1/jobs/{JOB_ID}/results",
    "errors": f"/v1/jobs/{JOB_ID}/errors.csv",
}
JOB: dict[str, Any] = {
    "job_id": JOB_ID,
    "kind": "register-batch",
    "state": "done",
    "dry_run": False,
    "created_at": "2025-09-15T16:02:11Z",
    "started_at": "2025-09-15T16:02:11Z",
    "ended_at": "2025-09-15T16:04:40Z",
    "progress": {"bytes": 214748364, "bytes_done": 214748364, "lines_done": 5000001, "percent": 100},
    "counts": {status: 4999987 if status == "accepted" else 13 if status == "rejected" else 0 for status in STATUSES},
    "sequences": [{"school_urn": 100001, "sequence": 812}],
    "warnings": [
        {
            "code": "day-first-date",
            "detail": "Dates written day first (31/12/2025) were read as such; write 2025-12-31.",
            "count": 5000000,
            "first_line": 2,
        }
    ],
    "problem": None,
    "links": LINKS,
}
ACCEPTED: dict[str, Any] = {"job_id": JOB_ID, "state": "queued", "links": LINKS}
REGISTER = {"school_urn": 100001, "date": "2025-09-15", "session": "AM", **REGISTER_EXAMPLE}
TABLE = "URN,Date,Session,UPN,Mark\r\n100001,15/09/2025,AM,H869200124007,/\r\n"
RESULT: dict[str, Any] = {
    "status": "quarantined",
    "line": 3,
    "school_urn": 100001,
    "date": "2025-09-15",
    "session": "AM",
    "pupil_id": PUPIL,
    "code": "8",
    "problem": {"code": "unknown-code", "detail": PROBLEM["detail"]},
}
RESULTS = "".join(
    json.dumps(one) + "\n"
    for one in ({**RESULT, "status": "accepted", "line": 2, "code": "/", "problem": None}, RESULT)
)
ERRORS = TABLE_HEADER.decode() + f"3,,100001,2025-09-15,AM,{PUPIL},8,quarantined,unknown-code,{PROBLEM['detail']}\r\n"


class Links(BaseModel):
    """Paths of the job, of what became of each mark (NDJSON), and of the marks with a problem (CSV)."""

    self: str
    results: str
    errors: str


class JobAccepted(BaseModel):
    """The batch is kept whole; the job will work on it."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACCEPTED]})
    job_id: str
    state: Literal["queued", "running", "done", "failed"]
    links: Links


class Progress(BaseModel):
    """How much of what was sent is done with; `lines_done`: lines of the file, or registers of a JSON body."""

    bytes: int
    bytes_done: int
    lines_done: int
    percent: int


class SchoolSequence(BaseModel):
    """The last number of a school's ledger that the job stands behind, for `at_least`."""

    school_urn: int
    sequence: int


class JobWarning(BaseModel):
    """Something that was put up with: how often, and the first line."""

    code: str
    detail: str
    count: int
    first_line: int


class JobOut(BaseModel):
    """A job. `counts` are marks by what became of them; a register that can't be read is one `rejected`."""

    model_config = ConfigDict(json_schema_extra={"examples": [JOB]})
    job_id: str
    kind: Literal["register-batch"]
    state: Literal["receiving", "queued", "running", "done", "failed"]
    dry_run: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: Progress
    counts: dict[str, int]
    sequences: list[SchoolSequence]
    warnings: list[JobWarning]
    problem: Problem | None = Field(description="Why a failed job could not go on; what it did before stands.")
    links: Links


class RowOut(BaseModel):
    """One line of a job's results: what became of one mark, or of a row or register that can't be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [RESULT]})
    status: Literal["accepted", "unchanged", "corrected", "quarantined", "stale", "rejected"]
    line: int | None = Field(None, description="The line of the file, from 1 (CSV, NDJSON).")
    pointer: str | None = Field(None, description="JSON pointer into the body (JSON) or the line (NDJSON).")
    school_urn: int | None = None
    date: Annotated[str | None, Field(description="The day of the session.", json_schema_extra={"format": "date"})] = (
        None
    )
    session: Literal["AM", "PM"] | None = None
    pupil_id: str | None = None
    code: str | None = None
    problem: Problem | None = None


def request_body() -> dict[str, Any]:
    """What the OpenAPI document says of the body of a batch."""
    register = bodies.schema_of(BatchRegister)
    whole = {
        "type": "object",
        "required": ["registers"],
        "properties": {"registers": {"type": "array", "items": register}},
    }
    return {
        "requestBody": {
            "required": True,
            "description": "At most 2 GB. A register in it is at most 4 MB, and has at most 2,000 marks.",
            "content": {
                "application/json": {"schema": whole, "example": {"registers": [REGISTER]}},
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One register a line."},
                    "example": '{"school_urn": 100001, "date": "2025-09-15", "session": "AM", "marks": []}\n',
                },
                "text/csv": {"schema": {"type": "string", "description": "One mark a row."}, "example": TABLE},
            },
        }
    }
