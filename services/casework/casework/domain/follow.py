"""What a batch of news changes: tasks, cases and timelines, and the events that tell of it.

The news of a batch may be in any order and may repeat what is known: of each episode and letter only the highest
revision counts, and only if it is higher than the one stored. Timelines are the exception: each fact ever told has
its line once, however late it comes, because its id is made of what it tells. What happens to a letter only once has
one line, though a merge tells of it again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID, uuid5

from casework.domain import tasks, wording
from casework.domain.policy import EpisodeRule, LetterRule, Policy
from casework.domain.values import Case, Entry, Episode, Letter, Task, revised

Told = TypeVar("Told", Episode, Letter)

ONCE = frozenset({"sent", "failed", "overtaken"})
"""What can happen to a letter only once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is kept about the children of a batch, by id; `cases` by the child, and only open ones."""

    episodes: Mapping[str, Episode]
    letters: Mapping[str, Letter]
    tasks: Mapping[str, Task]
    cases: Mapping[str, Case]


@dataclass(slots=True)
class Changes:
    """What is to be saved and said; filled while a batch is worked through."""

    episodes: list[Episode] = field(default_factory=list[Episode])
    letters: list[Letter] = field(default_factory=list[Letter])
    tasks: list[Task] = field(default_factory=list[Task])
    cases: list[Case] = field(default_factory=list[Case])
    entries: list[Entry] = field(default_factory=list[Entry])


def newest(told: Iterable[Told], stored: Mapping[str, Told], id_of: Callable[[Told], str]) -> list[Told]:
    """Of each episode or letter the highest revision told, if it is higher than the one stored."""
    best: dict[str, Told] = {}
    for one in told:
        key = id_of(one)
        known = best.get(key) or stored.get(key)
        if known is None or one.revision > known.revision:
            best[key] = one
    return list(best.values())


def wanted_tasks(episodes: Iterable[Episode], letters: Iterable[Letter], policy: Policy) -> list[str]:
    """The ids of all tasks that these episodes and letters may have."""
    about = [
        tasks.task_id(episode.episode_id, rule.task)
        for episode in episodes
        if (rule := policy.rule_of(episode.kind, episode.rule)) is not None
    ]
    rules = (policy.letters.overtaken, policy.letters.failed, policy.letters.withheld)
    return about + [tasks.task_id(letter.letter_id, rule.task) for letter in letters for rule in rules]


def follow(
    stored: Stored, episodes: Sequence[Episode], letters: Sequence[Letter], policy: Policy, today: date, now: datetime
) -> Changes:
    """Works through news whose pupil ids already mean living children; an unchanged thing is not in the answer."""
    changes = Changes()
    cases = dict(stored.cases)
    known = dict(stored.episodes)
    for episode in newest(episodes, stored.episodes, lambda episode: episode.episode_id):
        changes.episodes.append(episode)
        known[episode.episode_id] = episode
        rule = policy.rule_of(episode.kind, episode.rule)
        old = _replaced(stored, episode, rule, policy)
        if old is not None:
            case = cases.get(episode.pupil_id) or new_case(episode.pupil_id, now)
            keep(changes, cases, case, old, tasks.replaced(old, now), now)
        if rule is None:
            continue
        task = stored.tasks.get(tasks.task_id(episode.episode_id, rule.task))
        case = cases.get(episode.pupil_id) or new_case(episode.pupil_id, now)
        after = tasks.after_episode(task, episode, rule, case.case_id, today, now)
        if after is not None:
            keep(changes, cases, case, task, after, now)
    for letter in newest(letters, stored.letters, lambda letter: letter.letter_id):
        changes.letters.append(letter)
        case = cases.get(letter.pupil_id) or new_case(letter.pupil_id, now)
        days = known[letter.episode_id].open_days if letter.episode_id in known else ()
        for rule, reason in _needs(letter, policy):
            if tasks.task_id(letter.letter_id, rule.task) not in stored.tasks:
                task = tasks.about_letter(letter, rule, reason, days, case.case_id, today, now)
                keep(changes, cases, case, None, task, now)
        rule = policy.letters.withheld
        before = stored.tasks.get(tasks.task_id(letter.letter_id, rule.task))
        after = tasks.after_withholding(before, letter, rule, days, case.case_id, today, now)
        if after is not None:
            keep(changes, cases, case, before, after, now)
    return changes


def _replaced(stored: Stored, episode: Episode, rule: EpisodeRule | None, policy: Policy) -> Task | None:
    """The open task that an episode had by the rule of its last state, where that is another task."""
    before = stored.episodes.get(episode.episode_id)
    old = None if before is None else policy.rule_of(before.kind, before.rule)
    if old is None or (rule is not None and rule.task == old.task):
        return None
    task = stored.tasks.get(tasks.task_id(episode.episode_id, old.task))
    return task if task is not None and task.status == "open" else None


def exchanged(stored: Stored, changes: Changes) -> set[str]:
    """The children of episodes that were told of another child than before."""
    known = [(stored.episodes.get(episode.episode_id), episode) for episode in changes.episodes]
    return {
        child
        for before, after in known
        if before is not None and before.pupil_id != after.pupil_id
        for child in (before.pupil_id, after.pupil_id)
    }


def merged(
    dead: Case | None, living: Case | None, moved: Sequence[Task], pupil_id: str, now: datetime
) -> tuple[list[Case], list[Task], list[Entry]]:
    """What a merge changes: the dead child's case becomes the survivor's, or is closed into the one that it has.

    `moved` are the tasks of the dead child; `pupil_id` is the survivor's.
    """
    cases: list[Case] = []
    entries: list[Entry] = []
    if dead is not None and living is None:
        living = revised(dead, replace(dead, pupil_id=pupil_id))
        cases.append(living)
    elif dead is not None and living is not None:
        cases.append(revised(dead, replace(dead, into_case_id=living.case_id)))
        text = "Another case of the same child was joined to this one."
        entries.append(_entry(dead.case_id, pupil_id, now, "case-joined", text))
    case_id = living.case_id if living else ""
    return cases, [revised(task, replace(task, pupil_id=pupil_id, case_id=case_id)) for task in moved], entries


def closing(task: Task, now: datetime) -> Entry:
    """The timeline's line for a task that a person did or took over."""
    kind = "task-done" if task.status == "done" else "task-owner"
    words = "done" if task.status == "done" else "owner changed"
    return _task_entry(task, kind, words, now)


