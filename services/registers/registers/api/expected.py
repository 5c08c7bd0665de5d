"""Registers that are expected, missing and late, over HTTP."""

from typing import Annotated

from common.clock import LONDON
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from fastapi import APIRouter, Query, Request

from registers.actions import expecting
from registers.api import parameters
from registers.api.context import Context
from registers.api.expected_shapes import ExpectedRegister, ExpectedRegisters, LateRegister
from registers.api.parameters import Cursor, Day, Urn

Reader = Annotated[Caller, needs("registers:read")]
OfDay = Annotated[Day | None, Query(alias="date", description="The day; today when left out.")]
LaCode = Annotated[str | None, Query(pattern="^[0-9]{3}$", description="Only the schools of this local authority.")]


def create_router(context: Context) -> APIRouter:
    """The routes of expected registers."""
    router = APIRouter(tags=["Registers"])

    @router.get(
        "/v1/schools/{urn}/registers/expected",
        operation_id="listExpectedRegisters",
        summary="Which registers a school should take on a day, and what became of them",
    )
    async def expected(urn: Urn, caller: Reader, on: OfDay = None) -> ExpectedRegisters:  # pyright: ignore[reportUnusedFunction]
        day = on or context.clock.today()
        now = expecting.local_now(context.clock)
        found = await expecting.registers_expected(context.database, caller, urn, day, now)
        return ExpectedRegisters(school_urn=urn, date=day, registers=[_expected(one) for one in found])

    @router.get(
        "/v1/registers/late",
        operation_id="listLateRegisters",
        summary="Registers that are missing, or came late, at all schools",
    )
    async def late(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        on: OfDay = None,
        la_code: LaCode = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[LateRegister]:
        day = on or context.clock.today()
        urn, session = (0, 0) if cursor is None else parameters.whole(*parameters.positions(cursor, 2))
        found = await expecting.late_registers(context.database, caller, day, la_code, (urn, session), page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"after": [last.school_urn, last.session]})
        return Page(items=[_late(one) for one in page], next=following)

    return router


def _expected(one: expecting.ExpectedRegister) -> ExpectedRegister:
    return ExpectedRegister(
        session=one.place.session.name,
        status=one.status,
        closes_at=one.closes_at,
        received_at=None if one.received_at is None else one.received_at.astimezone(LONDON),
        marked=one.coverage.marked,
        expected=one.coverage.expected,
    )


def _late(one: expecting.LateRegister) -> LateRegister:
    return LateRegister(
        school_urn=one.school_urn,
        school_name=one.name,
        date=one.on,
        session=one.session.name,
        status="missing" if one.received_at is None else "late",
        closes_at=one.closes_at.astimezone(LONDON),
        announced_at=one.announced_at.astimezone(LONDON),
        received_at=None if one.received_at is None else one.received_at.astimezone(LONDON),
        marked=one.marked,
        expected=one.expected,
    )
