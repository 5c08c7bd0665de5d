"""Admissions and deletions over HTTP: what the local authority must be told of a school's roll."""

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from common.errors import Fault, InvalidError
from common.security import Caller, needs
from common.web import Page, PageSize, encode_cursor, next_path
from fastapi import APIRouter, Query, Request

from registers.actions import returns as actions
from registers.actions.returns import Admission, Deletion
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, Urn
from registers.api.return_shapes import AdmissionOut, DeletionOut
from registers.domain import returns as rules
from registers.domain.contacts import SentContact

Reader = Annotated[Caller, needs("pupils:read")]
From = Annotated[Day | None, Query(alias="from", description="The first day; a week before the last when left out.")]
To = Annotated[Day | None, Query(alias="to", description="The last day; today when left out.")]

WEEK = timedelta(days=6)


def create_router(context: Context) -> APIRouter:
    """The routes of returns."""
    router = APIRouter(tags=["Roll"])
    database = context.database

    @router.get(
        "/v1/schools/{urn}/admissions", operation_id="listAdmissions", summary="Names entered in the admission register"
    )
    async def admissions(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        first: From = None,
        last: To = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[AdmissionOut]:
        span = _span(first, last or context.clock.today())
        found = await actions.admissions(database, caller, urn, span, parameters.day_and_pupil(cursor), page_size + 1)
        return Page(items=[_admission(one) for one in found[:page_size]], next=_next(request, found, page_size))

    @router.get(
        "/v1/schools/{urn}/deletions", operation_id="listDeletions", summary="Names deleted from the admission register"
    )
    async def deletions(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        first: From = None,
        last: To = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[DeletionOut]:
        span = _span(first, last or context.clock.today())
        found = await actions.deletions(database, caller, urn, span, parameters.day_and_pupil(cursor), page_size + 1)
        return Page(items=[_deletion(one) for one in found[:page_size]], next=_next(request, found, page_size))

    return router


def _span(first: date | None, last: date) -> tuple[date, date]:
    if not parameters.FIRST_YEAR <= last.year <= parameters.LAST_YEAR:
        raise InvalidError(faults=[Fault("to", "bad-span", "Not within this century.")])
    if first is not None and first > last:
        raise InvalidError(faults=[Fault("from", "bad-span", "`from` comes after `to`.")])
    return first or last - WEEK, last


def _next(request: Request, found: list[Any], page_size: int) -> str | None:
    if len(found) <= page_size:
        return None
    row = found[page_size - 1].row
    return next_path(request, encode_cursor({"after": [row["day"].isoformat(), row["pupil_id"]]}))


def _admission(one: Admission) -> AdmissionOut:
    return AdmissionOut.model_validate(
        {
            **_pupil(one.row, one.contacts),
            "entered_on": one.row["from_date"],
            "due_on": one.due_on,
            "required": one.is_told,
            "returned": one.row["was_here_before"],
            "previous_school_urn": one.row["other_school"],
        }
    )


def _deletion(one: Deletion) -> DeletionOut:
    return DeletionOut.model_validate(
        {
            **_pupil(one.row, one.contacts),
            "deleted_on": one.row["day"],
            "ground": one.row["leaving_reason"],
            "destination": one.row["destination"],
            "required": one.is_told,
            "next_school_urn": one.row["other_school"],
            "last_attended_on": one.last_attended,
            "unbroken_absence_days": one.unbroken_absence,
            "ground_holds": rules.ground_holds(one.row["leaving_reason"], one.unbroken_absence),
        }
    )


def _pupil(row: Any, contacts: Any) -> dict[str, Any]:
    said = {name: row[name] for name in ("kind", "home_la", "leaving_reason", "destination")}
    return {
        **row,
        "enrolment": {"from": row["from_date"], "to": row["to_date"], **said},
        "contacts": [_contact(contact) for contact in contacts],
    }


def _contact(contact: SentContact) -> dict[str, Any]:
    return msgspec.to_builtins(contact)
