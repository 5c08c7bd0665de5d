"""Reference data over HTTP: the attendance codes (rule book 1), reasons for leaving a roll (6.2, 6.5, 6.9)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from common.codes import code_table
from common.security import Caller, any_token
from common.web import Page
from common.web.conditions import TAGGED, digest
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from registers.api.context import Context
from registers.api.parameters import Day
from registers.api.shapes import CodeOut, ReasonOut
from registers.domain.leaving import leaving_reasons

On = Annotated[Day | None, Query(description="The codes in force on this day; today when left out.")]
OnEnd = Annotated[Day | None, Query(description="The reasons for stays that end on this day; today when left out.")]


def create_router(context: Context) -> APIRouter:
    """The routes of reference data."""
    router = APIRouter(tags=["Reference"])

    @router.get(
        "/v1/reference/attendance-codes",
        operation_id="listAttendanceCodes",
        summary="The attendance codes of a day",
        response_model=Page[CodeOut],
        responses=TAGGED,
    )
    async def codes(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, any_token()], on: On = None
    ) -> Response:
        day = on or context.clock.today()
        items = [CodeOut.model_validate(asdict(code)) for code in code_table().values() if code.in_force(day)]
        return tagged(items)

    @router.get(
        "/v1/reference/leaving-reasons",
        operation_id="listLeavingReasons",
        summary="Why a stay on a roll may end",
        response_model=Page[ReasonOut],
        responses=TAGGED,
    )
    async def reasons(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, any_token()], on: OnEnd = None
    ) -> Response:
        day = on or context.clock.today()
        told = [reason for reason in leaving_reasons().values() if reason.in_force(day)]
        return tagged([ReasonOut(code=one.code, meaning=one.meaning, rule=one.rule) for one in told])

    return router


def tagged(items: Sequence[BaseModel]) -> Response:
    """All of a list of reference data, which may be kept for an hour, with its ETag."""
    body = Page(items=list(items), next=None).model_dump_json(by_alias=True).encode()
    headers = {"etag": f'"{digest(body)}"', "cache-control": "max-age=3600"}
    return Response(body, headers=headers, media_type="application/json")
