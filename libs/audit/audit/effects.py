"""What episodes call for: one task for each crossing that needs one, one letter for each recipient.

Rows of three services are compared with one another here, by the rules of casework and notifications:

- An episode whose kind has a stage in its policy has exactly one task of that stage, open or done, once it is firm, or
  from the start if the stage says so. A reversed one has none open, nor has one that is provisional before its time.
  What an earlier policy asked for is done or cancelled. That an episode ended changes nothing. A kind without a stage
  has no open task.
- A letter belongs to a firm episode, PA, SA or PN_10_IN_10. When that is reversed, or provisional again, an unsent
  letter is recalled, and one that had reached `sending` is overtaken. When it is firm again, a recalled letter waits
  again to be sent, unless its recipient may not be written to any more (`withheld`). While a child has a firm SA
  episode, no PA letter of that year waits to be sent. The recipients of each firm one of these episodes have been asked
  for, once; a letter to nobody is withheld while its episode is firm and open, and not afterwards.
- A letter that was overtaken has one task `already_sent`; one of which nobody knows whether it left has
  `check_sending`; one that is withheld, for a reason that was kept, has `check_recipient`, which is not open for any
  other letter.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from audit.policy import Stage

KINDS_WITH_LETTER = {"PA", "SA", "PN_10_IN_10"}
ALREADY_SENT = "already_sent"
CHECK_SENDING = "check_sending"
CHECK_RECIPIENT = "check_recipient"
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The recipient of a letter while there is nobody to be written to."""
REACHED_SENDING = {"sending", "sent", "delivered", "returned", "failed"}


@dataclass(frozen=True)
class EpisodeState:
    """An episode as the engine holds it now; `stage`: the task that its kind calls for, by its policy."""

    episode_id: str
    pupil_id: str
    kind: str
    year: int | None
    state: str
    provisional: bool
    stage: Stage | None = None

    @property
    def stands(self) -> bool:
        return self.state != "reversed"

    @property
    def firm(self) -> bool:
        return self.stands and not self.provisional


@dataclass(frozen=True)
class TaskState:
    """A task as casework holds it."""

    task_id: str
    kind: str
    pupil_id: str
    episode_id: str
    letter_id: str | None
    status: str


@dataclass(frozen=True)
class LetterState:
    """A letter as notifications holds it."""

    letter_id: str
    kind: str
    pupil_id: str
    episode_id: str
    recipient_id: str
    status: str
    overtaken: bool
    withheld: bool
    withheld_why: str | None = None


def task_differences(
    episodes: dict[str, EpisodeState], tasks: Iterable[TaskState], letters: Iterable[LetterState]
) -> list[str]:
    """Where the tasks are not those that the episodes and letters call for."""
    found: list[str] = []
    of_episode: dict[str, list[TaskState]] = {}
    of_letter: dict[str, list[TaskState]] = {}
    for task in tasks:
        if task.letter_id is not None:
            of_letter.setdefault(task.letter_id, []).append(task)
        else:
            of_episode.setdefault(task.episode_id, []).append(task)
    for episode_id, own in of_episode.items():
        if episode_id not in episodes:
            found += [f"task {task.task_id} ({task.kind}) is about an unknown episode {episode_id}" for task in own]
    for episode in episodes.values():
        found += _tasks_of_episode(episode, of_episode.get(episode.episode_id, []))
    known = {letter.letter_id: letter for letter in letters}
    for letter_id, own in of_letter.items():
        if letter_id not in known:
            found += [f"task {task.task_id} ({task.kind}) is about an unknown letter {letter_id}" for task in own]
    for letter in known.values():
        found += _tasks_of_letter(letter, of_letter.get(letter.letter_id, []))
    return found


def _tasks_of_episode(episode: EpisodeState, tasks: list[TaskState]) -> list[str]:
    name = f"{episode.kind} episode {episode.episode_id} ({episode.state}{', provisional' * episode.provisional})"
    kind = episode.stage.task if episode.stage else None
    found = [
        f"{name} has task {task.task_id} of kind {task.kind}"
        for task in tasks
        if task.kind != kind and task.status == "open"
    ]
    if episode.stage is None:
        return found
    own = [task for task in tasks if task.kind == kind]
    needed = episode.stands and (not episode.provisional or episode.stage.while_provisional)
    if len(own) > 1 or (needed and not own):
        found.append(f"{name} has {len(own)} tasks of kind {kind}")
    for task in own:
        if needed and task.status == "cancelled":
            found.append(f"{name} needs its task, but {task.task_id} is cancelled")
        if not needed and task.status == "open":
            found.append(f"{name} needs no task, but {task.task_id} is open")
        if task.pupil_id != episode.pupil_id:
            found.append(f"task {task.task_id} is of pupil {task.pupil_id}, its episode of {episode.pupil_id}")
    return found


