"""Reads the events of the absence engine and of notifications as news for casework."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from common.events import Event, UnreadableEventError, absence_engine, notifications
from common.meanings import Merge, Split, hear_meaning, plain_id

from casework.domain.policy import EpisodeRule
from casework.domain.reasons import Day, reason_id
from casework.domain.values import Episode, Letter, Reason

CROSSINGS: dict[type[absence_engine.Threshold], str] = {
    absence_engine.ThresholdApproaching: "crossed",
    absence_engine.ThresholdCrossed: "crossed",
    absence_engine.ThresholdChanged: "changed",
    absence_engine.ThresholdEnded: "ended",
    absence_engine.ThresholdReversed: "reversed",
}

LETTERS: dict[type[notifications.Letter], str] = {
    notifications.LetterQueued: "queued",
    notifications.LetterSent: "sent",
    notifications.LetterRecalled: "recalled",
    notifications.LetterFailed: "failed",
    notifications.LetterOvertaken: "overtaken",
}


REASONS: dict[type[absence_engine.Reason], Literal["due", "overdue", "settled"]] = {
    absence_engine.ReasonDue: "due",
    absence_engine.ReasonOverdue: "overdue",
    absence_engine.ReasonSettled: "settled",
}


@dataclass(frozen=True, slots=True)
class EpisodeNews:
    """The state of an episode after it crossed, changed, ended or was reversed (`what`)."""

    episode: Episode
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LetterNews:
    """The state of a letter after it was queued, sent, recalled, failed or overtaken (`what`)."""

    letter: Letter
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """The news of a batch, in the order of the records."""

    merges: list[Merge | Split] = field(default_factory=list[Merge | Split])
    episodes: list[EpisodeNews] = field(default_factory=list[EpisodeNews])
    letters: list[LetterNews] = field(default_factory=list[LetterNews])
    reasons: list[Reason] = field(default_factory=list[Reason])


Told = Merge | Split | EpisodeNews | LetterNews | Reason
"""What one event may be news of."""


def hear(event: Event) -> Told | None:
    """The news in an event, or None when it is none of ours; UnreadableEventError when its values make no sense."""
    data = event.data
    try:
        if meaning := hear_meaning(data):
            return meaning
        if isinstance(data, absence_engine.Threshold):
            return EpisodeNews(_episode(data), CROSSINGS[type(data)], datetime.fromisoformat(event.time))
        if isinstance(data, notifications.Letter):
            return LetterNews(_letter(data), LETTERS[type(data)], datetime.fromisoformat(event.time))
        if isinstance(data, absence_engine.Reason):
            return _reason(data)
    except (ValueError, KeyError) as error:
        raise UnreadableEventError(str(error)) from error
    return None


def sorted_out(told: Iterable[Told]) -> News:
    """The news by what they are about."""
    news = News()
    for one in told:
        if isinstance(one, Merge | Split):
            news.merges.append(one)
        elif isinstance(one, EpisodeNews):
            news.episodes.append(one)
        elif isinstance(one, LetterNews):
            news.letters.append(one)
        else:
            news.reasons.append(one)
    return news


def _episode(data: absence_engine.Threshold) -> Episode:
    return Episode(
        episode_id=plain_id(data.episode_id),
        pupil_id=plain_id(data.pupil_id),
        kind=data.kind,
        academic_year=data.academic_year,
        state=data.state,
        provisional=data.provisional,
        crossed_on=data.crossed_on.date,
        school_urn=data.school_urn,
        open_days=tuple(date.fromisoformat(day) for day in data.open_days),
        sentence=data.explanation.sentence,
        revision=data.revision,
        rule=None
        if data.stage is None
        else EpisodeRule(data.stage.task, data.stage.due_open_days, data.stage.while_provisional),
    )


def _reason(data: absence_engine.Reason) -> Reason:
    day = Day(plain_id(data.pupil_id), data.school_urn, date.fromisoformat(data.date))
    return Reason(
        reason_id=reason_id(day, data.session),
        told_pupil_id=day.told_pupil_id,
        pupil_id=day.told_pupil_id,
        school_urn=day.school_urn,
        day=day.day,
        session=data.session,
        state=REASONS[type(data)],
        due_on=None if data.due_on is None else date.fromisoformat(data.due_on),
        number=data.sequence,
    )


def _letter(data: notifications.Letter) -> Letter:
    return Letter(
        letter_id=plain_id(data.letter_id),
        kind=data.kind,
        pupil_id=plain_id(data.pupil_id),
        school_urn=data.school_urn,
        episode_id=plain_id(data.episode_id),
        status=data.status,
        overtaken=data.overtaken,
        revision=data.revision,
        withheld=data.withheld,
    )
