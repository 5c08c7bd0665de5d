"""What becomes of one task, and when it is due.

A firm PA or SA episode needs its task; a PN_10_IN_10 episode needs it from the first, and the task says that N must be
settled. Only a reversal, or a PA or SA that is provisional again, cancels an open task; the end of an episode changes
nothing. What was cancelled opens again under its id when the episode stands again; what was done stays done.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from common.errors import ConflictError
from common.events import Revision

from casework.domain import wording
from casework.domain.policy import EpisodeRule, LetterRule
from casework.domain.values import Episode, Letter, Task, revised

FIRST = Revision(1, 1)


def task_id(about: str, kind: str) -> str:
    """The id of the one task of a kind about one episode or letter."""
    return str(uuid5(UUID(about), kind))


def due_on(today: date, open_days: Sequence[date], number: int) -> date:
    """The `number`-th open day after `today`; past the last known open day Monday to Friday count."""
    ahead = [day for day in sorted(open_days) if day > today]
    if number <= len(ahead):
        return ahead[number - 1]
    day, missing = (ahead[-1] if ahead else today), number - len(ahead)
    while missing:
        day += timedelta(1)
        missing -= day.weekday() < 5
    return day


def is_needed(episode: Episode, rule: EpisodeRule) -> bool:
    return episode.stands and (rule.while_provisional or not episode.provisional)


def after_episode(
    task: Task | None, episode: Episode, rule: EpisodeRule, case_id: str, today: date, now: datetime
) -> Task | None:
    """The task of an episode as the episode's newest state wants it; None when there is none and none is needed."""
    needed = is_needed(episode, rule)
    reason = wording.reason(rule.task, episode)
    due = due_on(today, episode.open_days, rule.open_days)
    if task is None:
        return _opened(rule.task, episode, None, case_id, due, reason, now) if needed else None
    if task.status == "done" or (task.status == "cancelled" and not needed):
        return task
    if not needed:
        return revised(task, replace(task, status="cancelled", closed_at=now, reason=wording.GONE))
    if task.status == "open":
        return revised(task, replace(task, school_urn=episode.school_urn, reason=reason))
    again = replace(task, status="open", school_urn=episode.school_urn, opened_at=now, closed_at=None)
    return revised(task, replace(again, due_on=due, reason=reason))


def replaced(task: Task, now: datetime) -> Task:
    """An open task once the policy has another one for its episode."""
    return revised(task, replace(task, status="cancelled", closed_at=now, reason=wording.REPLACED))


def about_letter(
    letter: Letter, rule: LetterRule, reason: str, open_days: Sequence[date], case_id: str, today: date, now: datetime
) -> Task:
    """A new task about one letter; `open_days` are those of its episode's school, as last heard."""
    due = due_on(today, open_days, rule.open_days)
    return _opened(rule.task, letter, letter.letter_id, case_id, due, reason, now)


def after_withholding(
    task: Task | None,
    letter: Letter,
    rule: LetterRule,
    open_days: Sequence[date],
    case_id: str,
    today: date,
    now: datetime,
) -> Task | None:
    """The task of a letter that goes to nobody, as the letter's newest state wants it; None when there is none and none
    is needed. It is cancelled when the letter loses its reason, or finds its recipient after all.
    """
    reason = wording.withheld(letter.withheld) if letter.withheld else wording.RECIPIENT_CHECKED
    if task is None:
        return about_letter(letter, rule, reason, open_days, case_id, today, now) if letter.withheld else None
    if task.status == "done" or (task.status == "cancelled" and not letter.withheld):
        return task
    if not letter.withheld:
        return revised(task, replace(task, status="cancelled", closed_at=now, reason=reason))
    if task.status == "open":
        return revised(task, replace(task, school_urn=letter.school_urn, reason=reason))
    again = replace(task, status="open", school_urn=letter.school_urn, opened_at=now, closed_at=None, reason=reason)
    return revised(task, replace(again, due_on=due_on(today, open_days, rule.open_days)))


def completed(task: Task, outcome: str, note: str | None, now: datetime) -> Task:
    """The task once a person has done it; saying the same again changes nothing.

    ConflictError for a cancelled task, and for one that was done with another outcome or note.
    """
    if task.status == "done" and (task.outcome, task.note) == (outcome, note):
        return task
    if task.status != "open":
        raise ConflictError(f"The task is {task.status}.")
    return revised(task, replace(task, status="done", outcome=outcome, note=note, closed_at=now))


def owned(task: Task, owner: str | None) -> Task:
    """The task in somebody's hands, or in nobody's; ConflictError once it is closed."""
    if task.status != "open":
        raise ConflictError(f"The task is {task.status}.")
    return revised(task, replace(task, owner=owner))


def _opened(
    kind: str, cause: Episode | Letter, letter_id: str | None, case_id: str, due: date, reason: str, now: datetime
) -> Task:
    return Task(
        task_id=task_id(letter_id or cause.episode_id, kind),
        case_id=case_id,
        kind=kind,
        pupil_id=cause.pupil_id,
        school_urn=cause.school_urn,
        episode_id=cause.episode_id,
        letter_id=letter_id,
        status="open",
        owner=None,
        due_on=due,
        reason=reason,
        outcome=None,
        note=None,
        opened_at=now,
        closed_at=None,
        revision=FIRST,
    )
