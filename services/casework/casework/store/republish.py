"""The current state of every task and case, page by page, to be said again: harmless at any time, readers know the
revision.
"""

from common import rows
from common.db import Transaction

from casework.domain.values import Case, Task

TASKS = """
select * from task where ($1::int is null or school_urn = $1) and ($2::uuid is null or task_id > $2)
order by task_id limit $3
"""
CASES = "select * from case_file where $1::uuid is null or case_id > $1 order by case_id limit $2"


async def tasks(tx: Transaction, school_urn: int | None, after: str | None, limit: int) -> list[Task]:
    """Tasks by id, of one school or of all."""
    return [rows.read(Task, row) for row in await tx.fetch(TASKS, school_urn, after, limit)]


async def cases(tx: Transaction, after: str | None, limit: int) -> list[Case]:
    """Cases by id."""
    return [rows.read(Case, row) for row in await tx.fetch(CASES, after, limit)]
