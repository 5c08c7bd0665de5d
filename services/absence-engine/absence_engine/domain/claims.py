"""Which earlier episode a span continues, and what happened to each (`docs/decisions/episodes.md`; 12.10, 12.23).

A span is what the marks now say; an episode is a span with an id that others know. Spans claim old episodes of their
kind and year that they overlap: standing ones first, in time order, then reversed ones, the last reversed first: what
was taken back and is brought back is the same episode again. Who claims keeps the id; other spans become new episodes;
standing episodes that nobody claims are reversed. What was reversed stays, and may be claimed again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from common.events.absence_engine import Explanation

from absence_engine.domain.explain import evidence_at, explain
from absence_engine.domain.ids import named
from absence_engine.domain.marks import last_marked
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars, Sheet
from absence_engine.domain.spans import Child, EndReason, Scope, Span
from absence_engine.domain.ticks import NEVER, ref_of, year_at, year_start

NAMESPACE = UUID("6f0f6a0e-3a3c-5f5b-9a59-6e0f6c5d7a10")

State = Literal["open", "ended", "reversed"]
Happened = Literal["crossed", "changed", "ended", "reversed"]


class Episode(NamedTuple):
    """A span that was announced, as it is kept; sessions as ticks. `hash` is that of its explanation.

    `last_mark` is the child's last marked session when the episode last stood. `epoch` and `revision` rise with every
    change. `event` is what was announced last. `origin` is the id under which it began: it goes with that id.
    """

    episode_id: str
    pupil_id: str
    kind: str
    year: int | None
    state: State
    crossed: int
    firm: int | None
    ended: int | None
    reason: EndReason | None
    reversed_at: datetime | None
    last_mark: int
    school_urn: int
    epoch: int
    revision: int
    hash: str
    policy_version: str
    event: Happened
    origin: str

    @property
    def stands(self) -> bool:
        return self.state != "reversed"

    @property
    def provisional(self) -> bool:
        return self.firm is None

    @property
    def span(self) -> Span:
        return Span(self.kind, self.year, self.crossed, self.firm, self.ended, self.reason)

    def with_hash(self, digest: str) -> "Episode":
        """The episode with another explanation's hash."""
        return self._replace(hash=digest)

    @property
    def reaches_to(self) -> int:
        """The last session of its span, for claims: a reversed one that was open ends where its child's marks ended."""
        if self.ended is not None:
            return self.ended
        return NEVER if self.stands else self.last_mark


class Change(NamedTuple):
    """What happened to an episode, and its new state; `explanation` is None where the stored one stays."""

    happened: Happened
    episode: Episode
    explanation: Explanation | None


class Evaluation(NamedTuple):
    """What an evaluation of one child knows beside the marks.

    `touched`: the earliest session whose mark changed, 0 when more than marks did; later evidence is as it was.
    `before`: the child's sheets before the change. `epoch`: raised by every rebuild.
    """

    scope: Scope
    touched: int
    before: Sequence[Sheet]
    epoch: int
    now: datetime


def claims(spans: Sequence[Span], old: Collection[Episode]) -> list[Episode | None]:
    """For each span (of one kind and year, in time order) the episode that it continues, or None."""
    if not old:
        return [None] * len(spans)
    in_time_order = sorted(old, key=lambda episode: (episode.crossed, episode.episode_id))
    standing = [episode for episode in in_time_order if episode.stands]
    taken_back = [(episode.reversed_at, episode) for episode in in_time_order if episode.reversed_at is not None]
    latest_first = [episode for _, episode in sorted(taken_back, key=lambda pair: pair[0], reverse=True)]
    claimed: list[Episode | None] = [None] * len(spans)
    for free in (standing, latest_first):
        for n, span in enumerate(spans):
            if claimed[n] is None:
                claimed[n] = next((episode for episode in free if _overlap(span, episode)), None)
                free = [episode for episode in free if episode is not claimed[n]]
    return claimed


def _overlap(span: Span, episode: Episode) -> bool:
    ended = NEVER if span.ended is None else span.ended
    return span.crossed <= episode.reaches_to and episode.crossed <= ended


def new_id(pupil_id: str, span: Span, taken: Collection[str]) -> str:
    """The UUIDv5 of what an episode is; when an earlier episode that has moved on bears it, of that and a number."""
    crossed = ref_of(span.crossed)
    name = f"{pupil_id}/{span.kind}/{span.year or ''}/{crossed.date}/{crossed.session}"
    found, n = named(NAMESPACE, name), 1
    while found in taken:
        n += 1
        found = named(NAMESPACE, f"{name}/{n}")
    return found


