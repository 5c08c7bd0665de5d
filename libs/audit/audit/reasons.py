"""What marks N call for: one task for each child's day at a school on which one of them is due.

The task is open, or done; it is overdue when one of the day's Ns is. Once none is due, it is not open.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid5

KIND = "establish_reason"

Said = dict[tuple[int, str, date, str], tuple[str, date | None]]
"""By school, pupil, date and session: due or overdue, and the day on which it is overdue."""


class ReasonTask(NamedTuple):
    """A task about marks N as casework holds it."""

    task_id: str
    kind: str
    urn: int
    pupil_id: str
    status: str
    overdue: bool


def task_id(urn: int, pupil_id: str, day: date) -> str:
    """The id of the task about a day."""
    return str(uuid5(UUID(pupil_id), f"{KIND}/{urn}/{day}"))


def differences(said: Said, tasks: Iterable[ReasonTask], living: Callable[[str], str]) -> list[str]:
    """Where the tasks are not those that the marks N call for; `living`: the child that an id means."""
    found: list[str] = []
    known = {task.task_id: task for task in tasks}
    days: dict[tuple[int, str, date], set[str]] = {}
    for (urn, pupil_id, day, _), (state, _) in said.items():
        days.setdefault((urn, pupil_id, day), set()).add(state)
    for (urn, pupil_id, day), states in days.items():
        about = f"the reason of pupil {pupil_id} at school {urn} on {day}"
        task = known.pop(task_id(urn, pupil_id, day), None)
        if task is None or task.status == "cancelled":
            found.append(
                f"{about} is to be established, and {'no task' if task is None else 'a cancelled one'} says so"
            )
            continue
        if (task.urn, task.kind, task.pupil_id) != (urn, KIND, living(pupil_id)):
            found.append(f"{about} has task {task.task_id} ({task.kind}) of pupil {task.pupil_id} at school {task.urn}")
        if task.status == "open" and task.overdue != ("overdue" in states):
            found.append(f"{about} is {' and '.join(sorted(states))}, its task {task.task_id} says otherwise")
    left = [task for task in known.values() if task.status == "open"]
    return found + [f"task {task.task_id} ({task.kind}) is open without a reason" for task in left]
