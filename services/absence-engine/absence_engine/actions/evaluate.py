"""Works out what happened to the episodes of children that were touched. Nothing is written here.

What a mark can't have changed is not looked at (`_scope`); the answer is the same as that of looking at everything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.academic import GRID
from common.db import Transaction
from common.events.absence_engine import SchoolSequence

from absence_engine.actions.holding import Holding, Policies
from absence_engine.domain.claims import Change, Episode, Evaluation, decide
from absence_engine.domain.events import Told
from absence_engine.domain.explain import for_pupil
from absence_engine.domain.in_force import Book, Holds
from absence_engine.domain.marks import joined, last_marked
from absence_engine.domain.penalty import PENALTY
from absence_engine.domain.policy import Policy
from absence_engine.domain.rates import leaves_spans
from absence_engine.domain.records import ChildRecord, Sheet, SheetKey
from absence_engine.domain.spans import Child, Scope, spans
from absence_engine.domain.ticks import NEVER, week_of
from absence_engine.store import episodes, progress, schools
from absence_engine.store.episodes import Standing

NO_MARKS = bytes(GRID)


@dataclass(slots=True)
class Touch:
    """What a batch touched of a child. `everything`: more than marks, or marks that were written before. `since`: the
    earliest session whose mark changed; `counting`: a mark that counts to a penalty came or went. `before`: the codes
    of the changed sheets as they were; `places`: where they changed.
    """

    everything: bool = False
    since: int = NEVER
    counting: bool = False
    before: dict[SheetKey, bytes] = field(default_factory=dict[SheetKey, bytes])
    places: dict[SheetKey, list[int]] = field(default_factory=dict[SheetKey, list[int]])

    def sheets_before(self, record: ChildRecord) -> list[Sheet]:
        """The child's sheets as they were."""
        return [sheet._replace(codes=self.before.get(sheet[:3], sheet.codes)) for sheet in record.sheets]


async def evaluate(
    tx: Transaction,
    records: Sequence[ChildRecord],
    touches: Mapping[str, Touch],
    living: Mapping[str, str],
    now: datetime,
    policies: Policies,
) -> list[Told]:
    """The episodes that are new or changed, with all that is said of them; the children's rows must be locked.
    `living`: which child each of their ids means.
    """
    ids = {pupil_id: living[pupil_id] for pupil_id in living if living[pupil_id] in touches}
    holding = await policies.at_present(tx, {sheet.urn for record in records for sheet in record.sheets})
    scopes = await _scopes(tx, records, touches, ids, holding)
    family = [Child.of(record) for record in records if record.pupil_id in scopes]
    if not family:
        return []
    old: dict[str, list[Episode]] = {pupil_id: [] for pupil_id in scopes}
    for episode in await episodes.of_children(tx, [pupil_id for pupil_id, its in ids.items() if its in scopes]):
        old[ids[episode.origin]].append(episode)
    calendars = await schools.calendars(tx, {stay.urn for child in family for stay in child.record.enrolments})
    changes: list[tuple[Child, Change]] = []
    for policy, part in _by_policy(family, scopes, holding):
        found = spans([child for child, _ in part], [scope for _, scope in part], calendars, policy)
        for (child, scope), its in zip(part, found, strict=True):
            pupil_id = child.record.pupil_id
            if its or old[pupil_id]:
                touch = touches[pupil_id]
                since, before = 0 if touch.everything else touch.since, touch.sheets_before(child.record)
                evaluation = Evaluation(scope, since, before, holding.epoch, now)
                changes += [(child, one) for one in decide(child, its, old[pupil_id], evaluation, calendars, policy)]
    return await _told(tx, changes)


