"""Letters over HTTP: the list, one letter, and what it says."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from common.errors import NotAcceptableError
from common.security import Caller, needs
from common.web import Cursor, Page, PageSize, cut, place_of, problems
from common.web.conditions import TAGGED, tag
from fastapi import APIRouter, Query, Request, Response

from notifications.actions import look
from notifications.actions.office import Office
from notifications.api.media import preferred
from notifications.api.shapes import LetterOut
from notifications.domain.values import Status

Reader = Annotated[Caller, needs("letters:read")]

HTML, TEXT = "text/html", "text/plain"
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The letter.",
        "content": {
            HTML: {"schema": {"type": "string"}, "example": '<!DOCTYPE html><html lang="en-GB">…</html>'},
            TEXT: {"schema": {"type": "string"}, "example": "Dear Robin Parent,\n\n…"},
        },
    },
    406: {
        "description": "Not to be had in any form that the caller accepts.",
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                "example": problems.body(NotAcceptableError(), "/v1/letters/{letter_id}/content"),
            }
        },
    },
}


def create_router(office: Office) -> APIRouter:
    """The routes under /v1/letters."""
    router = APIRouter(tags=["Letters"])
    _add_lists(router, office)
    _add_content(router, office)
    return router


def _add_lists(router: APIRouter, office: Office) -> None:
    @router.get("/v1/letters", operation_id="listLetters", summary="Letters, in the order in which they were made")
    async def letters(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        pupil_id: UUID | None = None,
        status: Status | None = None,
        school_urn: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        episode_id: UUID | None = None,
        kind: Annotated[str | None, Query(max_length=100)] = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[LetterOut]:
        which = look.LetterFilter(
            schools=caller.reach.schools,
            status=status,
            school_urn=school_urn,
            pupil_id=str(pupil_id) if pupil_id else None,
            kind=kind,
            episode_id=str(episode_id) if episode_id else None,
            after=place_of(cursor, _place),
        )
        async with office.database.connection() as tx:
            found = await look.letters(tx, which, page_size + 1)
        page, following = cut(
            request, found, page_size, lambda last: {"made_at": last.made_at.isoformat(), "letter_id": last.letter_id}
        )
        return Page(items=[LetterOut.of(letter) for letter in page], next=following)

    @router.get("/v1/letters/{letter_id}", operation_id="getLetter", summary="One letter", responses=TAGGED)
    async def letter(letter_id: UUID, caller: Reader, response: Response) -> LetterOut:  # pyright: ignore[reportUnusedFunction]
        async with office.database.connection() as tx:
            found = await look.letter(tx, str(letter_id), caller.reach.schools)
        shown = LetterOut.of(found)
        response.headers["ETag"] = tag(str(found.revision), shown)
        return shown


def _add_content(router: APIRouter, office: Office) -> None:
    @router.get(
        "/v1/letters/{letter_id}/content",
        operation_id="getLetterContent",
        summary="What a letter says, as HTML (the default) or plain text: by `Accept`",
        response_class=Response,
        responses=CONTENT,
    )
    async def content(request: Request, letter_id: UUID, caller: Reader) -> Response:  # pyright: ignore[reportUnusedFunction]
        media = preferred(request.headers.get("accept"), (HTML, TEXT))
        if media is None:
            async with office.database.connection() as tx:
                await look.letter(
                    tx, str(letter_id), caller.reach.schools
                )  # a letter that is not there is not there in any form
            raise NotAcceptableError(f"Letters are to be had as {HTML} and {TEXT}.")
        rendered = await look.content(office, str(letter_id), caller.reach.schools)
        return Response(
            rendered.html if media == HTML else rendered.text,
            media_type=media,
            headers={
                "Vary": "Accept",
                "Cache-Control": "no-store",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
            },
        )


def _place(position: dict[str, Any]) -> tuple[datetime, str]:
    made_at = datetime.fromisoformat(position["made_at"])
    if made_at.tzinfo is None:
        raise ValueError("no offset")
    return made_at, str(UUID(position["letter_id"]))
