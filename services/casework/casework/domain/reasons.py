"""Marks N that a school has not settled (rule book 2.5, 12.1): one task for a child's day at a school.

The task opens when the first of the day's Ns is due, is overdue when one of them is, and is cancelled when all of them
are settled; it opens again under its id when one comes back. What a person did stays done. Of each N the highest
number told counts, in whatever order it is heard.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID, uuid5

from casework.domain import follow, tasks, wording
from casework.domain.follow import Changes
from casework.domain.policy import ReasonRule
from casework.domain.values import Case, Reason, Task, revised


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """A day at a school, under the id of the school's ledger: what one task is about."""

    told_pupil_id: str
    school_urn: int
    day: date

    @classmethod
    def of(cls, reason: Reason) -> "Day":
        return cls(reason.told_pupil_id, reason.school_urn, reason.day)


def reason_id(day: Day, session: str) -> str:
    """The id of a mark N."""
    return str(uuid5(UUID(day.told_pupil_id), f"{day.school_urn}/{day.day}/{session}"))


def task_id(day: Day, kind: str) -> str:
    """The id of the one task about a day."""
    return tasks.task_id(day.told_pupil_id, f"{kind}/{day.school_urn}/{day.day}")


def newest(told: Iterable[Reason], stored: Mapping[str, Reason]) -> list[Reason]:
    """Of each N the highest number told, if it is higher than the one stored."""
    best: dict[str, Reason] = {}
    for one in told:
        known = best.get(one.reason_id) or stored.get(one.reason_id)
        if known is None or one.number > known.number:
            best[one.reason_id] = one
    return list(best.values())


def chase(
    changes: Changes,
    told: Iterable[Reason],
    stored: Sequence[Reason],
    known: Mapping[str, Task],
    cases: Mapping[str, Case],
    rule: ReasonRule,
    today: date,
    now: datetime,
) -> list[Reason]:
    """Notes in `changes` what becomes of tasks; the reasons to keep. `stored` are all of the days that are told of, and
    `known` the tasks that these may have; pupil ids mean living children.
    """
    kept = {reason.reason_id: reason for reason in stored}
    new = newest(told, kept)
    kept |= {reason.reason_id: reason for reason in new}
    cases_now = {**cases, **{case.pupil_id: case for case in changes.cases}}
    for day in sorted({Day.of(reason) for reason in new}):
        reasons = sorted((one for one in kept.values() if Day.of(one) == day), key=lambda one: one.session)
        before = known.get(task_id(day, rule.task))
        child = reasons[0].pupil_id
        case = cases_now.get(child) or follow.new_case(child, now)
        after = after_reasons(before, day, reasons, rule, case.case_id, today, now)
        if after is not None:
            follow.keep(changes, cases_now, case, before, after, now)
    return new


def after_reasons(
    task: Task | None, day: Day, reasons: Sequence[Reason], rule: ReasonRule, case_id: str, today: date, now: datetime
) -> Task | None:
    """The task of a day as the newest state of its Ns wants it; None when there is none and none is needed."""
    waiting = [reason for reason in reasons if reason.state != "settled"]
    if task is None and not waiting:
        return None
    if task is not None and (task.status == "done" or (task.status == "cancelled" and not waiting)):
        return task
    if not waiting:
        assert task is not None
        return revised(
            task, replace(task, status="cancelled", overdue=False, closed_at=now, reason=wording.REASON_SETTLED)
        )
    overdue = any(reason.state == "overdue" for reason in waiting)
    dates = [reason.due_on for reason in waiting if reason.due_on is not None]
    due = min(dates) if dates else tasks.due_on(today, (), rule.open_days)
    words = wording.reason_wanted(day.day, [reason.session for reason in waiting], overdue)
    if task is None:
        return _opened(day, waiting[0].pupil_id, rule.task, case_id, due, words, overdue, now)
    if task.status == "open":
        moved = due if dates else task.due_on
        return revised(task, replace(task, due_on=moved, reason=words, overdue=overdue))
    again = replace(task, status="open", opened_at=now, closed_at=None, due_on=due, reason=words, overdue=overdue)
    return revised(task, again)


def _opened(
    day: Day, pupil_id: str, kind: str, case_id: str, due: date, words: str, overdue: bool, now: datetime
) -> Task:
    return Task(
        task_id=task_id(day, kind),
        case_id=case_id,
        kind=kind,
        pupil_id=pupil_id,
        school_urn=day.school_urn,
        episode_id=None,
        letter_id=None,
        status="open",
        owner=None,
        due_on=due,
        reason=words,
        outcome=None,
        note=None,
        opened_at=now,
        closed_at=None,
        revision=tasks.FIRST,
        overdue=overdue,
    )
