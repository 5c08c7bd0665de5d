"""Reconciliation over HTTP: DfE's download or a school's own totals against our marks; and our figures as DfE's table.

`totals:read` opens both: nothing but the answer is kept, and it tells what the token may read in other ways.
"""

from datetime import date, datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.errors import Fault, InvalidError, NotFoundError, UnsupportedMediaTypeError
from common.security import Caller
from common.web import bodies
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, ValidationError

from absence_engine.actions import reconcile as actions
from absence_engine.actions import reconciling
from absence_engine.actions.holding import Policies
from absence_engine.actions.reconcile import Terms
from absence_engine.api import reconciliation_shapes as shapes
from absence_engine.api.at_least import Reader, prefers_async
from absence_engine.api.groups import LaCode
from absence_engine.api.reconciliation_shapes import RECONCILIATION_ID, ReconciliationOut, TotalsIn
from absence_engine.api.shapes import AcademicYear, year_of
from absence_engine.domain import dfe_file
from absence_engine.domain.dfe_file import FileRow, Theirs
from absence_engine.domain.reconciliation import SUMS, UNITS
from absence_engine.store.reconciliations import Kept

PATH = "/v1/reconciliations"
STREAMS = frozenset({PATH})
FORMS = ("application/json", "text/csv")

KnownOn = Annotated[
    AwareDatetime | None,
    Query(
        description="When they counted: marks that came or changed later are a reason of their own.",
        examples=["2025-10-24T18:00:00+01:00"],
    ),
]
From = Annotated[
    date | None,
    Query(
        alias="from", description="The first day that a file counts; by default DfE's, the second Monday in September."
    ),
]
To = Annotated[date | None, Query(description="The last day that a file counts; by default 31 July.")]
Prefer = Annotated[
    str | None,
    Header(
        description="`respond-async`: a file is counted in the background, and the answer is 202 at once; an authority "
        "of 170,000 pupils takes some ten seconds. `wait=N`: seconds to wait for `at_least`."
    ),
]
ReconciliationId = Annotated[UUID, Path(description="A reconciliation's id.", examples=[RECONCILIATION_ID])]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes of reconciliations, and DfE's table."""
    router = APIRouter(tags=["Reconciliation"])

    @router.post(
        PATH,
        operation_id="postReconciliation",
        summary="Reconcile DfE's download, or a school's own totals, with our marks",
        status_code=201,
        response_model=ReconciliationOut,
        responses={202: {"model": ReconciliationOut, "description": "Accepted; `Location` tells what comes of it."}},
        openapi_extra=shapes.request_body(),
    )
    async def post(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        response: Response,
        caller: Reader,
        as_known_on: KnownOn = None,
        from_: From = None,
        to: To = None,
        prefer: Prefer = None,
    ) -> object:
        sent = await _read(request, caller, as_known_on, (from_, to))
        answer: dict[str, Any] = {
            "created_at": clock.now().isoformat(),
            "by": caller.subject,
            "source": sent.source,
            "as_known_on": None if as_known_on is None else as_known_on.isoformat(),
            "rows": [],
            "others": [],
            "unknown_columns": sent.unknown,
        }
        if sent.file is not None and prefers_async(prefer):
            kept = await reconciling.ask(database, clock, caller, sent.file, sent.terms, answer)
            answer |= {"state": "queued", "schools_counted": 0}
            response.status_code = 202
            response.headers["preference-applied"] = "respond-async"
        else:
            async with database.transaction() as tx:
                found, others = await actions.reconcile(tx, caller, sent.rows, sent.terms, policies, clock.today())
            if sent.file is None and others:
                raise NotFoundError("No such school.")
            answer |= shapes.told(found, others, sent.source)
            kept = await actions.keep(database, clock, Kept(caller.subject, actions.schools_of(found), answer))
        response.headers["location"] = f"{PATH}/{kept}"
        return {"reconciliation_id": kept, **answer}

    _add_reading(router, database, policies, clock)
    return router


