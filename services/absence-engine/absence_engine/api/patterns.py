"""Patterns of absence: of a child, as its marks are now; of a school, as they were said."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.web import Cursor, PageSize, cut, place_of
from fastapi import APIRouter, Query, Request

from absence_engine.actions import patterns as actions
from absence_engine.actions.holding import Policies
from absence_engine.api import pattern_shapes as its
from absence_engine.api import shapes
from absence_engine.api.at_least import Reader
from absence_engine.api.groups import Urn
from absence_engine.api.pattern_shapes import PatternsOut, SchoolPatternsOut
from absence_engine.api.shapes import AcademicYear
from absence_engine.domain.patterns.kept import Kept
from absence_engine.domain.patterns.rules import KINDS
from absence_engine.store.patterns import Place

OnlyKind = Annotated[str | None, Query(description=f"One of {', '.join(KINDS)}.", max_length=60, examples=["weekday"])]
State = Annotated[Literal["standing", "gone"], Query(description="Patterns that stand, or that are gone.")]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes of patterns."""
    router = APIRouter(tags=["Patterns"])

    @router.get(
        "/v1/pupils/{pupil_id}/patterns",
        operation_id="getPupilPatterns",
        summary="The patterns of a child's absence in a school year, each with its sentence and sessions",
        response_model=PatternsOut,
        response_model_exclude_unset=True,
    )
    async def of_pupil(pupil_id: UUID, caller: Reader, academic_year: AcademicYear = None) -> object:  # pyright: ignore[reportUnusedFunction]
        today = clock.today()
        year = shapes.year_of(academic_year, academic.year_of(today))
        async with database.transaction() as tx:
            found = await actions.of_pupil(tx, str(pupil_id), year, caller, policies, today)
        return its.patterns(str(pupil_id), year, today, *found)

    @router.get(
        "/v1/schools/{urn}/patterns",
        operation_id="listSchoolPatterns",
        summary="The patterns that were told of a school's children, the latest first",
        response_model=SchoolPatternsOut,
        response_model_exclude_unset=True,
    )
    async def of_school(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        kind: OnlyKind = None,
        state: State = "standing",
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        after = place_of(cursor, _place)
        caller.reach.check_school(urn)
        today = clock.today()
        async with database.transaction() as tx:
            found, freshness = await actions.of_school(
                tx, urn, caller, kind, after, page_size + 1, today, standing=state == "standing"
            )
        page, following = cut(request, found, page_size, _position)
        return {
            "items": [its.kept(one) for one in page],
            "next": following,
            "as_of": today,
            "freshness": shapes.freshness(freshness),
        }

    return router


def _position(one: Kept) -> dict[str, Any]:
    return {"detected_at": one.detected_at.isoformat(), "pattern_id": one.pattern_id}


def _place(position: dict[str, Any]) -> Place:
    at = datetime.fromisoformat(position["detected_at"])
    if at.tzinfo is None:
        raise ValueError("a moment has an offset")
    return Place(at, str(UUID(position["pattern_id"])))
