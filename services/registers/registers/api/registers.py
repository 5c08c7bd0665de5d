"""Registers over HTTP: posting one, reading it, taking a mark back; what waits in quarantine; the ledger as change
feed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from common.academic import Session
from common.codes import code_table
from common.correlation import correlation_id
from common.security import Caller, needs
from common.web import Page, PageSize, next_path
from common.web.conditions import TAGGED, IfMatch, Unchanged, tag, unless_changed
from fastapi import APIRouter, Query, Request, Response

from registers.actions import look
from registers.actions.access import check_school
from registers.actions.deletion import Deletion, delete_mark
from registers.api import bodies, parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Half, OnDay, PupilId, SourceVersion, Urn
from registers.api.pupils import entry
from registers.api.quality import add_quality
from registers.api.shapes import (
    CHANGE_EXAMPLE,
    REGISTER_EXAMPLE,
    MarkDeleted,
    RegisterOut,
    RegisterWritten,
    StandingMark,
)
from registers.api.waiting_shapes import MendOut, WaitingMark
from registers.domain import mending, problems
from registers.domain.register import STATUSES, MarkAnswer, Register
from registers.domain.standing import state_of_register

Writer = Annotated[Caller, needs("registers:write")]
Reader = Annotated[Caller, needs("registers:read")]
Since = Annotated[int, Query(ge=0, le=parameters.VERSIONS, description="The last entry that you have.")]

PATH = "/v1/schools/{urn}/registers/{date}/{session}"


class _Written(msgspec.Struct, frozen=True):
    """`RegisterWritten`, encoded without a detour through pydantic: this is the hot path."""

    school_urn: int
    date: date
    session: str
    sequence: int
    marks: list[MarkAnswer]
    counts: dict[str, int]


_encode = msgspec.json.Encoder().encode


def create_router(context: Context) -> APIRouter:
    """The routes of registers and of what becomes of them."""
    router = APIRouter(tags=["Registers"])
    _add_registers(router, context)
    _add_lists(router, context)
    add_quality(router, context)
    return router


def _add_registers(router: APIRouter, context: Context) -> None:
    @router.put(
        PATH,
        operation_id="putRegister",
        summary="Post a register, or part of one",
        response_model=RegisterWritten,
        openapi_extra=bodies.request_body(bodies.RegisterBody, REGISTER_EXAMPLE),
    )
    async def put_register(  # pyright: ignore[reportUnusedFunction]
        urn: Urn, on: OnDay, half: Half, request: Request, caller: Writer, if_match: IfMatch = None
    ) -> Response:
        check_school(caller, urn)
        sent = bodies.read_register(await request.body())
        register = Register(
            urn,
            on,
            parameters.session(half),
            sent.source_version,
            sent.taken_at,
            sent.taken_by,
            context.clock.now(),
            correlation_id(),
            sent.marks,
        )
        outcome = await context.recorder.record(register, unless_changed(if_match))
        counts = dict.fromkeys(STATUSES, 0)
        for answer in outcome.answers:
            counts[answer.status] += 1
        written = _Written(urn, on, half, outcome.sequence, outcome.answers, counts)
        return Response(_encode(written), media_type="application/json")

    @router.get(PATH, operation_id="getRegister", summary="A register as it stands", responses=TAGGED)
    async def get_register(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, on: OnDay, half: Half, caller: Reader
    ) -> RegisterOut:
        sequence, standing = await look.register(context.database, caller, urn, on, parameters.session(half))
        marks = [
            StandingMark(**entry(told).model_dump(), pupil_id=child, local_id=local_id)
            for child, local_id, told in standing
        ]
        shown = RegisterOut(school_urn=urn, date=on, session=half, sequence=sequence, marks=marks)
        response.headers["ETag"] = tag(state_of_register(standing), shown)
        return shown

    @router.delete(PATH + "/marks/{pupil_id}", operation_id="deleteMark", summary="Take back a mark sent in error")
    async def delete(  # pyright: ignore[reportUnusedFunction]
        urn: Urn,
        on: OnDay,
        half: Half,
        pupil_id: PupilId,
        caller: Writer,
        only: Unchanged,
        source_version: SourceVersion = None,
    ) -> MarkDeleted:
        check_school(caller, urn)
        now: datetime = context.clock.now()
        sent = Deletion(urn, on, parameters.session(half), str(pupil_id), source_version, now, correlation_id())
        child, status, sequence = await delete_mark(context.writer, sent, only)
        return MarkDeleted(
            school_urn=urn,
            date=on,
            session=half,
            pupil_id=child,
            sequence=sequence,
            status=status,  # pyright: ignore[reportArgumentType]
        )


def _add_lists(router: APIRouter, context: Context) -> None:
    @router.get("/v1/schools/{urn}/quarantine", operation_id="listQuarantine", summary="Marks that can't stand (yet)")
    async def quarantine(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[WaitingMark]:
        rows = await look.quarantine(context.database, caller, urn, parameters.place(cursor), page_size + 1)
        return _listed(request, rows, page_size, _waiting)

    @router.get(
        "/v1/schools/{urn}/changes",
        operation_id="listChanges",
        summary="The school's ledger after an entry, in order",
        response_model=Page[dict[str, Any]],
        responses={200: {"content": {"application/json": {"example": {"items": [CHANGE_EXAMPLE], "next": None}}}}},
    )
    async def changes(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, since: Since = 0, page_size: PageSize = 100
    ) -> Response:
        found = await look.changes(context.database, caller, urn, since, page_size + 1)
        page = found[:page_size]
        following = None
        if len(found) > page_size:
            url = request.url.include_query_params(since=page[-1][0])
            following = f"{url.path}?{url.query}"
        items = [msgspec.Raw(body) for _, body in page]
        return Response(_encode({"items": items, "next": following}), media_type="application/json")


def _listed(request: Request, rows: Sequence[Any], page_size: int, shape: Any) -> Any:
    page = rows[:page_size]
    following = next_path(request, parameters.place_cursor(page[-1])) if len(rows) > page_size else None
    return Page(items=[shape(row) for row in page], next=following)


def mend_out(problem: str, code: str, on: date, successor: int | None = None) -> MendOut:
    """What would mend a mark, for an answer. `successor`: the school that had taken over by that day, if one had."""
    if successor is not None and problem in ("closed-session", "unknown-pupil"):
        told = mending.to_successor(successor, problem)
    else:
        told = mending.mend(problem, code, on, code_table())
    return MendOut(action=told.action, operation=told.operation, detail=told.detail, codes=list(told.codes))


def _waiting(row: Any) -> WaitingMark:
    told = problems.problem(row["problem"])
    return WaitingMark.model_validate(
        {
            "date": row["date"],
            "session": Session(row["session"]).name,
            "pupil_id": row["pupil_id"],
            "key": {"kind": row["key_kind"], "value": row["key"]} if row["key_kind"] else None,
            "code": row["code"],
            "source_version": row["version"],
            "taken_by": row["taken_by"],
            "taken_at": row["taken_at"],
            "received_at": row["received_at"],
            "problem": {"code": told.code, "detail": told.detail},
            "mend": mend_out(row["problem"], row["code"], row["date"], row["successor"]),
        }
    )
