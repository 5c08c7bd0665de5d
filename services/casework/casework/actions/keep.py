"""Keeps what changed and says it, in the transaction of the change."""

from collections.abc import Sequence

from common import outbox
from common.clock import Clock
from common.db import Transaction
from common.events.casework import TOPIC

from casework import metrics
from casework.domain import say
from casework.domain.values import Case, Entry, Task
from casework.store import work


async def keep_and_say(
    tx: Transaction, tasks: Sequence[Task], cases: Sequence[Case], entries: Sequence[Entry], clock: Clock
) -> None:
    """Tasks, cases and lines of timelines as they are now."""
    now = clock.now()
    await work.save(tx, tasks, cases, entries)
    for task in tasks:
        metrics.TASKS.labels(task.kind, task.status).inc()
    metrics.CASES.inc(len(cases))
    events = [say.of_case(case, now) for case in cases] + [say.of_task(task, now) for task in tasks]
    await outbox.add(tx, events, TOPIC)
