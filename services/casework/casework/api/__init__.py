"""casework over HTTP: `tasks` (what is to be done), `cases` (a child's case with its timeline); `shapes` is the
JSON of both.
"""

from collections.abc import Callable

from common.clock import Clock
from common.db import Database
from fastapi import APIRouter

from casework.api import cases, tasks
from casework.api.links import LINKS

__all__ = ["LINKS", "TAGS", "create_router"]

TAGS = (
    {"name": "Tasks", "description": "What people have to do because of a crossing, with due dates in school days."},
    {"name": "Cases", "description": "A child's case: its tasks, and a timeline of what happened."},
)


def create_router(database: Database, clock: Clock, said: Callable[[], None]) -> APIRouter:
    """All routes of casework; `said` is called after a change has left its event in the outbox."""
    router = APIRouter()
    router.include_router(tasks.create_router(database, clock, said))
    router.include_router(cases.create_router(database))
    return router
