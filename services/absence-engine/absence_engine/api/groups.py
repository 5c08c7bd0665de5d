"""Many children: a school's figures, an area's."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from common import academic
from common.clock import Clock
from common.db import Database
from common.errors import NotFoundError
from common.web import Cursor, PageSize, cut, place_of
from fastapi import APIRouter, Path, Request

from absence_engine.actions import figures
from absence_engine.actions.figures import AreaFigures
from absence_engine.actions.holding import Policies
from absence_engine.api import history_shapes, shapes
from absence_engine.api.answer_shapes import seen, sum_of
from absence_engine.api.at_least import Reader
from absence_engine.api.count_shapes import counts
from absence_engine.api.history_shapes import AsKnownOn
from absence_engine.api.shapes import AcademicYear, AreaOut, SchoolOut
from absence_engine.domain.counts import Counts
from absence_engine.domain.small import LINES, Hidden, what_is_hidden
from absence_engine.domain.sums import Divided

Urn = Annotated[int, Path(ge=1, le=2**31 - 1)]
LaCode = Annotated[str, Path(max_length=20, examples=["330"])]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes under /v1/schools and /v1/areas."""
    router = APIRouter(tags=["Figures"])
    _add_school(router, database, clock, policies)
    _add_area(router, database, clock, policies)
    return router


def _add_school(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/schools/{urn}/absence",
        operation_id="getSchoolAbsence",
        summary="A school's enrolments, each with its figures, and their sum",
        response_model=SchoolOut,
        response_model_exclude_unset=True,
    )
    async def school(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        academic_year: AcademicYear = None,
        as_known_on: AsKnownOn = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        year = shapes.year_of(academic_year, academic.year_of(clock.today()))
        after = place_of(cursor, _place)
        caller.reach.check_school(urn)
        async with database.transaction() as tx:
            found = await figures.school(tx, urn, year, policies, clock.today(), as_known_on)
        left = [one for one in found.stays if after is None or (one.pupil_id, one.stay.from_) > after]
        page, following = cut(
            request, left, page_size, lambda last: {"pupil_id": last.pupil_id, "from": str(last.stay.from_)}
        )
        whole, policy = found.whole, found.policy
        return {
            "school_urn": urn,
            "academic_year": academic.year_name(year),
            **history_shapes.known(as_known_on),
            "policy_version": policy.version,
            "school": {
                **counts(Counts(*whole.figures)),
                "enrolments": whole.members,
                **dict(zip(LINES, whole.over, strict=True)),
            },
            "dfe": sum_of(found.dfe, frozenset(), policy),
            "as_of": clock.today(),
            "items": [shapes.stay(one, policy) for one in page],
            "next": following,
            "freshness": shapes.freshness(found.freshness),
        }


def _add_area(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/areas/{la_code}/absence",
        operation_id="getAreaAbsence",
        summary="A local authority's figures: enrolments, by phase, and children",
        response_model=AreaOut,
    )
    async def area(la_code: LaCode, caller: Reader, academic_year: AcademicYear = None) -> object:  # pyright: ignore[reportUnusedFunction]
        year = shapes.year_of(academic_year, academic.year_of(clock.today()))
        if not caller.reach.is_everywhere:
            raise NotFoundError  # an area is more than the caller's schools
        async with database.transaction() as tx:
            found = await figures.area(tx, la_code, year, policies, clock.today())
        policy = found.policy
        hidden = _hidden(found)
        hidden_of_dfe = what_is_hidden({"dfe": Divided(found.dfe, {})}, (), policy)["dfe"]
        return {
            "la_code": la_code,
            "academic_year": academic.year_name(year),
            "policy_version": policy.version,
            "schools": found.schools,
            "enrolments": shapes.area_group(found.enrolments, hidden.of_total),
            "phases": {
                phase: shapes.area_group(group, hidden.of_groups.get((phase,), frozenset()))
                for phase, group in found.phases.items()
            },
            "children": shapes.area_group(found.children, hidden.of_total),
            "dfe": sum_of(found.dfe, hidden_of_dfe.of_total, policy),
            "as_of": clock.today(),
            "coverage": found.seen.coverage._asdict(),
            "freshness": seen(found.seen),
        }


def _hidden(found: AreaFigures) -> Hidden:
    """What is not shown of an area: as in sums by phase, so that the one does not tell what the other hides."""
    by_phase = Divided(found.enrolments, {(phase,): group for phase, group in found.phases.items()})
    sums = {"enrolments": by_phase, "children": Divided(found.children, {})}
    return what_is_hidden(sums, ("phase",), found.policy)["enrolments"]


def _place(position: dict[str, Any]) -> tuple[str, date]:
    return str(UUID(position["pupil_id"])), date.fromisoformat(position["from"])
