"""The absence engine over HTTP.

pupils      a child's figures and episodes; the explanation of an episode
groups      a school's figures, an area's
at_least    waiting until an entry has been counted, on every path
shapes      the JSON of it all
"""

from common.clock import Clock
from common.db import Database
from common.listen import Signal
from fastapi import APIRouter

from absence_engine.actions.holding import Policies
from absence_engine.api import groups, pupils
from absence_engine.api.at_least import waiter
from absence_engine.api.links import LINKS

__all__ = ["LINKS", "TAGS", "create_router"]

TAGS = (
    {"name": "Figures", "description": "Attendance and absence of a child, a school, an area, counted from sheets."},
    {"name": "Episodes", "description": "Thresholds that were crossed, each with its evidence."},
)


def create_router(database: Database, clock: Clock, policies: Policies, signal: Signal) -> APIRouter:
    """All routes of the engine; `signal` is set whenever something has been counted."""
    router = APIRouter(dependencies=[waiter(database, signal)])
    router.include_router(pupils.create_router(database, clock, policies))
    router.include_router(groups.create_router(database, clock, policies))
    return router
