"""Works out what happened to the episodes of children that were touched. Nothing is written here.

What a mark can't have changed is not looked at (`_scope`); the answer is the same as that of looking at everything.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.db import Transaction
from common.events.absence_engine import SchoolSequence

from absence_engine.actions.holding import Holding, Policies
from absence_engine.domain.claims import Change, Episode, Evaluation, decide
from absence_engine.domain.events import Told
from absence_engine.domain.explain import for_pupil
from absence_engine.domain.in_force import Book, Holds
from absence_engine.domain.policy import Policy
from absence_engine.domain.reach import Stands, reach
from absence_engine.domain.records import Calendars, ChildRecord, Sheet, SheetKey
from absence_engine.domain.spans import YEARLESS, Child, Scope, spans
from absence_engine.domain.ticks import NEVER
from absence_engine.store import episodes, progress, schools
from absence_engine.store.episodes import Standing

MANY_MARKS = 30

AT_A_TIME = 50
"""After so many children others who wait for this process get their turn: whoever reads may wait milliseconds, and a
batch of a school morning takes a tenth of a second. More of them are worked out in a thread.
"""

_Change = tuple[Child, Policy, Change]


@dataclass(slots=True)
class Touch:
    """What a batch touched of a child. `everything`: more than marks, or marks that were written before; `by_policy`:
    nothing but the policy, so that what explains an episode is as it was. `since`: the earliest session whose mark
    changed. `before`: the codes of the changed sheets as they were; `places`: where they changed.
    """

    everything: bool = False
    by_policy: bool = False
    since: int = NEVER
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

    def work() -> list[_Change]:
        return list(_changes(family, scopes, touches, old, calendars, holding, now))

    return await _told(tx, await asyncio.to_thread(work) if len(family) > AT_A_TIME else work())


def _changes(
    family: Sequence[Child],
    scopes: Mapping[str, Scope],
    touches: Mapping[str, Touch],
    old: Mapping[str, Sequence[Episode]],
    calendars: Calendars,
    holding: Holding,
    now: datetime,
) -> Iterator[_Change]:
    """What happened to the episodes of children, by the policies that hold."""
    for policy, part in _by_policy(family, scopes, holding):
        found = spans([child for child, _ in part], [scope for _, scope in part], calendars, policy)
        for (child, scope), its in zip(part, found, strict=True):
            pupil_id = child.record.pupil_id
            if its or old[pupil_id]:
                touch = touches[pupil_id]
                anew = touch.everything or _moves(child.record, touch, holding.of_child(child.record), holding)
                since = NEVER if touch.by_policy else 0 if anew else touch.since
                evaluation = Evaluation(scope, since, touch.sheets_before(child.record), holding.epoch, now)
                for change in decide(child, its, old[pupil_id], evaluation, calendars, policy):
                    yield child, policy, change


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
            part = Scope(years, scope.kinds if holds(None) is policy else frozenset())
            if part.years or part.kinds:
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
    for number, record in enumerate(records, 1):
        if number % AT_A_TIME == 0:
            await asyncio.sleep(0)
        scope = _scope(record, touches[record.pupil_id], standing.get(record.pupil_id, ()), holding)
        if scope.years or scope.kinds:
            found[record.pupil_id] = scope
    return found


def _scope(record: ChildRecord, touch: Touch, standing: Sequence[Standing], holding: Holding) -> Scope:
    """What can have changed: all of it when more than marks did, or another authority's policy may hold now. Of many
    marks it may be all as well: to find out costs more than to look.
    """
    holds = holding.of_child(record)
    if touch.everything or sum(map(len, touch.places.values())) > MANY_MARKS or _moves(record, touch, holds, holding):
        return _whole(record, standing)
    stands = [Stands(one.kind, one.year, one.state == "open", one.reason == "year_end", one.firm) for one in standing]
    return reach(record, touch.before, touch.places, stands, holds) or _whole(record, standing)


def _moves(record: ChildRecord, touch: Touch, holds: Holds, holding: Holding) -> bool:
    """Whether another policy holds for a child since it has been marked at another authority's school."""
    if isinstance(holds, Book):
        return False
    before = holding.of_child(record._replace(sheets=tuple(touch.sheets_before(record))))
    return any(holds(year) is not before(year) for year in (None, *{sheet.year for sheet in record.sheets}))


def _whole(record: ChildRecord, standing: Sequence[Standing]) -> Scope:
    years = {sheet.year for sheet in record.sheets}
    return Scope(frozenset(years | {episode.year for episode in standing if episode.year is not None}), YEARLESS)


async def _told(tx: Transaction, changes: Sequence[_Change]) -> list[Told]:
    """The changed episodes with explanations (the stored ones, where those stay) and the schools' sequences."""
    if not changes:
        return []
    kept = [change.episode.episode_id for *_, change in changes if change.explanation is None]
    stored = await episodes.whole(tx, kept) if kept else {}
    schools_of = {child.record.pupil_id: _schools(child) for child, *_ in changes}
    fresh = await progress.freshness(tx, {urn for its in schools_of.values() for urn in its})
    counted = {one.urn: SchoolSequence(one.urn, one.sequence) for one in fresh}
    sequences = {child: [counted[urn] for urn in its if urn in counted] for child, its in schools_of.items()}
    told: list[Told] = []
    for child, policy, change in changes:
        episode, explanation = change.episode, change.explanation
        if explanation is None:
            explanation = for_pupil(stored[episode.episode_id].explanation, episode.pupil_id, episode.kind)
            episode = change.episode.with_hash(explanation.hash)
        told.append(Told(episode, explanation, sequences[child.record.pupil_id], policy.stages.get(episode.kind)))
    return told


def _schools(child: Child) -> list[int]:
    """The URNs that a child's record names."""
    record = child.record
    return sorted({stay.urn for stay in record.enrolments} | {sheet.urn for sheet in record.sheets})
