"""Reads the events of the absence engine as news for notifications."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.events import Event, UnreadableEventError, absence_engine
from common.meanings import Merge, Split, hear_meaning, plain_id

from notifications.domain.values import ExplainedEpisode


@dataclass(frozen=True, slots=True)
class News:
    """The news of a batch, in the order of the records."""

    merges: list[Merge | Split] = field(default_factory=list[Merge | Split])
    episodes: list[ExplainedEpisode] = field(default_factory=list[ExplainedEpisode])


def hear(event: Event) -> Merge | Split | ExplainedEpisode | None:
    """The news in an event, or None when it is none of ours; UnreadableEventError when its values make no sense."""
    data = event.data
    try:
        if meaning := hear_meaning(data):
            return meaning
        if isinstance(data, absence_engine.Threshold):
            return ExplainedEpisode(
                episode_id=plain_id(data.episode_id),
                pupil_id=plain_id(data.pupil_id),
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
