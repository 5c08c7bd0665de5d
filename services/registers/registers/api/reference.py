"""Reference data over HTTP: the attendance codes (rule book 1), reasons for leaving a roll (6.2, 6.5, 6.9)."""

import hashlib
from dataclasses import asdict
from typing import Annotated

from common.codes import code_table
from common.security import Caller, any_token
from common.web import Page
from fastapi import APIRouter, Header, Query, Response

from registers.api.context import Context
from registers.api.parameters import Day
from registers.api.shapes import CodeOut, ReasonOut
from registers.domain.leaving import leaving_reasons

On = Annotated[Day | None, Query(description="The codes in force on this day; today when left out.")]
OnEnd = Annotated[Day | None, Query(description="The reasons for stays that end on this day; today when left out.")]
IfNoneMatch = Annotated[str | None, Header(description="An `ETag` that you have.")]


def create_router(context: Context) -> APIRouter:
    """The routes of reference data."""
    router = APIRouter(tags=["Reference"])

    @router.get(
        "/v1/reference/attendance-codes",
        operation_id="listAttendanceCodes",
        summary="The attendance codes of a day",
        response_model=Page[CodeOut],
        responses={304: {"description": "Still what the `ETag` stands for."}},
    )
    async def codes(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, any_token()], on: On = None, if_none_match: IfNoneMatch = None
    ) -> Response:
        day = on or context.clock.today()
        items = [CodeOut.model_validate(asdict(code)) for code in code_table().values() if code.in_force(day)]
        body = Page(items=items, next=None).model_dump_json().encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "max-age=3600"}
        offered = [offer.strip().removeprefix("W/") for offer in (if_none_match or "").split(",")]
        if tag in offered or "*" in offered:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    @router.get(
        "/v1/reference/leaving-reasons", operation_id="listLeavingReasons", summary="Why a stay on a roll may end"
    )
    async def reasons(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, any_token()], on: OnEnd = None
    ) -> Page[ReasonOut]:
        day = on or context.clock.today()
        told = [reason for reason in leaving_reasons().values() if reason.in_force(day)]
        return Page(items=[ReasonOut(code=one.code, meaning=one.meaning, rule=one.rule) for one in told], next=None)

    return router
