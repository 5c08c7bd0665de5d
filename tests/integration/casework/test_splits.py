"""A merge that was wrong: what casework gives back, however the news of it comes."""

from itertools import permutations
from typing import Any

import pytest
from casework.actions import look
from casework.domain.values import Case, Entry, Task
from common.db import Database

from tests.integration.casework.conftest import Tell
from tests.integration.casework.test_following_news import tasks
from tests.told import crossing, merge, some_id, split

C1, C2 = some_id("c1"), some_id("c2")
ALONE = crossing(), crossing(episode="e2", pupil_id=C2)
TOGETHER = merge("c2", "c1", 1), crossing("changed", episode="e2", count=2)
APART = split("c1", "c2", 2), crossing("changed", episode="e2", count=3, pupil_id=C2)


async def cases(database: Database) -> dict[str, Case]:
    """The open cases, by child."""
    async with database.transaction() as tx:
        return {case.pupil_id: case for case in await look.cases(tx, None, None, None, 10)}


async def timeline(database: Database, case_id: str) -> list[Entry]:
    async with database.transaction() as tx:
        return list((await look.case(tx, case_id, None)).timeline)


def belonging(found: list[Task]) -> set[tuple[str, str | None, str, str]]:
    return {(task.pupil_id, task.episode_id, task.case_id, task.status) for task in found}


async def test_a_split_gives_each_child_its_tasks_case_and_timeline_back(database: Database, tell: Tell) -> None:
    await tell(*ALONE)
    before, opened = belonging(await tasks(database)), await cases(database)
    lines = {child: {one.entry_id for one in await timeline(database, it.case_id)} for child, it in opened.items()}
    await tell(*TOGETHER)
    assert {task.pupil_id for task in await tasks(database)} == {C1}
    await tell(*APART)
    assert belonging(await tasks(database)) == before
    after = await cases(database)
    assert {child: case.case_id for child, case in after.items()} == {C1: opened[C1].case_id, C2: opened[C2].case_id}
    for child, case in after.items():
        told = await timeline(database, case.case_id)
        assert {one.entry_id for one in told} >= lines[child]
        assert "child-split" in {one.kind for one in told}
        assert {one.episode_id for one in told} <= {some_id("e1" if child == C1 else "e2"), None}


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_merge_and_split_end_the_same_in_whatever_order_they_are_told(
    database: Database, tell: Tell, order: tuple[int, ...]
) -> None:
    await tell(*ALONE)
    before = belonging(await tasks(database))
    news = [*TOGETHER, *APART]
    for place in order:
        await tell(news[place])
    assert belonging(await tasks(database)) == before
    assert set(await cases(database)) == {C1, C2}


async def test_a_case_that_became_the_survivors_goes_back_and_the_survivor_has_one_of_its_own(
    database: Database, tell: Tell
) -> None:
    await tell(crossing(episode="e2", pupil_id=C2))
    (own,) = (await cases(database)).values()
    await tell(merge("c2", "c1", 1), crossing(episode="e2", what="changed", count=2), crossing())
    assert [case.case_id for case in (await cases(database)).values()] == [own.case_id]
    await tell(*APART)
    after = await cases(database)
    assert after[C2].case_id == own.case_id
    assert {task.episode_id: task.case_id for task in await tasks(database)} == {
        some_id("e1"): after[C1].case_id, some_id("e2"): own.case_id,
    }  # fmt: skip


async def test_a_split_that_is_told_again_or_too_late_changes_nothing(database: Database, tell: Tell) -> None:
    await tell(*ALONE, *TOGETHER, *APART)
    before, opened = belonging(await tasks(database)), await cases(database)
    await tell(split("c1", "c2", 2), merge("c2", "c1", 1))
    assert (belonging(await tasks(database)), await cases(database)) == (before, opened)
    await tell(merge("c2", "c1", 3))
    assert {task.pupil_id for task in await tasks(database)} == {C1}


async def test_those_who_had_died_into_the_restored_id_follow_it(database: Database, tell: Tell) -> None:
    await tell(crossing(episode="e3", pupil_id=some_id("c3")), *ALONE)
    await tell(merge("c3", "c2", 1), merge("c2", "c1", 1), merge("c3", "c1", 2))
    assert {task.pupil_id for task in await tasks(database)} == {C1}
    await tell(split("c1", "c2", 2), merge("c3", "c2", 3))
    assert {(task.episode_id, task.pupil_id) for task in await tasks(database)} == {
        (some_id("e1"), C1), (some_id("e2"), C2), (some_id("e3"), C2),
    }  # fmt: skip


async def test_a_new_child_is_on_both_timelines(database: Database, tell: Tell) -> None:
    await tell(crossing())
    told: dict[str, Any] = {"restored": False}
    await tell(split("c1", "c9", 0, **told))
    (case,) = (await cases(database)).values()
    assert "child-split" in {one.kind for one in await timeline(database, case.case_id)}
