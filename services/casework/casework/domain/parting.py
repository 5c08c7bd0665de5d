"""Whose tasks and cases are whose, among children some of whom were one for a while.

A task belongs to the child of its episode. A child's own case, made when it had its first task, is its again: reopened
when it was closed into another's, taken back when it had become another's. Whoever has tasks has an open case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from casework.domain.follow import new_case
from casework.domain.values import Case, Entry, Task, revised


def own_case(pupil_id: str) -> str:
    """The id of the case that a child's first task opens."""
    return str(uuid5(UUID(pupil_id), "case"))


def rehome(
    children: Sequence[str],
    cases: Mapping[str, Case],
    tasks: Sequence[tuple[Task, str]],
    owners: Mapping[str, str],
    now: datetime,
) -> tuple[list[Case], list[Task]]:
    """The cases and tasks that change; `cases` by id, `tasks` with the child of the episode of each."""
    kept = dict(cases)
    for child in children:
        own = kept.get(own_case(child))
        is_open = any(case.pupil_id == child and case.into_case_id is None for case in kept.values())
        if own is not None and not is_open and (own.pupil_id == child or own.pupil_id in children):
            kept[own.case_id] = revised(own, replace(own, pupil_id=child, into_case_id=None))
    belonging = [(task, owners.get(task.task_id, owner)) for task, owner in tasks]
    open_case = {case.pupil_id: case for case in kept.values() if case.into_case_id is None}
    for _, owner in belonging:
        if owner not in open_case:
            open_case[owner] = kept[own_case(owner)] = new_case(owner, now)
    moved = [
        after
        for task, owner in belonging
        if (after := revised(task, replace(task, pupil_id=owner, case_id=open_case[owner].case_id))) != task
    ]
    returned = [case for case in kept.values() if case.case_id in cases and case != cases[case.case_id]]
    return [*returned, *(case for case in kept.values() if case.case_id not in cases)], moved


def told_of_split(pupil_id: str, other: str, version: int, now: datetime, *, restored: bool) -> list[Entry]:
    """The lines on both timelines."""
    left = "Another child had been taken for this one; what belongs to it is no longer here."
    came = "This child had been taken for another one, and is its own again."
    if not restored:
        left = "Some of what was told of this child is another one's, who is new."
        came = "This child was found within what was told of another one."
    return [
        Entry(
            entry_id=str(uuid5(UUID(child), f"child-split/{other}/{version}")),
            pupil_id=child,
            at=now,
            kind="child-split",
            text=text,
        )
        for child, text in ((pupil_id, left), (other, came))
    ]
