"""Says the current state of tasks and cases again, with the revisions that they have: `rollcall republish`."""

from common import outbox
from common.clock import Clock
from common.db import Database
from common.events.casework import TOPIC

from casework.actions import say
from casework.store import republish as store

PAGE = 500


async def republish(database: Database, clock: Clock, school_urn: int | None = None) -> int:
    """Puts every task (of one school, if given), and without a school every case, into the outbox; how many."""
    cases = await _cases(database, clock) if school_urn is None else 0
    return cases + await _tasks(database, clock, school_urn)


async def _cases(database: Database, clock: Clock) -> int:
    after, said = None, 0
    while True:
        async with database.transaction() as tx:
            page = await store.cases(tx, after, PAGE)
            await outbox.add(tx, [say.of_case(case, clock.now()) for case in page], TOPIC)
        if not page:
            return said
        after, said = page[-1].case_id, said + len(page)


async def _tasks(database: Database, clock: Clock, school_urn: int | None) -> int:
    after, said = None, 0
    while True:
        async with database.transaction() as tx:
            page = await store.tasks(tx, school_urn, after, PAGE)
            await outbox.add(tx, [say.of_task(task, clock.now()) for task in page], TOPIC)
        if not page:
            return said
        after, said = page[-1].task_id, said + len(page)