def decide(
    child: Child,
    spans: Sequence[Span],
    old: Sequence[Episode],
    evaluation: Evaluation,
    calendars: Calendars,
    policy: Policy,
) -> list[Change]:
    """What happened to a child's episodes of the evaluated scope. `old` are all its episodes, under whichever ids."""
    scope = evaluation.scope
    looked_at = [e for e in old if scope.holds(e.kind, e.year)]
    if _as_before(child, spans, looked_at, evaluation.touched, policy):
        return []
    found: list[Change] = []
    taken = {episode.episode_id for episode in old}
    parts: dict[tuple[str, int | None], tuple[list[Span], list[Episode]]] = {}
    for span in spans:
        parts.setdefault((span.kind, span.year), ([], []))[0].append(span)
    for episode in looked_at:
        parts.setdefault((episode.kind, episode.year), ([], []))[1].append(episode)
    for _, (its_spans, its_old) in sorted(parts.items(), key=lambda part: str(part[0])):
        if _as_before(child, its_spans, its_old, evaluation.touched, policy):
            continue
        claimed = claims(its_spans, its_old)
        for span, before in zip(its_spans, claimed, strict=True):
            change = _standing(child, span, before, taken, evaluation, calendars, policy)
            if change is not None:
                found.append(change)
        kept = {episode.episode_id for episode in claimed if episode is not None}
        left = [episode for episode in its_old if episode.episode_id not in kept]
        found.extend(change for episode in left if (change := _left(child, episode, evaluation)) is not None)
    return found


def _as_before(child: Child, spans: Sequence[Span], old: Sequence[Episode], touched: int, policy: Policy) -> bool:
    """Whether nothing can have happened: the usual case, found cheaply."""
    standing = sorted((episode for episode in old if episode.stands), key=lambda e: (e.kind, e.year or 0, e.crossed))
    return (
        [episode.span for episode in standing] == sorted(spans, key=lambda s: (s.kind, s.year or 0, s.crossed))
        and all(episode.pupil_id == child.record.pupil_id for episode in old)
        and all(episode.policy_version == policy.version_of(episode.kind) for episode in standing)
        and all(evidence_at(span) < touched for span in spans)
    )


def _is_as_before(child: Child, span: Span, episode: Episode, touched: int, policy: Policy) -> bool:
    """Whether an episode is its span still, by the same threshold, and no mark changed of those that explain it: then
    it is not explained anew, which costs most.
    """
    its = episode.stands and episode.pupil_id == child.record.pupil_id
    its = its and episode.policy_version == policy.version_of(span.kind)
    return its and episode.span == span and evidence_at(span) < touched


def as_told(child: Child, span: Span, before: Episode | None, taken: Collection[str], policy: Policy) -> Episode:
    """The episode of a span, the one that it continues or a new one, before it is explained and said: it has no hash,
    no last mark, and no change of its revision.
    """
    crossed_in = child.years[year_at(span.crossed)]
    pupil_id = child.record.pupil_id
    return Episode(
        episode_id=new_id(pupil_id, span, taken) if before is None else before.episode_id,
        pupil_id=pupil_id,
        kind=span.kind,
        year=span.year,
        state="open" if span.ended is None else "ended",
        crossed=span.crossed,
        firm=span.firm,
        ended=span.ended,
        reason=span.reason,
        reversed_at=None,
        last_mark=NEVER,
        school_urn=crossed_in.school_at(span.crossed - year_start(crossed_in.year)),
        epoch=0 if before is None else before.epoch,
        revision=0 if before is None else before.revision,
        hash="",
        policy_version=policy.version_of(span.kind),
        event="crossed",
        origin=pupil_id if before is None else before.origin,
    )


def _standing(
    child: Child,
    span: Span,
    before: Episode | None,
    taken: set[str],
    evaluation: Evaluation,
    calendars: Calendars,
    policy: Policy,
) -> Change | None:
    """The episode of a span, and what happened to it; None when nothing did."""
    if before is not None and _is_as_before(child, span, before, evaluation.touched, policy):
        return None
    explanation = explain(child, span, calendars, policy)
    last_mark = last_marked(child.record.sheets)
    assert last_mark is not None
    told = as_told(child, span, before, taken, policy)
    after = told._replace(
        last_mark=last_mark,
        epoch=evaluation.epoch if before is None else before.epoch,
        hash=explanation.hash,
        event="crossed" if before is None else before.event,
    )
    if before is not None and before._replace(last_mark=last_mark) == after:
        return None
    if before is None or not before.stands:
        return _change("crossed", after, explanation, evaluation)
    ended = before.state == "open" and after.state == "ended"
    return _change("ended" if ended else "changed", after, explanation, evaluation)


def _left(child: Child, episode: Episode, evaluation: Evaluation) -> Change | None:
    """What happens to an episode that no span claims: it is reversed, and follows its child when that is merged.

    When it last stood there were marks up to its crossing at least; of the sheets before, an earlier part of a write
    may have taken some already.
    """
    pupil_id = child.record.pupil_id
    if episode.stands:
        after = episode._replace(
            pupil_id=pupil_id,
            state="reversed",
            reversed_at=evaluation.now,
            last_mark=max(last_marked(evaluation.before) or episode.last_mark, episode.firm or episode.crossed),
        )
        return _change("reversed", after, None, evaluation)
    if episode.pupil_id != pupil_id:
        return _change("reversed", episode._replace(pupil_id=pupil_id), None, evaluation)
    return None


def _change(happened: Happened, episode: Episode, explanation: Explanation | None, evaluation: Evaluation) -> Change:
    revised = episode._replace(epoch=evaluation.epoch, revision=episode.revision + 1, event=happened)
    return Change(happened, revised, explanation)
