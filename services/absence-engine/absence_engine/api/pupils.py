"""A child: figures, episodes, and the explanation of an episode."""

from datetime import date
from typing import Annotated
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.web import Page
from fastapi import APIRouter, Query

from absence_engine.actions import episodes, figures, history
from absence_engine.actions.holding import Policies
from absence_engine.api import detail_shapes, history_shapes, shapes
from absence_engine.api.at_least import ChildReader
from absence_engine.api.detail_shapes import PupilOut
from absence_engine.api.history_shapes import AsKnownOn, WithHistory
from absence_engine.api.shapes import AcademicYear, EpisodeOut, ExplainedOut

AsOf = Annotated[date | None, Query(description="Leave out the marks of later days.")]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes under /v1/pupils, and /v1/episodes."""
    router = APIRouter()
    _add_figures(router, database, clock, policies)
    _add_episodes(router, database, policies)
    _add_explanation(router, database, policies)
    return router


def _add_figures(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/pupils/{pupil_id}/absence",
        operation_id="getPupilAbsence",
        tags=["Figures"],
        summary="A child's absence figures",
        response_model=PupilOut,
        response_model_exclude_unset=True,
    )
    async def absence(  # pyright: ignore[reportUnusedFunction]
        pupil_id: UUID,
        caller: ChildReader,
        academic_year: AcademicYear = None,
        as_of: AsOf = None,
        as_known_on: AsKnownOn = None,
    ) -> object:
        year = shapes.year_of(academic_year, academic.year_of(clock.today()))
        async with database.transaction() as tx:
            found = await figures.pupil(tx, str(pupil_id), year, as_of, caller, policies, clock.today(), as_known_on)
        policy = found.policy
        return {
            "pupil_id": str(pupil_id),
            "academic_year": academic.year_name(year),
            "as_of": as_of,
            **history_shapes.known(as_known_on),
            "policy_version": policy.version,
            "child": shapes.figures(found.counts, policy),
            "enrolments": [shapes.stay(one, policy) for one in found.stays],
            "penalty": {
                **shapes.window(found.penalty.best, found.child),
                "current": shapes.window(found.penalty.current, found.child),
            },
            "detail": detail_shapes.detail(found),
            "freshness": shapes.freshness(found.freshness),
        }


def _add_episodes(router: APIRouter, database: Database, policies: Policies) -> None:
    @router.get(
        "/v1/pupils/{pupil_id}/episodes",
        operation_id="listEpisodes",
        tags=["Episodes"],
        summary="A child's episodes, reversed ones included",
        response_model=Page[EpisodeOut],
    )
    async def of_pupil(pupil_id: UUID, caller: ChildReader, as_known_on: AsKnownOn = None) -> object:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            if as_known_on is None:
                found = await episodes.of_pupil(tx, str(pupil_id), caller)
            else:
                found = await history.episodes_as_known(tx, str(pupil_id), as_known_on, caller, policies)
        return {"items": [shapes.episode(one) for one in found], "next": None}


def _add_explanation(router: APIRouter, database: Database, policies: Policies) -> None:
    @router.get(
        "/v1/episodes/{episode_id}",
        operation_id="getEpisode",
        tags=["Episodes"],
        summary="An episode and its explanation",
        response_model=ExplainedOut,
        response_model_exclude_unset=True,
    )
    async def explanation(  # pyright: ignore[reportUnusedFunction]
        episode_id: UUID, caller: ChildReader, as_known_on: AsKnownOn = None, with_history: WithHistory = False
    ) -> object:
        async with database.transaction() as tx:
            told = await episodes.explained(tx, str(episode_id), caller)
            past = await history.explained(tx, told, as_known_on, policies, with_sessions=with_history)
        return history_shapes.explained(past, as_known_on)
