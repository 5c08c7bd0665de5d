"""Schools and their calendars over HTTP."""

from typing import Annotated

from common.security import Caller, needs
from common.web import Page, PageSize, encode_cursor, next_path
from fastapi import APIRouter, Request

from registers.actions import look
from registers.actions import schools as actions
from registers.actions.access import check_school
from registers.api import calendar_shapes, parameters
from registers.api.calendar_shapes import CalendarIn, CalendarOut, CalendarWritten
from registers.api.context import Context
from registers.api.parameters import Cursor, Urn, YearName
from registers.api.shapes import SchoolIn, SchoolOut
from registers.domain import holidays
from registers.domain.schools import School

Writer = Annotated[Caller, needs("registers:write")]
Reader = Annotated[Caller, needs("registers:read")]


def create_router(context: Context) -> APIRouter:
    """The routes of schools and calendars."""
    router = APIRouter(tags=["Schools"])
    database = context.database

    @router.put(
        "/v1/schools/{urn}",
        operation_id="putSchool",
        summary="Make or change a school",
        response_model_exclude_unset=True,
    )
    async def put_school(urn: Urn, sent: SchoolIn, caller: Writer) -> SchoolOut:  # pyright: ignore[reportUnusedFunction]
        check_school(caller, urn)
        school = School(urn, sent.name, sent.la_code, sent.laestab, sent.phase)
        return _school(await actions.put_school(context.writer, database, school))

    @router.get("/v1/schools/{urn}", operation_id="getSchool", summary="A school", response_model_exclude_unset=True)
    async def get_school(urn: Urn, caller: Reader) -> SchoolOut:  # pyright: ignore[reportUnusedFunction]
        return _school(await look.school(database, caller, urn))

    @router.get(
        "/v1/schools",
        operation_id="listSchools",
        summary="The schools that the token opens",
        response_model_exclude_unset=True,
    )
    async def list_schools(  # pyright: ignore[reportUnusedFunction]
        request: Request, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[SchoolOut]:
        (after,) = (0,) if cursor is None else parameters.whole(*parameters.positions(cursor, 1))
        found = await look.all_schools(database, caller, after, page_size + 1)
        page = found[:page_size]
        more = len(found) > page_size
        following = next_path(request, encode_cursor({"after": [page[-1].urn]})) if more else None
        return Page(items=[_school(school) for school in page], next=following)

    @router.put(
        "/v1/schools/{urn}/calendars/{academic_year}", operation_id="putCalendar", summary="Say which sessions are open"
    )
    async def put_calendar(  # pyright: ignore[reportUnusedFunction]
        urn: Urn, academic_year: YearName, sent: CalendarIn, caller: Writer
    ) -> CalendarWritten:
        check_school(caller, urn)
        year = parameters.year(academic_year)
        sequence = await actions.put_calendar(context.writer, urn, year, calendar_shapes.read(sent, year))
        return CalendarWritten(school_urn=urn, academic_year=academic_year, sequence=sequence)

    @router.get(
        "/v1/schools/{urn}/calendars/{academic_year}",
        operation_id="getCalendar",
        summary="A school's calendar",
        response_model_exclude_unset=True,
        response_model_exclude_none=True,
    )
    async def get_calendar(  # pyright: ignore[reportUnusedFunction]
        urn: Urn, academic_year: YearName, caller: Reader
    ) -> CalendarOut:
        year = parameters.year(academic_year)
        found = await look.calendar(database, caller, urn, year)
        return calendar_shapes.show(urn, year, found, holidays.in_academic_year(year))

    return router


def _school(school: School) -> SchoolOut:
    shown = SchoolOut(
        urn=school.urn,
        name=school.name,
        la_code=school.la_code,
        laestab=school.laestab,
        phase=school.phase,  # pyright: ignore[reportArgumentType]
        sequence=school.sequence,
    )
    if school.recalculating:
        shown.recalculating = True
    return shown
