"""Schools and their calendars over HTTP."""

from datetime import date
from typing import Annotated

from common.academic import Session, year_name, year_of
from common.errors import Fault, InvalidError
from common.security import Caller, needs
from common.web import Page, PageSize, encode_cursor, next_path
from fastapi import APIRouter, Request

from registers.actions import look
from registers.actions import schools as actions
from registers.actions.access import check_school
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Urn, YearName
from registers.api.shapes import CalendarIn, CalendarOut, CalendarWritten, DayOpen, SchoolIn, SchoolOut
from registers.domain.schools import School

Writer = Annotated[Caller, needs("registers:write")]
Reader = Annotated[Caller, needs("registers:read")]


def create_router(context: Context) -> APIRouter:
    """The routes of schools and calendars."""
    router = APIRouter(tags=["Schools"])
    database = context.database

    @router.put("/v1/schools/{urn}", operation_id="putSchool", summary="Make or change a school")
    async def put_school(urn: Urn, sent: SchoolIn, caller: Writer) -> SchoolOut:  # pyright: ignore[reportUnusedFunction]
        check_school(caller, urn)
        school = School(urn, sent.name, sent.la_code, sent.laestab, sent.phase)
        return _school(await actions.put_school(context.writer, database, school))

    @router.get("/v1/schools/{urn}", operation_id="getSchool", summary="A school")
    async def get_school(urn: Urn, caller: Reader) -> SchoolOut:  # pyright: ignore[reportUnusedFunction]
        return _school(await look.school(database, caller, urn))

    @router.get("/v1/schools", operation_id="listSchools", summary="The schools that the token opens")
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
        sequence = await actions.put_calendar(context.writer, urn, year, _sessions(sent, year))
        return CalendarWritten(school_urn=urn, academic_year=academic_year, sequence=sequence)

    @router.get(
        "/v1/schools/{urn}/calendars/{academic_year}", operation_id="getCalendar", summary="A school's calendar"
    )
    async def get_calendar(  # pyright: ignore[reportUnusedFunction]
        urn: Urn, academic_year: YearName, caller: Reader
    ) -> CalendarOut:
        year = parameters.year(academic_year)
        days = await look.calendar(database, caller, urn, year)
        opened = [DayOpen(date=day, sessions=[half.name for half in sorted(days[day])]) for day in sorted(days)]
        return CalendarOut(school_urn=urn, academic_year=year_name(year), days=opened)

    return router


def _school(school: School) -> SchoolOut:
    return SchoolOut(
        urn=school.urn,
        name=school.name,
        la_code=school.la_code,
        laestab=school.laestab,
        phase=school.phase,  # pyright: ignore[reportArgumentType]
        sequence=school.sequence,
    )


def _sessions(sent: CalendarIn, year: int) -> dict[date, frozenset[Session]]:
    """The open sessions by day; InvalidError for days of another year and days that are listed twice."""
    days: dict[date, frozenset[Session]] = {}
    seen: dict[date, int] = {}
    faults: list[Fault] = []
    for place, day in enumerate(sent.days):
        pointer = f"/days/{place}/date"
        if year_of(day.date) != year:
            faults.append(Fault(pointer, "outside-year", f"Not in the academic year {year_name(year)}."))
        first = seen.setdefault(day.date, place)
        if first != place:
            faults.append(Fault(pointer, "duplicate-day", f"As in /days/{first}."))
        if day.sessions:
            days[day.date] = frozenset(Session[half] for half in day.sessions)
    if faults:
        raise InvalidError("The calendar lists days that it may not list.", faults=faults)
    return days
