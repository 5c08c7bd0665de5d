"""A mark N that nobody settles becomes a task: one for a child's day at a school."""

from itertools import permutations
from typing import Any

import pytest
from casework.actions import look, work
from casework.domain.values import Task
from casework.store.look import TaskFilter
from casework.store.republish import republish
from common.db import Database
from common.events import decode
from common.preconditions import NOTHING_ASKED

from tests.integration.casework.conftest import CLOCK, Tell
from tests.told import merge, reason, some_id


async def tasks(database: Database) -> list[Task]:
    async with database.transaction() as tx:
        return await look.tasks(tx, TaskFilter(schools=None, kind="establish_reason"), 100)


async def lines(database: Database, case_id: str) -> list[str]:
    async with database.transaction() as tx:
        return [entry.kind for entry in (await look.case(tx, case_id, None)).timeline]


async def test_a_reason_that_is_due_opens_a_task_for_the_fifth_school_day(database: Database, tell: Tell) -> None:
    await tell(reason())
    await tell(reason())
    (task,) = await tasks(database)
    assert (task.status, task.overdue, task.due_on.isoformat()) == ("open", False, "2025-10-02")
    assert (task.pupil_id, task.school_urn, task.episode_id) == (some_id("c1"), 100001, None)
    assert "2025-09-25 (AM)" in task.reason
    assert await lines(database, task.case_id) == ["case-opened", "task-opened"]


async def test_an_overdue_reason_raises_its_task(database: Database, tell: Tell) -> None:
    await tell(reason())
    await tell(reason("overdue", number=12))
    (task,) = await tasks(database)
    assert (task.status, task.overdue) == ("open", True)
    assert "code O" in task.reason
    assert (await lines(database, task.case_id))[-1] == "task-overdue"
    async with database.connection() as tx:
        bodies = await tx.fetch("select body from outbox order by id")
    assert [getattr(decode(row["body"]).data, "overdue", None) for row in bodies] == [None, False, True]


async def test_a_settled_reason_closes_its_task_and_one_that_comes_back_opens_it_again(
    database: Database, tell: Tell
) -> None:
    await tell(reason("overdue"))
    await tell(reason("settled", number=12))
    (task,) = await tasks(database)
    assert (task.status, task.overdue) == ("cancelled", False)
    await tell(reason(number=14, due_on="2025-10-03"))
    (again,) = await tasks(database)
    assert (again.task_id, again.status, again.due_on.isoformat()) == (task.task_id, "open", "2025-10-03")


async def test_a_day_has_one_task_until_both_its_sessions_are_settled(database: Database, tell: Tell) -> None:
    await tell(reason(), reason(session="PM"))
    await tell(reason("settled", number=12))
    (task,) = await tasks(database)
    assert task.status == "open"
    assert "(PM)" in task.reason
    await tell(reason("settled", session="PM", number=13))
    assert [task.status for task in await tasks(database)] == ["cancelled"]


async def test_other_days_schools_and_children_have_tasks_of_their_own(database: Database, tell: Tell) -> None:
    await tell(reason(), reason(date="2025-09-26"), reason(school_urn=100002), reason(pupil_id=some_id("c2")))
    assert len(await tasks(database)) == 4


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_reasons_may_be_heard_in_any_order(database: Database, tell: Tell, order: tuple[int, ...]) -> None:
    told = [reason(), reason("overdue", number=12), reason("settled", number=14)]
    for number in order:
        await tell(told[number])
    assert [task.status for task in await tasks(database) if task.status != "cancelled"] == []


async def test_beyond_the_calendar_the_task_is_due_two_weekdays_on(database: Database, tell: Tell) -> None:
    await tell(reason(due_on=None))
    assert [task.due_on.isoformat() for task in await tasks(database)] == ["2025-10-02"]


async def test_what_a_person_did_stays_done(database: Database, tell: Tell) -> None:
    await tell(reason())
    (task,) = await tasks(database)
    async with database.transaction() as tx:
        await work.complete(tx, task.task_id, "reason_established", None, None, NOTHING_ASKED, CLOCK)
    await tell(reason("overdue", number=12))
    await tell(reason("settled", number=13))
    assert [(one.status, one.outcome) for one in await tasks(database)] == [("done", "reason_established")]


@pytest.mark.parametrize("merged_first", [True, False])
async def test_a_task_goes_on_with_the_survivor(database: Database, tell: Tell, merged_first: bool) -> None:
    told: list[Any] = [merge("c1", "c9"), reason()]
    for one in told if merged_first else reversed(told):
        await tell(one)
    await tell(reason("overdue", number=12))
    assert [(task.pupil_id, task.overdue) for task in await tasks(database)] == [(some_id("c9"), True)]
    await tell(reason("settled", number=13))
    assert [task.status for task in await tasks(database)] == ["cancelled"]


async def test_tasks_about_reasons_are_republished_as_they_are(database: Database, tell: Tell) -> None:
    await tell(reason("overdue"))
    async with database.transaction() as tx:
        await tx.execute("delete from outbox")
        assert await republish(tx) == 2
        bodies = [decode(row["body"]).data for row in await tx.fetch("select body from outbox order by id")]
    assert bodies[-1].overdue
