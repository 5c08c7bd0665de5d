"""Lists for officers."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from common.academic import year_name, year_of
from common.clock import Clock
from common.db import Database
from common.errors import NotFoundError
from common.web import Cursor, Page, PageSize, cut, place_of
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from absence_engine.actions import worklists
from absence_engine.actions.holding import Policies
from absence_engine.actions.worklists import Standing
from absence_engine.api import answer_shapes, examples, forecast_shapes, shapes
from absence_engine.api.answer_shapes import SeenCoverageOut, SeenOut
from absence_engine.api.at_least import Reader
from absence_engine.api.forecast_shapes import BandedOut, OutlookOut
from absence_engine.api.groups import LaCode, Urn
from absence_engine.api.shapes import EpisodeOut, FreshnessOut
from absence_engine.domain.claims import Episode
from absence_engine.domain.thresholds import RULES
from absence_engine.domain.ticks import day_of
from absence_engine.store import figures as store
from absence_engine.store import grouping
from absence_engine.store.worklist import Place

Kind = Annotated[str, Query(description=f"One of {', '.join(RULES)}.", max_length=60, examples=["PA"])]
State = Annotated[Literal["open", "ended", "reversed"], Query(description="The state of the episodes.")]
OnlyUrn = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Of this school alone.")]


class StandingOut(BaseModel):
    """How a child stands in the present year: its figures, the sessions that are left of it, and what may still come of
    persistent and severe absence.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STANDING]})
    pupil_id: str
    academic_year: str
    policy_version: str
    child: BandedOut
    sessions_left: int
    persistent: OutlookOut
    severe: OutlookOut


class WorkItemOut(EpisodeOut):
    """An episode, and how its child stands now."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WORK_ITEM]})
    pupil_id: str
    school_urn: int
    standing: StandingOut


class WorklistOut(Page[WorkItemOut]):
    """A page of episodes, the latest crossing first; how complete the registers of their schools are this year, and how
    far these are counted.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WORKLIST]})
    as_of: date
    coverage: SeenCoverageOut
    freshness: SeenOut


class AtRiskOut(Page[StandingOut]):
    """A page of pupils, and how far their school is counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.AT_RISK]})
    as_of: date
    freshness: FreshnessOut


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes of lists."""
    router = APIRouter(tags=["Worklists"])
    _add_work(router, database, clock, policies)
    _add_at_risk(router, database, clock, policies)
    return router


def _add_work(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/areas/{la_code}/worklist",
        operation_id="listWork",
        summary="The episodes of an authority's schools by kind, each with how its child stands now",
        response_model=WorklistOut,
    )
    async def work(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        la_code: LaCode,
        caller: Reader,
        kind: Kind = "PA",
        state: State = "open",
        school_urn: OnlyUrn = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        after = place_of(cursor, _place)
        async with database.transaction() as tx:
            await store.snapshot(tx)
            urns = caller.reach.restrict(await grouping.at_present(tx, la_code))
            if not urns or school_urn not in {None, *urns}:
                raise NotFoundError
            asked = urns if school_urn is None else {school_urn}
            today = clock.today()
            found = await worklists.worklist(tx, state, kind, asked, after, page_size + 1, policies, today)
        page, following = cut(request, found.items, page_size, lambda last: _position(last[0]))
        return {
            "items": [_item(episode, standing, today) for episode, standing in page],
            "next": following,
            "as_of": today,
            "coverage": found.seen.coverage._asdict(),
            "freshness": answer_shapes.seen(found.seen),
        }


def _add_at_risk(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/schools/{urn}/at-risk",
        operation_id="listAtRisk",
        summary="Pupils on the way to persistent absence, those first who are nearest to it",
        response_model=AtRiskOut,
        response_model_exclude_unset=True,
    )
    async def at_risk(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> object:
        after = place_of(cursor, _near)
        caller.reach.check_school(urn)
        async with database.transaction() as tx:
            today = clock.today()
            found, freshness = await worklists.at_risk(tx, urn, policies, today)
        left = [one for one in found if after is None or worklists.nearness(one) > after]
        page, following = cut(request, left, page_size, lambda last: {"near": list(worklists.nearness(last))})
        return {
            "items": [_standing(one, today) for one in page],
            "next": following,
            "as_of": today,
            "freshness": shapes.freshness(freshness),
        }


def _item(episode: Episode, standing: Standing, today: date) -> dict[str, Any]:
    its = {"pupil_id": standing.pupil_id, "school_urn": episode.school_urn, "standing": _standing(standing, today)}
    return {**shapes.episode(episode), **its}


def _standing(one: Standing, today: date) -> dict[str, Any]:
    """The fields of StandingOut."""
    return {
        "pupil_id": one.pupil_id,
        "academic_year": year_name(year_of(today)),
        "policy_version": one.policy.version,
        "child": forecast_shapes.banded(one.counts, one.policy),
        "sessions_left": one.left,
        "persistent": one.lines["PA"]._asdict(),
        "severe": one.lines["SA"]._asdict(),
    }


def _position(episode: Episode) -> dict[str, Any]:
    day, session = day_of(episode.crossed), episode.crossed % 2
    return {"day": day.isoformat(), "session": session, "episode_id": episode.episode_id}


def _place(position: dict[str, Any]) -> Place:
    if position["session"] not in (0, 1):
        raise ValueError("no session")
    return Place(date.fromisoformat(position["day"]), position["session"], str(UUID(position["episode_id"])))


def _near(position: dict[str, Any]) -> tuple[int, str]:
    near, pupil_id = position["near"]
    return int(near), str(UUID(pupil_id))
