"""Reads the events of the absence engine as news for notifications."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from common.events import Event, UnreadableEventError, absence_engine

from notifications.domain.values import ExplainedEpisode


@dataclass(frozen=True, slots=True)
class Merge:
    """`pupil_id` is `survivor` from now on."""

    pupil_id: str
    survivor: str
    version: int = 0

    def children(self) -> set[str]:
        """The ids that it names."""
        return {self.pupil_id, self.survivor}


@dataclass(frozen=True, slots=True)
class Split:
    """`other` is another child than `pupil_id` from now on: its own again when it is `restored`, else new."""

    pupil_id: str
    other: str
    restored: bool
    version: int

    def children(self) -> set[str]:
        """The ids that it names."""
        return {self.pupil_id, self.other}


@dataclass(frozen=True, slots=True)
class News:
    """The news of a batch, in the order of the records."""

    merges: list[Merge | Split] = field(default_factory=list[Merge | Split])
    episodes: list[ExplainedEpisode] = field(default_factory=list[ExplainedEpisode])


def hear(event: Event) -> Merge | Split | ExplainedEpisode | None:
    """The news in an event, or None when it is none of ours; UnreadableEventError when its values make no sense."""
    data = event.data
    try:
        if isinstance(data, absence_engine.ChildMerged):
            return Merge(_id(data.pupil_id), _id(data.survivor), data.identity_version)
        if isinstance(data, absence_engine.ChildSplit):
            return Split(_id(data.pupil_id), _id(data.other), data.restored, data.identity_version)
        if isinstance(data, absence_engine.Threshold):
            return ExplainedEpisode(
                episode_id=_id(data.episode_id),
                pupil_id=_id(data.pupil_id),
                kind=data.kind,
                academic_year=data.academic_year,
                state=data.state,
                provisional=data.provisional,
                firm_on=data.firm_on.date if data.firm_on else None,
                school_urn=data.school_urn,
                revision=data.revision,
                explanation=data.explanation,
            )
    except ValueError as error:
        raise UnreadableEventError(str(error)) from error
    return None


def sorted_out(told: Iterable[Merge | Split | ExplainedEpisode]) -> News:
    """The news by what they are about."""
    news = News()
    for one in told:
        if isinstance(one, Merge | Split):
            news.merges.append(one)
        else:
            news.episodes.append(one)
    return news


def _id(text: str) -> str:
    return str(UUID(text))
