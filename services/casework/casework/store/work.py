"""Tasks, cases and timelines: loaded for a batch, saved as a batch. Whoever calls holds the locks of the children."""

from collections.abc import Iterable, Sequence

from common import rows
from common.db import Transaction

from casework.domain.values import Case, Entry, Task

TASKS = "select * from task where task_id = any($1::uuid[]) order by task_id for update"
TASKS_OF_CHILD = "select * from task where pupil_id = $1 order by task_id for update"
CASES = "select * from case_file where pupil_id = any($1::uuid[]) and into_case_id is null"

SAVE_TASKS = rows.upsert("task", Task, "task_id")
SAVE_CASES = rows.upsert("case_file", Case, "case_id")
SAVE_ENTRIES = rows.insert("timeline", Entry)

MOVE_TIMELINE = "update timeline set pupil_id = $2 where pupil_id = $1"


async def tasks(tx: Transaction, ids: Iterable[str]) -> dict[str, Task]:
    """The tasks with these ids, locked until the transaction ends."""
    found = [rows.read(Task, row) for row in await tx.fetch(TASKS, list(ids))]
    return {task.task_id: task for task in found}


async def tasks_of_child(tx: Transaction, pupil_id: str) -> list[Task]:
    """All tasks of a child, locked until the transaction ends."""
    return [rows.read(Task, row) for row in await tx.fetch(TASKS_OF_CHILD, pupil_id)]


async def cases(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, Case]:
    """The open cases of these children, by child."""
    found = [rows.read(Case, row) for row in await tx.fetch(CASES, list(pupil_ids))]
    return {case.pupil_id: case for case in found}


async def save(
    tx: Transaction, tasks: Sequence[Task] = (), cases: Sequence[Case] = (), entries: Sequence[Entry] = ()
) -> None:
    """Keeps what changed; a line that a timeline has already is not added again."""
    if cases:
        await tx.execute(SAVE_CASES, rows.as_json(cases))
    if tasks:
        await tx.execute(SAVE_TASKS, rows.as_json(tasks))
    if entries:
        await tx.execute(SAVE_ENTRIES, rows.as_json(entries))


async def move_timeline(tx: Transaction, dead: str, survivor: str) -> None:
    """The dead child's timeline goes on as the survivor's."""
    await tx.execute(MOVE_TIMELINE, dead, survivor)
