"""The events of casework; each change of a task or case is said once, under an id made of its revision."""

from datetime import datetime
from uuid import UUID, uuid5

from common.events import Event, casework, make

from casework.domain.policy import outcomes
from casework.domain.values import Case, Task


def of_task(task: Task, now: datetime) -> Event:
    """The state of a task. What a person wrote stays here: an outcome travels only if it is one of the policy's
    words.
    """
    kind = casework.TaskOpened if task.status == "open" else casework.TaskClosed
    told = task.outcome if task.outcome is None or task.outcome in outcomes() else "other"
    data = kind(
        task_id=task.task_id,
        case_id=task.case_id,
        kind=task.kind,
        pupil_id=task.pupil_id,
        school_urn=task.school_urn,
        episode_id=task.episode_id,
        letter_id=task.letter_id,
        status=task.status,
        owner=task.owner,
        due_on=task.due_on.isoformat(),
        reason=task.reason,
        outcome=told,
        revision=task.revision,
        overdue=task.overdue,
    )
    revision = f"{task.revision.epoch}.{task.revision.count}"
    return make(data, id=str(uuid5(UUID(task.task_id), revision)), subject=task.pupil_id, now=now)


def of_case(case: Case, now: datetime) -> Event:
    """The state of a case."""
    id = str(uuid5(UUID(case.case_id), f"{case.revision.epoch}.{case.revision.count}"))
    if case.into_case_id is None:
        opened = casework.CaseOpened(case_id=case.case_id, pupil_id=case.pupil_id, revision=case.revision)
        return make(opened, id=id, subject=case.pupil_id, now=now)
    closed = casework.CaseClosed(
        case_id=case.case_id, pupil_id=case.pupil_id, into_case_id=case.into_case_id, revision=case.revision
    )
    return make(closed, id=id, subject=case.pupil_id, now=now)
