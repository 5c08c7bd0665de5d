"""One child over HTTP: look-up, marks with their history, contacts for letters."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import Annotated, Any, Literal

from common.errors import Fault, InvalidError, MovedError
from common.security import Caller, needs
from common.web import Page, PageSize, encode_cursor, next_path
from fastapi import APIRouter, Query, Request

from registers.actions import look
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, PupilId
from registers.api.pupil_shapes import Found, Lookup, PupilContacts
from registers.api.quality import amender
from registers.api.shapes import Entry, Problem, PupilMark
from registers.domain import problems
from registers.domain.contacts import why_parent
from registers.domain.standing import Details, Told

MarkReader = Annotated[Caller, needs("registers:read", by_child=True)]
PupilReader = Annotated[Caller, needs("pupils:read", by_child=True)]
From = Annotated[Day | None, Query(alias="from", description="The first day; all before when left out.")]
To = Annotated[Day | None, Query(description="The last day; all after when left out.")]

NOTHING = Details()


def create_router(context: Context) -> APIRouter:
    """The routes of one child."""
    router = APIRouter(tags=["Pupils"])
    database = context.database

    @router.post("/v1/pupils/lookup", operation_id="lookUpPupil", summary="A child's id by UPN or local id")
    async def lookup(sent: Lookup, caller: PupilReader) -> Found:  # pyright: ignore[reportUnusedFunction]
        by_local_id = sent.school_urn is not None and sent.local_id is not None
        if (sent.upn is not None) == by_local_id or (sent.school_urn is None) != (sent.local_id is None):
            fault = Fault("", "one-key", "Give `upn`, or `school_urn` and `local_id`.")
            raise InvalidError("A child is looked up by one key.", faults=[fault])
        if sent.upn is not None:
            return Found(pupil_id=await look.by_upn(database, caller, sent.upn))
        return Found(pupil_id=await look.by_local_id(database, caller, sent.school_urn or 0, sent.local_id or ""))

    @router.get(
        "/v1/pupils/{pupil_id}/marks", operation_id="listPupilMarks", summary="A child's marks and their history"
    )
    async def marks(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        pupil_id: PupilId,
        caller: MarkReader,
        first: From = None,
        last: Annotated[Day | None, Query(alias="to", description="The last day; all after when left out.")] = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[PupilMark]:
        after = parameters.slot(cursor)
        span = first or date.min, last or date.max
        living, told = await look.history(database, caller, str(pupil_id), span, after, page_size + 1)
        if living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{living}/marks")
        items = [_mark(list(slot)) for _, slot in groupby(told, key=lambda one: (one.on, one.session, one.urn))]
        following = None
        if len(items) > page_size:
            end = items[page_size - 1]
            place = [end.date.isoformat(), parameters.session(end.session), end.school_urn]
            following = next_path(request, encode_cursor({"after": place}))
        return Page(items=items[:page_size], next=following)

    @router.get(
        "/v1/pupils/{pupil_id}/contacts", operation_id="getPupilContacts", summary="Whom to write to about a child"
    )
    async def contacts(pupil_id: PupilId, caller: PupilReader) -> PupilContacts:  # pyright: ignore[reportUnusedFunction]
        found = await look.contacts(database, caller, str(pupil_id))
        if found.living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{found.living}/contacts")
        contacts = [_contact(row) for row in found.contacts]
        schools = [{"school_urn": row["urn"], "name": row["name"]} for row in found.schools]
        return PupilContacts.model_validate(
            {"pupil_id": found.living, **found.person, "schools": schools, "contacts": contacts}
        )

    return router


def _contact(row: Mapping[str, Any]) -> dict[str, Any]:
    """A contact's row, with what makes the person a parent."""
    because = why_parent(row["relationship"], row["parental_responsibility"], row["care_of_child"])
    return {**row, "parent_because": because}


def entry(told: Told) -> Entry:
    """One entry of a mark's record."""
    sent, details = told.entry, told.entry.details or NOTHING
    return Entry(
        code=sent.code,
        status=_status(told),
        minutes_late=details.minutes_late,
        comment=details.comment,
        reason=details.reason,
        amended_by=amender(details.amended_by),
        reason_detail=list(details.reason_detail),
        arrived_at=details.arrived_at,
        taken_by=told.taken_by,
        taken_at=told.taken_at,
        received_at=told.received_at,
        source_version=sent.version,
        problem=_problem(sent.problem),
    )


def _status(told: Told) -> Literal["standing", "deleted", "quarantined", "superseded"]:
    sent = told.entry
    if sent.stands:
        return "deleted" if sent.code is None else "standing"
    return "quarantined" if sent.problem else "superseded"


def _problem(code: str | None) -> Problem | None:
    if code is None:
        return None
    told = problems.problem(code)
    return Problem(code=told.code, detail=told.detail)


def _mark(slot: list[Told]) -> PupilMark:
    """A slot as it stands, and its other entries in the order in which they came."""
    stands: Iterable[Told] = (told for told in slot if told.entry.stands)
    current = next(iter(stands), None)
    now = entry(current) if current is not None else _none()
    place = slot[0]
    return PupilMark(
        **now.model_dump(),
        school_urn=place.urn,
        date=place.on,
        session=place.session.name,
        history=[entry(told) for told in slot if told is not current],
    )


def _none() -> Entry:
    """No entry stands: all that was sent waits in quarantine."""
    return Entry(
        code=None,
        status="none",
        minutes_late=None,
        comment=None,
        reason=None,
        amended_by=None,
        taken_by=None,
        taken_at=None,
        received_at=None,
        source_version=None,
    )
