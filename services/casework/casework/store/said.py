"""What somebody wrote about a task, outcome and note, which is sealed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from common import rows
from common.db import Transaction, keyring

from casework.domain.values import Task

KEEP = """
update task set said = s.said from unnest($1::uuid[], $2::bytea[]) as s(task_id, said) where task.task_id = s.task_id
"""


def task_of(tx: Transaction, row: Any) -> Task:
    """The task in a row of `task`."""
    task = rows.read(Task, row)
    if row["said"] is None:
        return task
    outcome, note = keyring(tx).open_json(row["said"], f"task/{task.task_id}", tuple[str | None, str | None])
    return replace(task, outcome=outcome, note=note)


async def keep(tx: Transaction, tasks: Sequence[Task]) -> None:
    """Keeps what was written about these tasks, which are in their table already."""
    said = {task.task_id: (task.outcome, task.note) for task in tasks if task.outcome or task.note}
    if said:
        sealed = [keyring(tx).seal_json(texts, f"task/{task_id}") for task_id, texts in said.items()]
        await tx.execute(KEEP, list(said), sealed)
