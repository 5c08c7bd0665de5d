"""What casework knows of others (`Episode`, `Letter`: the newest state heard) and what it keeps itself."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, TypeVar

from common.events import Revision

from casework.domain.policy import EpisodeRule

TaskStatus = Literal["open", "done", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode as the absence engine last told it; `open_days` are its school's next 20 as at that event. `pupil_id`
    is the living child, `told_as` the id that the event named. `rule`: the task that the event asks for; not kept.
    """

    episode_id: str
    pupil_id: str
    kind: str
    academic_year: str | None
    state: Literal["open", "ended", "reversed"]
    provisional: bool
    crossed_on: str
    school_urn: int
    open_days: tuple[date, ...]
    sentence: str
    revision: Revision
    told_as: str | None = None
    rule: EpisodeRule | None = field(default=None, metadata={"kept": False})

    @property
    def stands(self) -> bool:
        return self.state != "reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter as notifications last told it; `withheld`: why it has its reason and yet goes to nobody."""

    letter_id: str
    kind: str
    pupil_id: str
    school_urn: int
    episode_id: str
    status: str
    overtaken: bool
    revision: Revision
    withheld: str | None = None
    told_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A mark N as the absence engine last told of it: entry `number` of the school's ledger is the newest that names
    it. `told_pupil_id` is the ledger's id, `pupil_id` the living child's; `due_on` is unknown beyond the calendar.
    """

    reason_id: str
    told_pupil_id: str
    pupil_id: str
    school_urn: int
    day: date
    session: str
    state: Literal["due", "overdue", "settled"]
    due_on: date | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that a person has to do. `outcome` and `note` are set once it is done; `count` rises with each
    change.
    """

    task_id: str
    case_id: str
    kind: str
    pupil_id: str
    school_urn: int
    episode_id: str | None
    letter_id: str | None
    status: TaskStatus
    owner: str | None
    due_on: date
    reason: str
    outcome: str | None = field(default=None, metadata={"kept": False})
    note: str | None = field(default=None, metadata={"kept": False})
    opened_at: datetime
    closed_at: datetime | None
    revision: Revision
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is done about one child; closed only when another case of the same child took it over."""

    case_id: str
    pupil_id: str
    into_case_id: str | None
    opened_at: datetime
    revision: Revision

    @property
    def status(self) -> Literal["open", "closed"]:
        return "open" if self.into_case_id is None else "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a child's timeline: ids and plain words, never a name. `entry_id` is made of what it tells;
    `told_as` is the id that it was told of.
    """

    entry_id: str
    pupil_id: str
    at: datetime
    kind: str
    text: str
    school_urn: int | None = None
    episode_id: str | None = None
    task_id: str | None = None
    letter_id: str | None = None
    told_as: str | None = None


Kept = TypeVar("Kept", Task, Case)


def revised(old: Kept, new: Kept) -> Kept:
    """`new` with the next revision when it differs from `old`; else `old` itself."""
    if new == old:
        return old
    return replace(new, revision=Revision(old.revision.epoch, old.revision.count + 1))
