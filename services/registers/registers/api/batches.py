"""Many registers in one request, and the job that takes them: its state, each mark's fate, the errors as CSV."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from common.correlation import correlation_id
from common.errors import MalformedError, UnsupportedMediaTypeError
from common.security import Caller, needs
from common.web.keys import idempotency_key
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from registers.actions import jobs as actions
from registers.actions.access import check_school
from registers.actions.receiving import receive
from registers.actions.writing import new_id
from registers.api.batch_shapes import (
    ERRORS,
    RESULTS,
    JobAccepted,
    JobOut,
    JobWarning,
    Links,
    Progress,
    RowOut,
    SchoolSequence,
    request_body,
)
from registers.api.context import Context
from registers.api.shapes import Problem
from registers.domain.batches.jobs import TABLE_HEADER, Job, Upload
from registers.domain.batches.values import STATUSES, WARNINGS, Form

PATH = "/v1/register-batches"
STREAMS = frozenset({PATH})
FORMS: dict[str, Form] = {"application/json": "json", "application/x-ndjson": "ndjson", "text/csv": "csv"}
NDJSON = "application/x-ndjson"

Writer = Annotated[Caller, needs("registers:write")]
DryRun = Annotated[bool, Query(description="Says what would become of each mark, and keeps nothing.")]
OneSchool = Annotated[
    int | None,
    Query(ge=1, le=9_999_999, description="The school of every row of a table that has no column for it."),
]
Key = Annotated[str | None, idempotency_key("job")]
JobId = Annotated[UUID, Path(description="A job's id.", examples=["7f9c24e8-3b0a-4d5b-9a63-2f1d4c0f8e11"])]


def create_router(context: Context) -> APIRouter:
    """The routes of batches and jobs."""
    router = APIRouter(tags=["Bulk"])
    _add_batches(router, context)
    _add_jobs(router, context)
    return router


def _add_batches(router: APIRouter, context: Context) -> None:
    @router.post(
        PATH,
        operation_id="postRegisterBatch",
        summary="Post many registers at once",
        status_code=202,
        openapi_extra=request_body(),
    )
    async def post_batch(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        response: Response,
        caller: Writer,
        dry_run: DryRun = False,
        school_urn: OneSchool = None,
        idempotency_key: Key = None,
    ) -> JobAccepted:
        form = FORMS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
        if form is None:
            raise UnsupportedMediaTypeError(f"Send one of {', '.join(FORMS)}.")
        if school_urn is not None:
            check_school(caller, school_urn)
        schools, own = caller.reach.listed, caller.token_reach.listed
        upload = Upload(new_id(), caller.subject, schools, own, form, dry_run, idempotency_key, correlation_id())
        job = await receive(context.database, context.clock, upload, school_urn, _chunks(request))
        context.batches.set()
        response.headers["location"] = f"/v1/jobs/{job.job_id}"
        state: Any = job.state
        return JobAccepted(job_id=job.job_id, state=state, links=_links(job))


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise MalformedError("The body ended early.") from None


def _add_jobs(router: APIRouter, context: Context) -> None:
    database = context.database

    @router.get("/v1/jobs/{job_id}", operation_id="getJob", summary="How far a job is")
    async def get_job(job_id: JobId, caller: Writer) -> JobOut:  # pyright: ignore[reportUnusedFunction]
        return _job(await actions.job(database, caller, str(job_id)))

    @router.get(
        "/v1/jobs/{job_id}/results",
        operation_id="listJobResults",
        summary="What became of each mark of a job",
        response_class=Response,
        responses={
            200: {"model": RowOut, "content": {NDJSON: {"example": RESULTS}}, "description": "One result a line."}
        },
    )
    async def results(job_id: JobId, caller: Writer) -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        job = await actions.job(database, caller, str(job_id))
        return StreamingResponse(actions.results(database, job), media_type=NDJSON)

    @router.get(
        "/v1/jobs/{job_id}/errors.csv",
        operation_id="listJobErrors",
        summary="The marks of a job that have a problem, as a table",
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": ERRORS}}}},
    )
    async def errors(job_id: JobId, caller: Writer) -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        job = await actions.job(database, caller, str(job_id))
        disposition = f'attachment; filename="errors-{job.job_id}.csv"'

        async def table() -> AsyncIterator[bytes]:
            yield TABLE_HEADER
            async for part in actions.errors(database, job):
                yield part

        return StreamingResponse(table(), media_type="text/csv", headers={"content-disposition": disposition})


def _links(job: Job) -> Links:
    path = f"/v1/jobs/{job.job_id}"
    return Links(self=path, results=f"{path}/results", errors=f"{path}/errors.csv")


def _job(job: Job) -> JobOut:
    problem = None if job.problem is None else Problem(code=job.problem["code"], detail=job.problem["detail"])
    percent = 100 * job.position // job.bytes if job.bytes else 0
    return JobOut(
        job_id=job.job_id,
        kind="register-batch",
        state=job.state,
        dry_run=job.dry_run,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        progress=Progress(bytes=job.bytes, bytes_done=job.position, lines_done=job.lines, percent=percent),
        counts=dict.fromkeys(STATUSES, 0) | dict(job.counts),
        sequences=[SchoolSequence(school_urn=urn, sequence=number) for urn, number in sorted(job.sequences.items())],
        warnings=[
            JobWarning(code=code, detail=WARNINGS[code], count=warned.rows, first_line=warned.first_line)
            for code, warned in sorted(job.warnings.items())
        ],
        problem=problem,
        links=_links(job),
    )
