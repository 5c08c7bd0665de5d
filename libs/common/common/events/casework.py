"""What casework says, on topic `casework`, keyed by `pupil_id`. Each event carries the full state and a revision."""

from typing import ClassVar, Literal

from common.events import Data, Revision, register

TOPIC = "casework"


class Task(Data, frozen=True, kw_only=True):
    """The full state of a task. `letter_id` is set on the kinds that are about one letter, `episode_id` on those that
    are about an episode. `overdue`: the last of the school days in which to do it has come
    (`establish_reason`).
    """

    topic: ClassVar[str] = TOPIC
    task_id: str
    case_id: str
    kind: str
    pupil_id: str
    school_urn: int
    episode_id: str | None
    letter_id: str | None
    status: Literal["open", "done", "cancelled"]
    owner: str | None
    due_on: str
    reason: str
    outcome: str | None
    revision: Revision
    overdue: bool = False


@register
class TaskOpened(Task, frozen=True, kw_only=True):
    """Opened, opened again, or changed while open."""

    type: ClassVar[str] = "uk.rollcall.casework.task-opened.v1"


@register
class TaskClosed(Task, frozen=True, kw_only=True):
    """Done by a person, or cancelled because its reason went."""

    type: ClassVar[str] = "uk.rollcall.casework.task-closed.v1"


@register
class CaseOpened(Data, frozen=True, kw_only=True):
    """A child has a case from now on: with the first task."""

    type: ClassVar[str] = "uk.rollcall.casework.case-opened.v1"
    topic: ClassVar[str] = TOPIC
    case_id: str
    pupil_id: str
    revision: Revision


@register
class CaseClosed(Data, frozen=True, kw_only=True):
    """A case is closed when another case of the same child took it over (after a merge)."""

    type: ClassVar[str] = "uk.rollcall.casework.case-closed.v1"
    topic: ClassVar[str] = TOPIC
    case_id: str
    pupil_id: str
    into_case_id: str | None
    revision: Revision