def _tasks_of_letter(letter: LetterState, tasks: list[TaskState]) -> list[str]:
    found: list[str] = []
    counts = Counter(task.kind for task in tasks)
    wanted = {ALREADY_SENT: int(letter.overtaken), CHECK_SENDING: int(letter.status == "failed")}
    checks = [task.status for task in tasks if task.kind == CHECK_RECIPIENT]
    if letter.withheld_why is not None:
        wanted[CHECK_RECIPIENT] = 1
        if "cancelled" in checks:
            found.append(f"letter {letter.letter_id} is withheld, but its task {CHECK_RECIPIENT} is cancelled")
    elif "open" in checks:
        found.append(f"letter {letter.letter_id} is not withheld, but its task {CHECK_RECIPIENT} is open")
    else:
        del counts[CHECK_RECIPIENT]
    for kind in sorted({*counts, *wanted}):
        if counts[kind] != wanted.get(kind, 0):
            about = f"letter {letter.letter_id} ({letter.status}{', overtaken' * letter.overtaken})"
            found.append(f"{about} has {counts[kind]} tasks of kind {kind}, not {wanted.get(kind, 0)}")
    return found


def letter_differences(
    episodes: dict[str, EpisodeState], letters: Iterable[LetterState], settled: set[str]
) -> list[str]:
    """Where a letter waits or was sent without a reason, or twice, or does not wait though it should.

    `settled`: the episodes whose recipients have been asked for.
    """
    found: list[str] = []
    severe = [episode for episode in episodes.values() if episode.kind == "SA" and episode.firm]
    displaced = {(episode.pupil_id, episode.year) for episode in severe}
    displaced_now = {(episode.pupil_id, episode.year) for episode in severe if episode.state == "open"}
    seen: Counter[tuple[str, str, str]] = Counter()
    for letter in letters:
        seen[letter.episode_id, letter.kind, letter.recipient_id] += 1
        episode = episodes.get(letter.episode_id)
        if episode is None:
            found.append(f"letter {letter.letter_id} is about an unknown episode {letter.episode_id}")
            continue
        of_year = (episode.pupil_id, episode.year)
        about = f"letter {letter.letter_id} ({letter.status}) about {episode.kind} episode {episode.episode_id}"
        wrong = _wrong_with(letter, episode)
        if episode.kind == "PA" and letter.status == "queued" and of_year in displaced_now:
            wrong.append("waits to be sent, though absence is severe by now")
        may_be_displaced = episode.kind == "PA" and of_year in displaced
        to_nobody = letter.recipient_id == NOBODY
        if to_nobody and (letter.status != "recalled" or (letter.withheld and episode.state != "open")):
            wrong.append("is to nobody, and waits")
        over = may_be_displaced or (to_nobody and episode.state == "ended")
        if letter.status == "recalled" and episode.firm and not letter.withheld and not over:
            wrong.append("does not wait to be sent, though the episode is firm")
        found += [f"{about} {what}" for what in wrong]
    for (episode_id, kind, recipient), count in seen.items():
        if count > 1:
            found.append(f"{count} letters of kind {kind} about episode {episode_id} to recipient {recipient}")
    for episode in episodes.values():
        may_be_displaced = episode.kind == "PA" and (episode.pupil_id, episode.year) in displaced
        if episode.kind not in KINDS_WITH_LETTER:
            continue
        if episode.firm and episode.episode_id not in settled and not may_be_displaced:
            found.append(f"{episode.kind} episode {episode.episode_id} is firm, and nobody asked whom to write to")
    return found


def _wrong_with(letter: LetterState, episode: EpisodeState) -> list[str]:
    """What can be said of a letter and its own episode alone."""
    wrong: list[str] = []
    if episode.kind not in KINDS_WITH_LETTER:
        wrong.append("is about a kind that calls for none")
    if not episode.firm and letter.status == "queued":
        wrong.append("waits to be sent, but the episode is not firm")
    if not episode.firm and letter.status in REACHED_SENDING and not letter.overtaken:
        wrong.append("has lost its reason, and nobody was told")
    if letter.overtaken and letter.status not in REACHED_SENDING:
        wrong.append("is overtaken, but never reached sending")
    if letter.pupil_id != episode.pupil_id:
        wrong.append(f"is of pupil {letter.pupil_id}, its episode of {episode.pupil_id}")
    return wrong
