"""Who has less than full-time education at a school, over HTTP."""

from datetime import date
from typing import Any
from uuid import UUID

from common.academic import year_name, year_of
from common.clock import Clock
from common.db import Database
from common.web import Cursor, Page, PageSize, cut, place_of
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.actions import entitlement as actions
from absence_engine.api import examples, shapes
from absence_engine.api.at_least import Reader
from absence_engine.api.groups import Urn
from absence_engine.api.shapes import FreshnessOut
from absence_engine.domain.entitlement import CODES, Entitlement

ITEM: dict[str, Any] = {
    "pupil_id": examples.PUPIL_ID,
    "academic_year": examples.YEAR,
    "part_time_timetable_in_force": True,
    "statuses": [
        {"status": "part_time_timetable", "sessions": 12, "first": "2025-09-08", "last": "2025-09-30"},
    ],
}


class StatusOut(BaseModel):
    """How many sessions of the year had a code of a status, the first and the last day of these."""

    status: str = Field(description="; ".join(f"{status}: {', '.join(codes)}" for status, codes in CODES.items()))
    sessions: int
    first: date
    last: date


class EntitlementOut(BaseModel):
    """A pupil who has, or had this year, less than full-time education at the school. `part_time_timetable_in_force`:
    by what the school has said of its part-time timetables, or a roll's flag.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM]})
    pupil_id: str
    academic_year: str
    part_time_timetable_in_force: bool
    statuses: list[StatusOut]


class EntitlementsOut(Page[EntitlementOut]):
    """A page of pupils, and how far their school is counted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [ITEM], "next": None, "as_of": "2025-09-30", "freshness": examples.FRESHNESS}]
        }
    )
    as_of: date
    freshness: FreshnessOut


def create_router(database: Database, clock: Clock) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["Worklists"])

    @router.get(
        "/v1/schools/{urn}/full-time-entitlement",
        operation_id="listFullTimeEntitlement",
        summary="Pupils on the roll who have less than full-time education at the school, and why",
        response_model=EntitlementsOut,
        response_model_exclude_unset=True,
    )
    async def listed(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> object:
        after = place_of(cursor, _place)
        caller.reach.check_school(urn)
        today = clock.today()
        async with database.transaction() as tx:
            found, freshness = await actions.of_school(tx, urn, after or "", page_size + 1, today)
        page, following = cut(request, found, page_size, lambda last: {"pupil_id": last.pupil_id})
        return {
            "items": [_item(one, year_of(today)) for one in page],
            "next": following,
            "as_of": today,
            "freshness": shapes.freshness(freshness),
        }

    return router


def _item(one: Entitlement, year: int) -> dict[str, Any]:
    return {
        "pupil_id": one.pupil_id,
        "academic_year": year_name(year),
        "part_time_timetable_in_force": one.has_timetable,
        "statuses": [{"status": status, **spent._asdict()} for status, spent in one.statuses.items()],
    }


def _place(position: dict[str, Any]) -> str:
    return str(UUID(position["pupil_id"]))