def _add_reading(router: APIRouter, database: Database, policies: Policies, clock: Clock) -> None:
    @router.get(
        "/v1/reconciliations/{reconciliation_id}",
        operation_id="getReconciliation",
        summary="A reconciliation, as it was answered, or how far it has come",
        response_model=ReconciliationOut,
    )
    async def one(reconciliation_id: ReconciliationId, caller: Reader) -> object:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            kept = await actions.look(tx, caller, str(reconciliation_id))
        return {"reconciliation_id": str(reconciliation_id), **kept.answer}  # the model leaves out what was sent

    @router.get(
        "/v1/areas/{la_code}/dfe-export",
        operation_id="getDfeExport",
        summary="An authority's figures as DfE's table",
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": shapes.TABLE}}}},
    )
    async def export(  # pyright: ignore[reportUnusedFunction]
        la_code: LaCode, caller: Reader, academic_year: AcademicYear = None, from_: From = None, to: To = None
    ) -> Response:
        year = year_of(academic_year, academic.year_of(clock.today()))
        if not caller.reach.is_everywhere:
            raise NotFoundError  # an area is more than the caller's schools
        _check_days(from_, to)
        async with database.transaction() as tx:
            found = await actions.export(tx, la_code, year, (from_, to), policies)
        name = f"attendance-{year}-{(year + 1) % 100:02d}.csv"
        disposition = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(dfe_file.write(found, year, la_code), media_type="text/csv", headers=disposition)


class _Sent(NamedTuple):
    """What was sent: where it is from, its rows, columns that we do not know, how it counts; the file, if it is one."""

    source: str
    rows: list[FileRow]
    unknown: list[str]
    terms: Terms
    file: bytes | None = None


async def _read(
    request: Request, caller: Caller, known_on: datetime | None, days: tuple[date | None, date | None]
) -> _Sent:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS:
        raise UnsupportedMediaTypeError(f"Send one of {', '.join(FORMS)}.")
    length = request.headers.get("content-length", "")
    body = await bodies.read(request.receive, int(length) if length.isdecimal() else None)
    if kind == "text/csv":
        try:
            rows, unknown = dfe_file.read(body)
        except dfe_file.FileError as error:
            fault = Fault("", "not-dfe-file", str(error))
            raise InvalidError("This is no table of DfE's.", faults=[fault]) from None
        _check_days(*days)
        return _Sent("dfe-file", rows, unknown, Terms("dfe", *days, known_on), body)
    bodies.check_json(body, kind)
    sent = _totals(body)
    caller.reach.check_school(sent.school_urn)
    return _Sent("school-totals", [_row(sent)], [], Terms(sent.basis, sent.from_, sent.to, known_on))


def _totals(body: bytes) -> TotalsIn:
    try:
        sent = TotalsIn.model_validate_json(body)
    except ValidationError as error:
        wrong: list[Any] = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(wrong) from None
    _check_days(sent.from_, sent.to, "/")
    if academic.year_of(sent.from_) != academic.year_of(sent.to):
        fault = Fault("/to", "two-years", "Both days lie in one academic year.")
        raise InvalidError("The days can't be these.", faults=[fault])
    return sent


def _check_days(first: date | None, last: date | None, pointer: str = "") -> None:
    if any(day is not None and not 1900 <= day.year <= 2200 for day in (first, last)):
        raise InvalidError("Days are from 1900 to 2200.", faults=[Fault(f"{pointer}from", "bad-days", "1900 to 2200.")])
    if first is not None and last is not None and first > last:
        fault = Fault(f"{pointer}to", "before-from", "`to` lies before `from`.")
        raise InvalidError("The days can't be these.", faults=[fault])


def _row(sent: TotalsIn) -> FileRow:
    sums = {name: getattr(sent, name) for name in (*SUMS, *UNITS) if getattr(sent, name) is not None}
    theirs = Theirs(sums, sent.by_code)
    year = academic.year_of(sent.from_)
    return FileRow(1, "School", "", None, sent.school_urn, dfe_file.TOTAL, year, theirs)
