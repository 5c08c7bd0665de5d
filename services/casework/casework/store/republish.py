"""Says the current state of tasks and cases again, with the revisions that they have: harmless at any time."""

from common import outbox, rows
from common.clock import Clock
from common.db import Transaction
from common.events.casework import TOPIC

from casework.domain import say
from casework.domain.values import Case, Task

PAGE = 500

TASKS = """
select * from task where ($1::int is null or school_urn = $1) and ($2::uuid is null or task_id > $2)
order by task_id limit $3
"""
CASES = "select * from case_file where $1::uuid is null or case_id > $1 order by case_id limit $2"


async def republish(tx: Transaction, *, school: int | None = None, from_number: int | None = None) -> int:
    """Puts every task (of one school, if given), and without a school every case, into the outbox; how many.

    `from_number` is for ledgers; there is none here.
    """
    cases = await _cases(tx) if school is None else 0
    return cases + await _tasks(tx, school)


async def _cases(tx: Transaction) -> int:
    after, said = None, 0
    while page := [rows.read(Case, row) for row in await tx.fetch(CASES, after, PAGE)]:
        now = Clock().now()
        await outbox.add(tx, [say.of_case(case, now) for case in page], TOPIC)
        after, said = page[-1].case_id, said + len(page)
    return said


async def _tasks(tx: Transaction, school: int | None) -> int:
    after, said = None, 0
    while page := [rows.read(Task, row) for row in await tx.fetch(TASKS, school, after, PAGE)]:
        now = Clock().now()
        await outbox.add(tx, [say.of_task(task, now) for task in page], TOPIC)
        after, said = page[-1].task_id, said + len(page)
    return said
