"""Cases over HTTP: which child has one, and all that is on it."""

from typing import Annotated
from uuid import UUID

from common.db import Database
from common.security import Caller, needs
from common.web import Cursor, Page, PageSize, cut, place_of
from fastapi import APIRouter, Request

from casework.actions import look
from casework.api.shapes import CaseFileOut, CaseOut, EntryOut, TaskOut

Reader = Annotated[Caller, needs("cases:read")]


def create_router(database: Database) -> APIRouter:
    """The routes under /v1/cases."""
    router = APIRouter(tags=["Cases"])

    @router.get("/v1/cases", operation_id="listCases", summary="Open cases, or the one of a child")
    async def cases(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        pupil_id: UUID | None = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[CaseOut]:
        after = place_of(cursor, lambda position: str(UUID(position["case_id"])))
        wanted = str(pupil_id) if pupil_id else None
        async with database.connection() as tx:
            found = await look.cases(tx, caller.reach.schools, wanted, after, page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"case_id": last.case_id})
        return Page(items=[CaseOut.of(case) for case in page], next=following)

    @router.get(
        "/v1/cases/{case_id}",
        operation_id="getCase",
        summary="A case with its tasks and timeline",
        responses={308: {"description": "Joined to another case of the same child: `Location` names it."}},
    )
    async def case(case_id: UUID, caller: Reader) -> CaseFileOut:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            found = await look.case(tx, str(case_id), caller.reach.schools)
        return CaseFileOut(
            **CaseOut.of(found.case).model_dump(),
            tasks=[TaskOut.of(task) for task in found.tasks],
            timeline=[EntryOut.of(entry) for entry in found.timeline],
        )

    return router
