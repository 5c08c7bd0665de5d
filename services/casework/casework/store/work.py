"""Tasks, cases and timelines: loaded for a batch, saved as a batch. Whoever calls holds the locks of the children."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from common import rows
from common.db import Transaction

from casework.domain.values import Case, Entry, Task
from casework.store import said
from casework.store.said import task_of

TASKS = "select * from task where task_id = any($1::uuid[]) order by task_id for update"
TASKS_OF_CHILD = "select * from task where pupil_id = $1 order by task_id for update"
CASES = "select * from case_file where pupil_id = any($1::uuid[]) and into_case_id is null"

SAVE_TASKS = rows.upsert("task", Task, "task_id")
SAVE_CASES = rows.upsert("case_file", Case, "case_id")
SAVE_ENTRIES = rows.insert("timeline", Entry)

MOVE_TIMELINE = "update timeline set pupil_id = $2 where pupil_id = $1"


RECLAIM_TIMELINE = """
update timeline set pupil_id = $3 where pupil_id = $2 and told_as = $1 and episode_id is null
"""
REHOME_TIMELINE = """
update timeline set pupil_id = e.pupil_id from episode as e
where e.episode_id = timeline.episode_id and timeline.pupil_id = any($1::uuid[]) and timeline.pupil_id <> e.pupil_id
"""
PLACED = """
select task.*, coalesce(e.pupil_id, task.pupil_id)::text as owner
from task left join episode as e using (episode_id)
where task.pupil_id = any($1::uuid[]) order by task_id for update of task
"""
AMONG = "select * from case_file where pupil_id = any($1::uuid[]) or case_id = any($2::uuid[])"


async def reclaim_timeline(tx: Transaction, told_as: str, before: str, after: str) -> None:
    """Lines that were told of an id, and are about no episode, are another child's."""
    await tx.execute(RECLAIM_TIMELINE, told_as, before, after)


async def rehome_timeline(tx: Transaction, pupil_ids: Iterable[str]) -> None:
    """Lines about these children's episodes are on the timeline of the child of the episode."""
    await tx.execute(REHOME_TIMELINE, list(pupil_ids))


async def placed_tasks(tx: Transaction, pupil_ids: Iterable[str]) -> list[tuple[Task, str]]:
    """All tasks of these children, locked, each with the child of its episode."""
    return [(task_of(tx, row), row["owner"]) for row in await tx.fetch(PLACED, list(pupil_ids))]


async def cases_among(tx: Transaction, pupil_ids: Iterable[str], case_ids: Iterable[str]) -> dict[str, Case]:
    """The cases of these children, and those with these ids, closed ones included, by id."""
    found = [rows.read(Case, row) for row in await tx.fetch(AMONG, list(pupil_ids), list(case_ids))]
    return {case.case_id: case for case in found}


async def tasks(tx: Transaction, ids: Iterable[str]) -> dict[str, Task]:
    """The tasks with these ids, locked until the transaction ends."""
    found = [task_of(tx, row) for row in await tx.fetch(TASKS, list(ids))]
    return {task.task_id: task for task in found}


async def tasks_of_child(tx: Transaction, pupil_id: str) -> list[Task]:
    """All tasks of a child, locked until the transaction ends."""
    return [task_of(tx, row) for row in await tx.fetch(TASKS_OF_CHILD, pupil_id)]


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
        await said.keep(tx, tasks)
    if entries:
        told = [replace(entry, told_as=entry.told_as or entry.pupil_id) for entry in entries]
        await tx.execute(SAVE_ENTRIES, rows.as_json(told))


async def move_timeline(tx: Transaction, dead: str, survivor: str) -> None:
    """The dead child's timeline goes on as the survivor's."""
    await tx.execute(MOVE_TIMELINE, dead, survivor)
