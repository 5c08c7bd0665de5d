"""A child: figures, episodes, and the explanation of an episode."""

from datetime import date
from typing import Annotated
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.web import Page
from fastapi import APIRouter, Query

from absence_engine.actions import episodes, figures
from absence_engine.actions.holding import Policies
from absence_engine.api import shapes
from absence_engine.api.at_least import Reader
from absence_engine.api.shapes import AcademicYear, EpisodeOut, ExplainedOut, PupilOut

AsOf = Annotated[date | None, Query(description="Leave out the marks of later days.")]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes under /v1/pupils, and /v1/episodes."""
    router = APIRouter()

    @router.get(
        "/v1/pupils/{pupil_id}/absence",
        operation_id="getPupilAbsence",
        tags=["Figures"],
        summary="A child's absence figures",
        response_model=PupilOut,
        response_model_exclude_unset=True,
    )
    async def absence(  # pyright: ignore[reportUnusedFunction]
        pupil_id: UUID, caller: Reader, academic_year: AcademicYear = None, as_of: AsOf = None
    ) -> object:
        year = shapes.year_of(academic_year, academic.year_of(clock.today()))
        async with database.transaction() as tx:
            found = await figures.pupil(tx, str(pupil_id), year, as_of, caller, policies, clock.today())
        policy = found.policy
        return {
            "pupil_id": str(pupil_id),
            "academic_year": academic.year_name(year),
            "as_of": as_of,
            "policy_version": policy.version,
            "child": shapes.figures(found.counts, policy),
            "enrolments": [shapes.stay(one, policy) for one in found.stays],
            "penalty": {
                **shapes.window(found.penalty.best, found.child),
                "current": shapes.window(found.penalty.current, found.child),
            },
            "freshness": shapes.freshness(found.freshness),
        }

    @router.get(
        "/v1/pupils/{pupil_id}/episodes",
        operation_id="listEpisodes",
        tags=["Episodes"],
        summary="A child's episodes, reversed ones included",
        response_model=Page[EpisodeOut],
    )
    async def of_pupil(pupil_id: UUID, caller: Reader) -> object:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            found = await episodes.of_pupil(tx, str(pupil_id), caller)
        return {"items": [shapes.episode(one) for one in found], "next": None}

    @router.get(
        "/v1/episodes/{episode_id}",
        operation_id="getEpisode",
        tags=["Episodes"],
        summary="An episode and its explanation",
        response_model=ExplainedOut,
    )
    async def explanation(episode_id: UUID, caller: Reader) -> object:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            return shapes.explained(await episodes.explained(tx, str(episode_id), caller))

    return router
