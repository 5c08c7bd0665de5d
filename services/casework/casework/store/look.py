"""What the API asks: tasks and cases as a caller may see them. `schools` None means all; a dead pupil id means its
survivor.
"""

from dataclasses import dataclass
from datetime import date

from common import rows
from common.db import Transaction

from casework.domain.values import Case, Entry, Task
from casework.store.said import task_of

TASK = "select * from task where task_id = $1 and ($2::int[] is null or school_urn = any($2))"
TASK_LOCKED = TASK + " for update"

TASKS = """
select * from task
where ($1::int[] is null or school_urn = any($1)) and ($2::text is null or status = $2)
    and ($3::int is null or school_urn = $3)
    and ($4::uuid is null or pupil_id = coalesce((select survivor from alias where alias.pupil_id = $4), $4))
    and ($5::text is null or kind = $5) and ($6::date is null or (due_on, task_id) > ($6, $7::uuid))
order by due_on, task_id limit $8
"""

CASES = """
select * from case_file
where into_case_id is null
    and ($1::int[] is null or case_id in (select task.case_id from task where task.school_urn = any($1)))
    and ($2::uuid is null or pupil_id = coalesce((select survivor from alias where alias.pupil_id = $2), $2))
    and ($3::uuid is null or case_id > $3)
order by case_id limit $4
"""

CASE = "select * from case_file where case_id = $1"

TASKS_OF_CASE = """
select * from task where case_id = $1 and ($2::int[] is null or school_urn = any($2)) order by due_on, task_id
"""

TIMELINE = """
select * from timeline
where pupil_id = $1 and ($2::uuid[] is null or task_id = any($2) or (task_id is null and episode_id is null)
    or (task_id is null and episode_id in (select episode_id from task where task_id = any($2))))
order by at, line
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks, and after which one (`due_on`, `task_id`) the page begins."""

    schools: frozenset[int] | None
    status: str | None = None
    school_urn: int | None = None
    pupil_id: str | None = None
    kind: str | None = None
    after: tuple[date, str] | None = None


def _listed(schools: frozenset[int] | None) -> list[int] | None:
    return None if schools is None else sorted(schools)


async def tasks(tx: Transaction, which: TaskFilter, limit: int) -> list[Task]:
    """Tasks by due date, at most `limit`."""
    day, task_id = which.after or (None, None)
    found = await tx.fetch(
        TASKS, _listed(which.schools), which.status, which.school_urn, which.pupil_id, which.kind, day, task_id, limit
    )
    return [task_of(tx, row) for row in found]


async def task(
    tx: Transaction, task_id: str, schools: frozenset[int] | None, *, for_update: bool = False
) -> Task | None:
    """One task, if the caller may see it; locked until the transaction ends when it is to be changed."""
    row = await tx.fetchrow(TASK_LOCKED if for_update else TASK, task_id, _listed(schools))
    return None if row is None else task_of(tx, row)


async def cases(
    tx: Transaction, schools: frozenset[int] | None, pupil_id: str | None, after: str | None, limit: int
) -> list[Case]:
    """Open cases by id, at most `limit`; a caller with schools sees those with a task of one of them."""
    return [rows.read(Case, row) for row in await tx.fetch(CASES, _listed(schools), pupil_id, after, limit)]


async def case(tx: Transaction, case_id: str) -> Case | None:
    """One case, open or closed, whoever asks."""
    row = await tx.fetchrow(CASE, case_id)
    return None if row is None else rows.read(Case, row)


async def tasks_of_case(tx: Transaction, case_id: str, schools: frozenset[int] | None) -> list[Task]:
    """The case's tasks that the caller may see, by due date."""
    return [task_of(tx, row) for row in await tx.fetch(TASKS_OF_CASE, case_id, _listed(schools))]


async def timeline(tx: Transaction, pupil_id: str, only_of: list[str] | None) -> list[Entry]:
    """The child's timeline, oldest first; with `only_of` (task ids) only lines about these tasks and their episodes."""
    return [rows.read(Entry, row) for row in await tx.fetch(TIMELINE, pupil_id, only_of)]
