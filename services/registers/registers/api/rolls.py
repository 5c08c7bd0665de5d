"""A school's roll over HTTP."""

from collections import Counter
from typing import Annotated

import msgspec
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from fastapi import APIRouter, Request, Response

from registers.actions import look
from registers.actions.access import check_school
from registers.actions.roll import Roll, put_roll
from registers.api import bodies, parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Urn
from registers.api.pupil_shapes import RollPupil
from registers.api.shapes import ROLL_EXAMPLE, RollWritten
from registers.domain.problems import Problem
from registers.domain.roll import STATUSES, RowAnswer

Writer = Annotated[Caller, needs("pupils:write")]
Reader = Annotated[Caller, needs("pupils:read")]


class _Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """`RollWritten`, encoded without a detour through pydantic: 5,000 rows."""

    school_urn: int
    sequence: int
    results: list[RowAnswer]
    counts: dict[str, int]
    warnings: list[Problem] = []


def create_router(context: Context) -> APIRouter:
    """The routes of the roll."""
    router = APIRouter(tags=["Roll"])

    @router.put(
        "/v1/schools/{urn}/roll",
        operation_id="putRoll",
        summary="Say who is on the roll",
        response_model=RollWritten,
        openapi_extra=bodies.request_body(bodies.RollDescribed, ROLL_EXAMPLE),
    )
    async def put(urn: Urn, request: Request, caller: Writer) -> Response:  # pyright: ignore[reportUnusedFunction]
        check_school(caller, urn)
        sent, rows = bodies.read_roll(await request.body())
        taken = await put_roll(context.writer, Roll(urn, rows, sent.complete, sent.as_at))
        counts = dict.fromkeys(STATUSES, 0) | Counter(answer.status for answer in taken.answers)
        body = msgspec.json.encode(_Written(urn, taken.sequence, taken.answers, counts, taken.warnings))
        return Response(body, media_type="application/json")

    @router.get(
        "/v1/schools/{urn}/roll",
        operation_id="getRoll",
        summary="The pupils whom the school knows",
        response_model_exclude_unset=True,
    )
    async def get(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[RollPupil]:
        found = await look.roll(context.database, caller, urn, parameters.pupil(cursor), page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"after": [last["pupil_id"]]})
        return Page(items=[RollPupil.model_validate(row) for row in page], next=following)

    return router
