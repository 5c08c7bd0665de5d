"""Tasks over HTTP: the work list, one task, completing it, taking it over."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from common.clock import Clock
from common.db import Database, Transaction
from common.idempotency import Keyed, once
from common.security import Caller, needs
from common.web import Cursor, Page, PageSize, cut, place_of
from common.web.conditions import TAGGED, Unchanged, tag
from common.web.keys import idempotency_key, keyed
from fastapi import APIRouter, Query, Request, Response

from casework.actions import look, work
from casework.api.shapes import Completion, Ownership, TaskOut
from casework.domain.values import Task

Reader = Annotated[Caller, needs("cases:read")]
Writer = Annotated[Caller, needs("cases:write")]
CompletionKey = Annotated[str | None, idempotency_key("completion")]
OwnerKey = Annotated[str | None, idempotency_key("change of hands")]


def create_router(database: Database, clock: Clock, said: Callable[[], None]) -> APIRouter:
    """The routes under /v1/tasks; `said` is called after a change."""
    router = APIRouter(tags=["Tasks"])
    _add_reading(router, database)
    _add_changing(router, database, clock, said)
    return router


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get("/v1/tasks", operation_id="listTasks", summary="The work list, by due date")
    async def tasks(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        status: Literal["open", "done", "cancelled"] | None = None,
        school_urn: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        pupil_id: UUID | None = None,
        kind: Annotated[str | None, Query(max_length=100)] = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[TaskOut]:
        which = look.TaskFilter(
            schools=caller.reach.schools,
            status=status,
            school_urn=school_urn,
            pupil_id=str(pupil_id) if pupil_id else None,
            kind=kind,
            after=place_of(cursor, _place),
        )
        async with database.connection() as tx:
            found = await look.tasks(tx, which, page_size + 1)
        page, following = cut(
            request, found, page_size, lambda last: {"due_on": str(last.due_on), "task_id": last.task_id}
        )
        return Page(items=[TaskOut.of(task) for task in page], next=following)

    @router.get("/v1/tasks/{task_id}", operation_id="getTask", summary="One task", responses=TAGGED)
    async def task(task_id: UUID, caller: Reader, response: Response) -> TaskOut:  # pyright: ignore[reportUnusedFunction]
        async with database.connection() as tx:
            found = await look.task(tx, str(task_id), caller.reach.schools)
        return _tagged(response, found)


def _add_changing(router: APIRouter, database: Database, clock: Clock, said: Callable[[], None]) -> None:
    async def change(change: Callable[[Transaction], Awaitable[Task]], request: Keyed | None) -> Task:
        changed = await database.in_transaction(
            lambda tx: once(tx, request, clock.now(), Task, lambda: change(tx), lambda task: [task.school_urn])
        )
        said()
        return changed

    @router.post(
        "/v1/tasks/{task_id}/completion",
        operation_id="completeTask",
        summary="Say what came of a task",
        responses=TAGGED,
    )
    async def complete(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        task_id: UUID,
        body: Completion,
        caller: Writer,
        response: Response,
        only: Unchanged,
        key: CompletionKey = None,
    ) -> TaskOut:
        async def complete(tx: Transaction) -> Task:
            return await work.complete(tx, str(task_id), body.outcome, body.note, caller.reach.schools, only, clock)

        return _tagged(response, await change(complete, keyed(caller, key, request, body)))

    @router.post(
        "/v1/tasks/{task_id}/owner",
        operation_id="ownTask",
        summary="Put a task into somebody's hands",
        responses=TAGGED,
    )
    async def own(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        task_id: UUID,
        body: Ownership,
        caller: Writer,
        response: Response,
        only: Unchanged,
        key: OwnerKey = None,
    ) -> TaskOut:
        async def own(tx: Transaction) -> Task:
            return await work.own(tx, str(task_id), body.owner, caller.reach.schools, only, clock)

        return _tagged(response, await change(own, keyed(caller, key, request, body)))


def _tagged(response: Response, task: Task) -> TaskOut:
    shown = TaskOut.of(task)
    response.headers["ETag"] = tag(str(task.revision), shown)
    return shown


def _place(position: dict[str, Any]) -> tuple[date, str]:
    return date.fromisoformat(position["due_on"]), str(UUID(position["task_id"]))
