"""A child's outlook: projection, what-if, and the attendance that is asked of it."""

from typing import Annotated
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.security import Caller, needs
from fastapi import APIRouter

from absence_engine.actions import forecasts
from absence_engine.actions.holding import Policies
from absence_engine.api import detail_shapes, shapes
from absence_engine.api import forecast_shapes as its
from absence_engine.api.at_least import ChildReader
from absence_engine.api.detail_shapes import PersonalTargetOut
from absence_engine.api.forecast_shapes import ProjectionOut, TargetIn, WhatIfIn, WhatIfOut
from absence_engine.api.shapes import AcademicYear
from absence_engine.domain.thresholds import basis_points
from absence_engine.store.targets import Target

Officer = Annotated[Caller, needs("cases:write")]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes of what may be: they read only."""
    router = APIRouter(tags=["Forecasts"])

    @router.get(
        "/v1/pupils/{pupil_id}/projection",
        operation_id="getProjection",
        summary="What a child's year may still come to: sessions left before each line, how open episodes would end",
        response_model=ProjectionOut,
        response_model_exclude_unset=True,
    )
    async def projection(pupil_id: UUID, caller: ChildReader, academic_year: AcademicYear = None) -> object:  # pyright: ignore[reportUnusedFunction]
        today = clock.today()
        year = shapes.year_of(academic_year, academic.year_of(today))
        async with database.transaction() as tx:
            found = await forecasts.projection(tx, str(pupil_id), year, caller, policies, today)
        return its.projection(str(pupil_id), year, found, today)

    @router.post(
        "/v1/pupils/{pupil_id}/what-if",
        operation_id="askWhatIf",
        summary="What the next sessions, attended or missed, would come to; nothing is changed",
        response_model=WhatIfOut,
        response_model_exclude_unset=True,
    )
    async def what_if(pupil_id: UUID, sent: WhatIfIn, caller: ChildReader) -> object:  # pyright: ignore[reportUnusedFunction]
        today = clock.today()
        n, code = (sent.attend, None) if sent.attend is not None else (sent.miss or 0, sent.code)
        async with database.transaction() as tx:
            found = await forecasts.what_if(tx, str(pupil_id), n, code, caller, policies, today)
        return its.what_if(str(pupil_id), academic.year_of(today), found, today)

    return router


def create_target_router(database: Database, clock: Clock) -> APIRouter:
    """The route that says what is asked of a child."""
    router = APIRouter(tags=["Forecasts"])

    @router.put(
        "/v1/pupils/{pupil_id}/personal-target",
        operation_id="putPersonalTarget",
        summary="Say what attendance is asked of a child for whom the usual one is out of reach",
        response_model=PersonalTargetOut,
    )
    async def put_target(pupil_id: UUID, sent: TargetIn, caller: Officer) -> object:  # pyright: ignore[reportUnusedFunction]
        attendance = basis_points(sent.attendance_percent)
        target = Target(attendance, sent.from_, sent.to, sent.reason, sent.by, clock.now())
        async with database.transaction() as tx:
            await forecasts.put_target(tx, str(pupil_id), target, caller)
        return detail_shapes.target(target)

    return router
