"""The absence engine over HTTP.

pupils      a child's figures and episodes; the explanation of an episode
groups      a school's figures, an area's
worklists   lists for officers
entitlement who has less than full-time education at a school
patterns    patterns of absence: of a child, of a school
forecasts   a child's outlook, what-if, the personal target
answers     sums over many children, by school, class, week, code, …
history     what changed of a child, of a school; the evidence of an episode
policies    policy sets: versions, drafts, publication
reconciliations what others counted, against our marks; DfE's table
simulations a version tried on the marks of a year
at_least    waiting until an entry has been counted, on every path
shapes      the JSON of it all; `…_shapes` that of one thing each: counts, sums, a child's detail, history, policy sets
"""

from common.clock import Clock
from common.db import Database
from common.listen import Signal
from fastapi import APIRouter

from absence_engine.actions.holding import Policies
from absence_engine.api import (
    answers,
    entitlement,
    forecasts,
    groups,
    history,
    patterns,
    policies,
    pupils,
    reconciliations,
    simulations,
    worklists,
)
from absence_engine.api.at_least import waiter
from absence_engine.api.links import LINKS
from absence_engine.api.reconciliation_shapes import told

__all__ = ["LINKS", "STREAMS", "TAGS", "create_router", "told"]

STREAMS = reconciliations.STREAMS

TAGS = (
    {"name": "Figures", "description": "Attendance and absence of a child, a school, an area, counted from sheets."},
    {"name": "Episodes", "description": "Thresholds that were crossed, each with its evidence."},
    {"name": "History", "description": "What changed, mark by mark, and what that did."},
    {"name": "Worklists", "description": "Who needs looking at, by kind of threshold and by school."},
    {"name": "Patterns", "description": "Ways of being absent that a total does not show, each with its sessions."},
    {"name": "Forecasts", "description": "What a child's year may still come to, by arithmetic alone."},
    {
        "name": "Reconciliation",
        "description": "What others counted, against our marks, with the reason of each difference.",
    },
    {"name": "Policies", "description": "The numbers behind the rules, as each authority has set them, and from when."},
)


def create_router(database: Database, clock: Clock, held: Policies, signal: Signal) -> APIRouter:
    """All routes of the engine; `signal` is set whenever something has been counted."""
    router, counted = APIRouter(), APIRouter(dependencies=[waiter(database, signal)])
    counted.include_router(pupils.create_router(database, clock, held))
    counted.include_router(groups.create_router(database, clock, held))
    counted.include_router(history.create_router(database, held))
    counted.include_router(answers.create_router(database, clock, held))
    counted.include_router(forecasts.create_router(database, clock, held))
    counted.include_router(worklists.create_router(database, clock, held))
    counted.include_router(entitlement.create_router(database, clock))
    counted.include_router(patterns.create_router(database, clock, held))
    counted.include_router(reconciliations.create_router(database, clock, held))
    router.include_router(counted)
    router.include_router(forecasts.create_target_router(database, clock))
    router.include_router(policies.create_router(database, clock, held))
    router.include_router(simulations.create_router(database, clock))
    return router
