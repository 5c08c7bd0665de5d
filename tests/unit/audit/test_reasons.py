"""What the audit finds where tasks are not those that marks N call for."""

from datetime import date

import pytest
from audit.reasons import KIND, ReasonTask, Said, differences, task_id

PUPIL, SURVIVOR = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
DAY = date(2025, 9, 15)
DUE: Said = {(100001, PUPIL, DAY, "AM"): ("due", None)}
OVERDUE: Said = {**DUE, (100001, PUPIL, DAY, "PM"): ("overdue", date(2025, 9, 22))}


def task(status: str = "open", overdue: bool = False, pupil_id: str = PUPIL) -> ReasonTask:
    return ReasonTask(task_id(100001, PUPIL, DAY), KIND, 100001, pupil_id, status, overdue)


@pytest.mark.parametrize(
    ("said", "tasks"),
    [(DUE, [task()]), (OVERDUE, [task(overdue=True)]), (DUE, [task("done")]), ({}, [task("cancelled")]), ({}, [])],
)
def test_tasks_that_say_what_the_ledgers_say_are_no_difference(said: Said, tasks: list[ReasonTask]) -> None:
    assert differences(said, tasks, lambda pupil_id: pupil_id) == []


@pytest.mark.parametrize(
    ("said", "tasks", "found"),
    [
        (DUE, [], "no task"),
        (DUE, [task("cancelled")], "a cancelled one"),
        (OVERDUE, [task()], "due and overdue"),
        (DUE, [task(overdue=True)], "says otherwise"),
        (DUE, [task(pupil_id=SURVIVOR)], "of pupil"),
        ({}, [task()], "without a reason"),
    ],
)
def test_every_other_task_is_one(said: Said, tasks: list[ReasonTask], found: str) -> None:
    (difference,) = differences(said, tasks, lambda pupil_id: pupil_id)
    assert found in difference


def test_the_task_of_a_merged_child_is_the_survivors() -> None:
    assert differences(DUE, [task(pupil_id=SURVIVOR)], {PUPIL: SURVIVOR}.__getitem__) == []
