"""Schools and their calendars over HTTP."""

from datetime import date
from typing import Annotated

from common.errors import Fault, InvalidError
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from common.web.conditions import TAGGED, Putting, tag
from common.web.keys import idempotency_key, keyed
from fastapi import APIRouter, Query, Request, Response

from registers.actions import conversions, look
from registers.actions import schools as actions
from registers.actions.access import check_school
from registers.api import calendar_shapes, parameters
from registers.api.calendar_shapes import CalendarIn, CalendarOut, CalendarWritten
from registers.api.context import Context
from registers.api.parameters import Cursor, Urn, YearName
from registers.api.shapes import ConversionIn, ConversionOut, LaSince, SchoolIn, SchoolOut
from registers.domain import holidays
from registers.domain.schools import School

Writer = Annotated[Caller, needs("registers:write")]
Reader = Annotated[Caller, needs("registers:read")]
Key = Annotated[str | None, idempotency_key("conversion")]
LaCode = Annotated[str | None, Query(pattern="^[0-9]{3}$", description="Of this authority.", examples=["330"])]
Laestab = Annotated[str | None, Query(pattern="^[0-9]{7}$", description="With this LAESTAB.", examples=["3302001"])]
Mover = Annotated[Caller, needs("registers:write", "pupils:write")]


def create_router(context: Context) -> APIRouter:
    """The routes of schools and calendars."""
    router = APIRouter(tags=["Schools"])
    _add_writing(router, context)
    _add_reading(router, context)
    _add_calendars(router, context)
    return router


def _add_writing(router: APIRouter, context: Context) -> None:
    @router.put(
        "/v1/schools/{urn}",
        operation_id="putSchool",
        summary="Make or change a school",
        response_model_exclude_unset=True,
        responses=TAGGED,
    )
    async def put_school(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, sent: SchoolIn, caller: Writer, only: Putting
    ) -> SchoolOut:
        check_school(caller, urn)
        optional = {name: getattr(sent, name) for name in actions.OPTIONAL if name in sent.model_fields_set}
        school = School(urn, sent.name, sent.la_code, sent.laestab, sent.phase, **optional)
        _check(school)
        put = await actions.put_school(context.writer, context.database, school, optional, sent.la_from, only)
        return _tagged(response, put)

    @router.post(
        "/v1/schools/{urn}/conversion",
        operation_id="convertSchool",
        summary="Let another school take over",
    )
    async def convert(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, sent: ConversionIn, caller: Mover, key: Key = None
    ) -> ConversionOut:
        check_school(caller, urn)
        check_school(caller, sent.successor_urn)
        writer = context.writer.once(keyed(caller, key, request, sent), int)
        done = await conversions.convert(writer, urn, sent.successor_urn, sent.on)
        return ConversionOut(
            school_urn=urn,
            successor_urn=sent.successor_urn,
            on=sent.on,
            pupils=done.pupils,
            sequence=done.sequence,
            successor_sequence=done.successor_sequence,
        )


def _add_reading(router: APIRouter, context: Context) -> None:
    @router.get(
        "/v1/schools/{urn}",
        operation_id="getSchool",
        summary="A school",
        response_model_exclude_unset=True,
        responses=TAGGED,
    )
    async def get_school(response: Response, urn: Urn, caller: Reader) -> SchoolOut:  # pyright: ignore[reportUnusedFunction]
        return _tagged(response, await look.school(context.database, caller, urn))

    @router.get(
        "/v1/schools",
        operation_id="listSchools",
        summary="The schools that the token opens",
        response_model_exclude_unset=True,
    )
    async def list_schools(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        la_code: LaCode = None,
        laestab: Laestab = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[SchoolOut]:
        (after,) = (0,) if cursor is None else parameters.whole(*parameters.positions(cursor, 1))
        found = await look.all_schools(context.database, caller, after, page_size + 1, la_code, laestab)
        page, following = cut(request, found, page_size, lambda last: {"after": [last.urn]})
        return Page(items=[_school(school) for school in page], next=following)


def _add_calendars(router: APIRouter, context: Context) -> None:
    @router.put(
        "/v1/schools/{urn}/calendars/{academic_year}", operation_id="putCalendar", summary="Say which sessions are open"
    )
    async def put_calendar(  # pyright: ignore[reportUnusedFunction]
        urn: Urn, academic_year: YearName, sent: CalendarIn, caller: Writer, only: Putting
    ) -> CalendarWritten:
        check_school(caller, urn)
        year = parameters.year(academic_year)
        sequence = await actions.put_calendar(context.writer, urn, year, calendar_shapes.read(sent, year), only)
        return CalendarWritten(school_urn=urn, academic_year=academic_year, sequence=sequence)

    @router.get(
        "/v1/schools/{urn}/calendars/{academic_year}",
        operation_id="getCalendar",
        summary="A school's calendar",
        response_model_exclude_unset=True,
        response_model_exclude_none=True,
        responses=TAGGED,
    )
    async def get_calendar(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, academic_year: YearName, caller: Reader
    ) -> CalendarOut:
        year = parameters.year(academic_year)
        found = await look.calendar(context.database, caller, urn, year)
        shown = calendar_shapes.show(urn, year, found, holidays.in_academic_year(year))
        response.headers["ETag"] = tag(found.state, shown)
        return shown


def _tagged(response: Response, school: School) -> SchoolOut:
    shown = _school(school)
    response.headers["ETag"] = tag(school.state, shown)
    return shown


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
    for name in actions.OPTIONAL:
        if (value := getattr(school, name)) is not None:
            setattr(shown, name, value)
    if school.la_history:
        shown.la_history = [
            LaSince(la_code=one.la_code, from_=None if one.start == date.min else one.start)
            for one in school.la_history
        ]
    return shown


def _check(school: School) -> None:
    """InvalidError for a school that closes before it opens, or follows itself."""
    faults: list[Fault] = []
    if school.opened_on and school.closed_on and school.closed_on < school.opened_on:
        faults.append(Fault("/closed_on", "closes-before-it-opens", "`closed_on` lies before `opened_on`."))
    for name in ("predecessor_urn", "successor_urn"):
        if getattr(school, name) == school.urn:
            faults.append(Fault(f"/{name}", "same-school", "A school does not follow itself."))
    if faults:
        raise InvalidError("The school can't be so.", faults=faults)
