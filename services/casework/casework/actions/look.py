"""What a person sees: tasks, and a child's case with its tasks and timeline, as far as the caller's schools reach."""

from dataclasses import dataclass

from common.db import Transaction
from common.errors import MovedError, NotFoundError

from casework.domain.values import Case, Entry, Task
from casework.store import look
from casework.store.look import TaskFilter

__all__ = ["CaseFile", "TaskFilter", "case", "cases", "task", "tasks"]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with what a caller may see of it."""

    case: Case
    tasks: list[Task]
    timeline: list[Entry]


async def tasks(tx: Transaction, which: TaskFilter, limit: int) -> list[Task]:
    """Tasks by due date, at most `limit`."""
    return await look.tasks(tx, which, limit)


async def task(tx: Transaction, task_id: str, schools: frozenset[int] | None) -> Task:
    """One task; NotFoundError when there is none that the caller may see."""
    found = await look.task(tx, task_id, schools)
    if found is None:
        raise NotFoundError("There is no such task.")
    return found


async def cases(
    tx: Transaction, schools: frozenset[int] | None, pupil_id: str | None, after: str | None, limit: int
) -> list[Case]:
    """Open cases by id; with schools only those that have a task of one of them."""
    return await look.cases(tx, schools, pupil_id, after, limit)


async def case(tx: Transaction, case_id: str, schools: frozenset[int] | None) -> CaseFile:
    """A case with its tasks and timeline.

    With schools: only their tasks and what is told of these; NotFoundError when there are none. MovedError when the
    case was joined to another of the same child.
    """
    found = await look.case(tx, case_id)
    if found is not None and found.into_case_id is not None:
        await case(tx, found.into_case_id, schools)
        raise MovedError(f"/v1/cases/{found.into_case_id}")
    tasks = await look.tasks_of_case(tx, case_id, schools)
    if found is None or (schools is not None and not tasks):
        raise NotFoundError("There is no such case.")
    only_of = None if schools is None else [task.task_id for task in tasks]
    return CaseFile(found, tasks, await look.timeline(tx, found.pupil_id, only_of))