def told_of_episode(episode: Episode, what: str, at: datetime) -> Entry:
    """The line for one event about an episode; `what` is crossed, changed, ended or reversed."""
    return Entry(
        entry_id=_line(episode.episode_id, episode.revision.epoch, episode.revision.count),
        pupil_id=episode.pupil_id,
        at=at,
        kind=f"episode-{what}",
        text=wording.happened(episode, what),
        school_urn=episode.school_urn,
        episode_id=episode.episode_id,
    )


def told_of_letter(letter: Letter, what: str, at: datetime) -> Entry:
    """The line for one event about a letter; `what` is queued, sent, recalled, failed or overtaken."""
    name = wording.spoken(wording.LETTERS, letter.kind)
    return Entry(
        entry_id=str(uuid5(UUID(letter.letter_id), what)) if what in ONCE else _letter_line(letter),
        pupil_id=letter.pupil_id,
        at=at,
        kind=f"letter-{what}",
        text=f"Letter about {name}: {what}.",
        school_urn=letter.school_urn,
        episode_id=letter.episode_id,
        letter_id=letter.letter_id,
    )


def _needs(letter: Letter, policy: Policy) -> list[tuple[LetterRule, str]]:
    rules = policy.letters
    overtaken = [(rules.overtaken, wording.OVERTAKEN)] if letter.overtaken else []
    return overtaken + ([(rules.failed, wording.UNSURE)] if letter.status == "failed" else [])


def new_case(pupil_id: str, now: datetime) -> Case:
    return Case(
        case_id=str(uuid5(UUID(pupil_id), "case")),
        pupil_id=pupil_id,
        into_case_id=None,
        opened_at=now,
        revision=tasks.FIRST,
    )


def keep(changes: Changes, cases: dict[str, Case], case: Case, before: Task | None, after: Task, now: datetime) -> None:
    """Notes in `changes` a task that changed, and the case that the child's first task opens; `cases` gets it too."""
    if after == before:
        return
    if case.pupil_id not in cases:
        cases[case.pupil_id] = case
        changes.cases.append(case)
        changes.entries.append(_entry(case.case_id, case.pupil_id, now, "case-opened", "Case opened."))
    changes.tasks.append(after)
    changes.entries.append(_task_entry(after, *_what_happened(before, after), now))


def _what_happened(before: Task | None, after: Task) -> tuple[str, str]:
    if before is None:
        return "task-opened", f"opened, due on {after.due_on}"
    if after.status == "cancelled":
        return "task-cancelled", "cancelled, its reason went"
    if before.status == "cancelled":
        return "task-reopened", f"opened again, due on {after.due_on}"
    if after.overdue and not before.overdue:
        return "task-overdue", "overdue"
    return "task-changed", "its reason was brought up to date"


def _task_entry(task: Task, kind: str, words: str, now: datetime) -> Entry:
    return Entry(
        entry_id=_line(task.task_id, task.revision.epoch, task.revision.count),
        pupil_id=task.pupil_id,
        at=now,
        kind=kind,
        text=f"{wording.spoken(wording.TASKS, task.kind)}: {words}.",
        school_urn=task.school_urn,
        episode_id=task.episode_id,
        task_id=task.task_id,
        letter_id=task.letter_id,
    )


def _entry(case_id: str, pupil_id: str, now: datetime, kind: str, text: str) -> Entry:
    return Entry(entry_id=str(uuid5(UUID(case_id), kind)), pupil_id=pupil_id, at=now, kind=kind, text=text)


def _letter_line(letter: Letter) -> str:
    return _line(letter.letter_id, letter.revision.epoch, letter.revision.count)


def _line(about: str, epoch: int, count: int) -> str:
    return str(uuid5(UUID(about), f"{epoch}.{count}"))
