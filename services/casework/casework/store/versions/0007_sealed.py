"""What people write is sealed: outcomes and notes of tasks, and answers that are kept."""

from typing import Any

from alembic import op
from common.sealed import Keyring
from common.sealing import has_column, rename, rewrite, seal_answers, seal_rows

revision = "0007"
down_revision = "0006"

TASKS = """
select task_id::text as task_id, plain_outcome, plain_note from task
where said is null and (plain_outcome is not null or plain_note is not null) and task_id > cast(:after as uuid)
order by task_id limit :most
"""
SEAL_TASKS = """
update task set said = s.said from unnest(cast(:a as uuid[]), cast(:b as bytea[])) as s(task_id, said)
where task.task_id = s.task_id
"""


def upgrade() -> None:
    """Seals what is there."""
    if has_column("task", "note") or has_column("task", "plain_note"):
        rename("task", "outcome", "plain_outcome")
        rename("task", "note", "plain_note")
        op.execute("alter table task add column if not exists said bytea")
        seal_rows(TASKS, SEAL_TASKS, _task)
        op.execute("alter table task drop column plain_outcome, drop column plain_note")
    seal_answers()
    rewrite(["task", "answered"])


def _task(ring: Keyring, row: Any) -> tuple[str, bytes]:
    return row.task_id, ring.seal_json((row.plain_outcome, row.plain_note), f"task/{row.task_id}")
