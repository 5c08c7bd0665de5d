"""Works out what happened to the episodes of children that were touched. Nothing is written here.

What a mark can't have changed is not looked at (`_scope`); the answer is the same as that of looking at everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.db import Transaction
from common.events.absence_engine import SchoolSequence

from absence_engine.domain.claims import Change, Episode, Evaluation, decide
from absence_engine.domain.events import Told
from absence_engine.domain.explain import for_pupil
from absence_engine.domain.marks import last_marked
from absence_engine.domain.penalty import PENALTY
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, spans
from absence_engine.domain.ticks import NEVER, week_of
from absence_engine.store import children, episodes, progress, schools


@dataclass(slots=True)
class Touch:
    """What a batch touched of a child. `everything`: more than marks. `since`: the earliest session whose mark changed;
    `years`: the years of changed marks; `counting`: a mark that counts to a penalty came or went.
    """

    everything: bool = False
    since: int = NEVER
    years: set[int] = field(default_factory=set[int])
    counting: bool = False
    last_mark_before: int = 0


async def evaluate(
    tx: Transaction, records: Sequence[ChildRecord], touches: Mapping[str, Touch], now: datetime, policy: Policy
) -> list[Told]:
    """The episodes that are new or changed, with all that is said of them; the children's rows must be locked."""
    if not records:
        return []
    old = await _old_episodes(tx, [record.pupil_id for record in records])
    looked_at = [record for record in records if record.sheets or record.pupil_id in old]
    family = [Child.of(record) for record in looked_at]
    scopes = [_scope(child, touches[child.record.pupil_id], old.get(child.record.pupil_id, ())) for child in family]
    calendars = await schools.calendars(tx, {stay.urn for record in looked_at for stay in record.enrolments})
    found = spans(family, scopes, calendars, policy)
    epoch = await progress.epoch(tx)
    changes: list[tuple[Child, Change]] = []
    for child, scope, its in zip(family, scopes, found, strict=True):
        pupil_id = child.record.pupil_id
        if not its and pupil_id not in old:
            continue
        touch = touches[pupil_id]
        evaluation = Evaluation(scope, 0 if touch.everything else touch.since, touch.last_mark_before, epoch, now)
        changes += [(child, c) for c in decide(child, its, old.get(pupil_id, ()), evaluation, calendars, policy)]
    return await _told(tx, changes)


async def _old_episodes(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, list[Episode]]:
    """The episodes of these children by living id, those under dead ids included."""
    living = {pupil_id: pupil_id for pupil_id in pupil_ids}
    living |= await children.dead_ids(tx, list(living))
    found: dict[str, list[Episode]] = {}
    for episode in await episodes.of_children(tx, living):
        found.setdefault(living[episode.pupil_id], []).append(episode)
    return found


def _scope(child: Child, touch: Touch, old: Sequence[Episode]) -> Scope:
    """What can have changed. Beside the years of changed marks: an earlier year ends, or no longer ends, with the
    child's first mark in a later one. The penalty threshold: only by marks that count, and, for one that is
    announced, by a week becoming complete. Where two schools may have marked a session, a mark's removal may show
    another: look at all.
    """
    if touch.everything or len(child.record.sheets) > len(child.years):
        of_old = {episode.year for episode in old if episode.year is not None}
        return Scope(frozenset({*child.years, *of_old}), True)
    standing = [episode for episode in old if episode.stands]
    years = {e.year for e in standing if e.year is not None and (e.state == "open" or e.reason == "year_end")}
    last = last_marked(child.record.sheets) or 0
    weeks_differ = week_of(last) != week_of(touch.last_mark_before)
    penalty = touch.counting or (weeks_differ and any(episode.kind == PENALTY for episode in standing))
    return Scope(frozenset(touch.years | years), penalty)


async def _told(tx: Transaction, changes: Sequence[tuple[Child, Change]]) -> list[Told]:
    """The changed episodes with explanations (the stored ones, where those stay) and the schools' sequences."""
    if not changes:
        return []
    kept = [change.episode.episode_id for _, change in changes if change.explanation is None]
    stored = await episodes.whole(tx, kept) if kept else {}
    urns = {urn for child, _ in changes for urn in _schools(child)}
    counted = {one.urn: one.sequence for one in await progress.freshness(tx, urns)}
    told: list[Told] = []
    for child, change in changes:
        episode, explanation = change.episode, change.explanation
        if explanation is None:
            explanation = for_pupil(stored[episode.episode_id].explanation, episode.pupil_id, episode.kind)
            episode = change.episode.with_hash(explanation.hash)
        sequence = [SchoolSequence(urn, counted[urn]) for urn in _schools(child) if urn in counted]
        told.append(Told(episode, explanation, sequence))
    return told


def _schools(child: Child) -> list[int]:
    """The URNs that a child's record names."""
    record = child.record
    return sorted({stay.urn for stay in record.enrolments} | {sheet.urn for sheet in record.sheets})
