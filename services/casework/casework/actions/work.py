"""What a person does to a task: complete it, take it over."""

from collections.abc import Callable

from common import outbox
from common.clock import Clock
from common.db import Transaction
from common.errors import NotFoundError
from common.events.casework import TOPIC
from common.preconditions import Precondition

from casework import metrics
from casework.domain import follow as rules
from casework.domain import say, tasks
from casework.domain.values import Task
from casework.store import look, work


async def complete(
    tx: Transaction,
    task_id: str,
    outcome: str,
    note: str | None,
    schools: frozenset[int] | None,
    only: Precondition,
    clock: Clock,
) -> Task:
    """Marks a task as done. Saying the same twice is well; NotFoundError, ConflictError, and StaleError unless `only`
    holds of the task.
    """
    return await _change(
        tx, task_id, schools, only, clock, lambda task: tasks.completed(task, outcome, note, clock.now())
    )


async def own(
    tx: Transaction,
    task_id: str,
    owner: str | None,
    schools: frozenset[int] | None,
    only: Precondition,
    clock: Clock,
) -> Task:
    """Puts an open task into somebody's hands, or nobody's; errors as for `complete`."""
    return await _change(tx, task_id, schools, only, clock, lambda task: tasks.owned(task, owner))


async def _change(
    tx: Transaction,
    task_id: str,
    schools: frozenset[int] | None,
    only: Precondition,
    clock: Clock,
    change: Callable[[Task], Task],
) -> Task:
    task = await look.task(tx, task_id, schools, for_update=True)
    if task is None:
        raise NotFoundError("There is no such task.")

    after = change(task)
    if after == task:
        return task
    only.check(str(task.revision))

    now = clock.now()
    await work.save(tx, tasks=[after], entries=[rules.closing(after, now)])
    metrics.TASKS.labels(after.kind, after.status).inc()
    await outbox.add(tx, [say.of_task(after, now)], TOPIC)
    return after
