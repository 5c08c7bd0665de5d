"""Simulations over HTTP: a version tried on the marks of a year."""

from typing import Annotated, Any, Literal
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.web import Cursor, Page, PageSize, cut, place_of
from fastapi import APIRouter, Path, Query, Request, Response

from absence_engine.actions import simulate as actions
from absence_engine.api import shapes, simulation_shapes
from absence_engine.api.at_least import Reader
from absence_engine.api.policies import LaCode, Version, Writer
from absence_engine.api.simulation_shapes import SIMULATION_ID, SimulatedPupilOut, SimulationIn, SimulationOut

SimulationId = Annotated[UUID, Path(description="A simulation's id.", examples=[SIMULATION_ID])]
Kind = Annotated[str, Query(min_length=1, max_length=40, description="PA, SA, PN_10_IN_10, …", examples=["PA"])]
Outcome = Annotated[
    Literal["would", "would_not", "both"], Query(description="Crosses under the draft alone, no more, or under both.")
]


def create_router(database: Database, clock: Clock) -> APIRouter:
    """The routes of simulations."""
    router = APIRouter(tags=["Policies"])
    _add_asking(router, database, clock)
    _add_result(router, database)
    _add_pupils(router, database)
    return router


def _add_asking(router: APIRouter, database: Database, clock: Clock) -> None:
    @router.post(
        "/v1/policies/{la_code}/{version}/simulations",
        operation_id="postSimulation",
        summary="Try a version on the marks of a year",
        status_code=202,
        response_model=SimulationOut,
    )
    async def post(  # pyright: ignore[reportUnusedFunction]
        response: Response, la_code: LaCode, version: Version, sent: SimulationIn, caller: Writer
    ) -> object:
        year = shapes.year_of(sent.academic_year, academic.year_of(clock.today()))
        job = await database.in_transaction(
            lambda tx: actions.ask(tx, caller, la_code, version, year, sent.from_, sent.to, clock)
        )
        response.headers["location"] = f"/v1/simulations/{job.simulation_id}"
        return simulation_shapes.simulation(job)


def _add_result(router: APIRouter, database: Database) -> None:
    @router.get(
        "/v1/simulations/{simulation_id}",
        operation_id="getSimulation",
        summary="What a version would have changed",
        response_model=SimulationOut,
    )
    async def one(simulation_id: SimulationId, caller: Reader) -> object:  # pyright: ignore[reportUnusedFunction]
        return simulation_shapes.simulation(await actions.look(database, caller, str(simulation_id)))


def _add_pupils(router: APIRouter, database: Database) -> None:
    @router.get(
        "/v1/simulations/{simulation_id}/pupils",
        operation_id="listSimulatedPupils",
        summary="The pupils of a kind and an outcome",
        response_model=Page[SimulatedPupilOut],
    )
    async def pupils(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        simulation_id: SimulationId,
        kind: Kind,
        outcome: Outcome,
        caller: Reader,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        await actions.look(database, caller, str(simulation_id))
        after = place_of(cursor, _place)
        found = await actions.pupils(database, str(simulation_id), kind, outcome, after, page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"pupil_id": last[0]})
        return {"items": [{"pupil_id": pupil, "school_urn": urn} for pupil, urn in page], "next": following}


def _place(position: dict[str, Any]) -> str:
    return str(UUID(position["pupil_id"]))