def _by_policy(
    family: Sequence[Child], scopes: Mapping[str, Scope], holding: Holding
) -> Iterator[tuple[Policy, list[tuple[Child, Scope]]]]:
    """What is to be looked at, by the policy that holds for it: nearly always one for all."""
    parts: dict[int, tuple[Policy, list[tuple[Child, Scope]]]] = {}
    for child in family:
        scope, holds = scopes[child.record.pupil_id], holding.of_child(child.record)
        policies = {id(policy): policy for policy in (*map(holds, scope.years), holds(None))}
        for which, policy in policies.items():
            years = frozenset(year for year in scope.years if holds(year) is policy)
            part = Scope(years, scope.penalty and holds(None) is policy)
            if part.years or part.penalty:
                parts.setdefault(which, (policy, []))[1].append((child, part))
    yield from parts.values()


async def _scopes(
    tx: Transaction,
    records: Sequence[ChildRecord],
    touches: Mapping[str, Touch],
    ids: Mapping[str, str],
    holding: Holding,
) -> dict[str, Scope]:
    """What to look at, of the children of whom anything is to be looked at."""
    standing: dict[str, list[Standing]] = {}
    for episode in await episodes.standing(tx, ids):
        standing.setdefault(ids[episode.origin], []).append(episode)
    found: dict[str, Scope] = {}
    for record in records:
        scope = _scope(record, touches[record.pupil_id], standing.get(record.pupil_id, ()), holding)
        if scope.years or scope.penalty:
            found[record.pupil_id] = scope
    return found


def _scope(record: ChildRecord, touch: Touch, standing: Sequence[Standing], holding: Holding) -> Scope:
    """What can have changed. Where two sheets tell of one session, a mark's removal may show another's: then, and when
    more than marks changed, or another authority's policy may hold now, all of it.
    """
    holds = holding.of_child(record)
    if touch.everything or _moves(record, touch, holds, holding):
        return _whole(record, standing)
    changed: set[int] = set()
    for year in {key[2] for key in touch.before}:
        before, after = _of_year(year, record, touch)
        if after is None or before is None:
            return _whole(record, standing)
        places = [place for key, its in touch.places.items() if key[2] == year for place in its]
        of_year = [episode for episode in standing if episode.year == year]
        open_spans = {episode.kind: episode.firm for episode in of_year if episode.state == "open"}
        by_year_end = any(episode.reason == "year_end" for episode in of_year)
        if by_year_end or not leaves_spans(before, after, places, open_spans, holds(year)):
            changed.add(year)
        if NO_MARKS in (before, after):  # an earlier year is over now, or no longer
            changed |= {
                e.year for e in standing if e.year is not None and (e.state == "open" or e.reason == "year_end")
            }
    return Scope(frozenset(changed), touch.counting or _weeks_pass(record, touch, standing))


def _moves(record: ChildRecord, touch: Touch, holds: Holds, holding: Holding) -> bool:
    """Whether another policy holds for a child since it has been marked at another authority's school."""
    if isinstance(holds, Book):
        return False
    before = holding.of_child(record._replace(sheets=tuple(touch.sheets_before(record))))
    return any(holds(year) is not before(year) for year in (None, *{sheet.year for sheet in record.sheets}))


def _of_year(year: int, record: ChildRecord, touch: Touch) -> tuple[bytes | None, bytes | None]:
    """The child's codes of a year, before and after (see `joined`)."""
    its = [sheet for sheet in record.sheets if sheet.year == year]
    if len(its) == 1:
        (sheet,) = its
        return touch.before.get(sheet[:3], sheet.codes), sheet.codes
    return joined([sheet for sheet in touch.sheets_before(record) if sheet.year == year]), joined(its)


def _whole(record: ChildRecord, standing: Sequence[Standing]) -> Scope:
    years = {sheet.year for sheet in record.sheets}
    return Scope(frozenset(years | {episode.year for episode in standing if episode.year is not None}), True)


def _weeks_pass(record: ChildRecord, touch: Touch, standing: Sequence[Standing]) -> bool:
    """Whether a week became complete, or is no longer, under an episode that ends with one."""
    if not any(episode.kind == PENALTY for episode in standing):
        return False
    return week_of(last_marked(record.sheets) or 0) != week_of(last_marked(touch.sheets_before(record)) or 0)


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
