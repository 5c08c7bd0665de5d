"""Answers about what changed: a child's marks and what that did to its figures and episodes; a school's marks; the
history of an episode's sessions; what took a reversed episode back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from common.academic import year_of
from common.db import Transaction
from common.errors import NotFoundError
from common.events.absence_engine import CountedSession, SchoolSequence
from common.security import Caller

from absence_engine.actions.figures import visible
from absence_engine.actions.holding import Policies
from absence_engine.actions.known import Family, Known, check
from absence_engine.domain.claims import Episode, claims
from absence_engine.domain.counts import Counts, count
from absence_engine.domain.events import Told
from absence_engine.domain.explain import evidence_at, explain
from absence_engine.domain.history import History, Ints, MarkChange, Packed, Turn, groups_in, millis, next_days
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Sheet
from absence_engine.domain.spans import Span
from absence_engine.domain.ticks import tick_of
from absence_engine.store import figures as figures_store
from absence_engine.store import grouping
from absence_engine.store import history as store

NOW = (1 << 48) - 1
"""A moment after every change, in milliseconds since 1970."""
MOST_MOMENTS = 100
"""How many moments are looked at, at most, for the one that took an episode back."""
_CLOCKS = timedelta(minutes=5)
"""By how much the clocks of registers and engine may differ."""


class YearChange(NamedTuple):
    """A child's counts of a year, before and after, with the policy of the latter."""

    year: int
    before: Counts
    after: Counts
    policy: Policy


class EpisodeChange(NamedTuple):
    """An episode before and after; None where it did not stand."""

    before: Episode | None
    after: Episode | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Some changes of marks, by time, school and entry: their positions in a history. `living`: which child each id of
    the ledger means.
    """

    history: History
    positions: Ints
    living: Mapping[str, str]

    def told(self, first: int, last: int) -> list[MarkChange]:
        """Some of them, one by one, under the children's living ids."""
        told = self.history.told(self.positions[first:last])
        return [change._replace(pupil_id=self.living[change.pupil_id]) for change in told]

    def before(self, at: int, urn: int, number: int) -> int:
        """How many there are before those of an entry."""
        c = self.history.changes.only(self.positions)
        urns = self.history.urns()[c.row]
        same_time, same_school = c.at == at, urns == urn
        earlier = (c.at < at) | (same_time & ((urns < urn) | (same_school & (c.number < number))))
        return int(np.count_nonzero(earlier))


@dataclass(frozen=True, slots=True)
class PupilChanges:
    """What changed of a child between two moments; the marks of the schools that the caller may see."""

    marks: Listed
    years: Sequence[YearChange]
    episodes: Sequence[EpisodeChange]


@dataclass(frozen=True, slots=True)
class Reversal:
    """The changes that took an episode back, all of one moment (milliseconds since 1970); none, and no moment, when no
    change of a mark did.
    """

    at: int | None
    marks: Sequence[MarkChange]


async def of_pupil(
    tx: Transaction, pupil_id: str, since: datetime, until: datetime | None, caller: Caller, policies: Policies
) -> PupilChanges:
    """What changed of a child after one moment, up to and including another; errors as `figures.visible`, and
    InvalidError for a moment before history was kept.
    """
    await figures_store.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/changes")
    await check(tx, since, "since")
    family = await Family.load(tx, record, policies)
    first, last = millis(since), NOW if until is None else millis(until)
    history = family.history
    found = history.between(first, last)
    seen = np.array([caller.reach.may_see_school(sheet.urn) for sheet in history.sheets], bool)
    living = {sheet.pupil_id: record.pupil_id for sheet in history.sheets}
    before, after = family.at(first), family.at(max(first, last))
    rows: list[int] = np.unique(history.changes.row[found]).tolist()
    years = sorted({history.sheets[row].year for row in rows})
    return PupilChanges(
        Listed(history, found[seen[history.changes.row[found]]], living),
        _years(family, years, before, after),
        _episodes(before, after),
    )


def _years(family: Family, years: Sequence[int], before: Known, after: Known) -> list[YearChange]:
    def counts(known: Known, year: int) -> Counts:
        return count(known.child.years[year].codes) if year in known.child.years else Counts()

    return [
        YearChange(year, counts(before, year), counts(after, year), family.policy(after.child, year)) for year in years
    ]


def _episodes(before: Known, after: Known) -> list[EpisodeChange]:
    """Those that are otherwise than they were, by crossing."""
    was = {episode.episode_id: episode for episode, *_ in before.standing}
    now = {episode.episode_id: episode for episode, *_ in after.standing}
    changes = [EpisodeChange(was.get(one), now.get(one)) for one in was.keys() | now.keys()]
    return sorted(
        (change for change in changes if _shown(change.before) != _shown(change.after)),
        key=lambda change: _key(change.after or change.before),
    )


def _shown(episode: Episode | None) -> tuple[object, ...] | None:
    return None if episode is None else (*episode.span, episode.school_urn)


def _key(episode: Episode | None) -> tuple[int, str, str]:
    assert episode is not None
    return episode.crossed, episode.kind, episode.episode_id


async def of_school(
    tx: Transaction,
    urn: int,
    since: datetime,
    until: datetime | None,
    begin: Turn | None,
    limit: int,
    *,
    corrections: bool,
) -> Listed:
    """Changes of a school's marks after one moment, up to and including another, by time and entry, from an entry on:
    at least `limit` of them, if there are as many; or only those that are no first marks. NotFoundError when the school
    is not known, InvalidError as `check`.
    """
    await figures_store.snapshot(tx)
    if await figures_store.school(tx, urn) is None:
        raise NotFoundError("No such school.")
    await check(tx, since, "since")
    days, living = await store.of_school(tx, urn), await store.marked_at(tx, urn)
    first, end = Turn(millis(since) + 1, 0), NOW if until is None else millis(until)
    begin = max(begin or first, first)
    while True:
        portion = next_days(days, begin, end, limit, corrections=corrections)
        history = await _portion(tx, urn, {(urn, day): body for day, body in days if day in portion.days})
        found = history.turns(begin, portion.upto or Turn(end + 1, 0))
        if corrections:
            found = found[~history.is_first()[found]]
        if portion.upto is None or len(found) >= limit:
            return Listed(history, found, living)
        limit *= 4  # many records were first marks after all


async def _portion(tx: Transaction, urn: int, days: dict[tuple[int, date], bytes]) -> History:
    """The history of some days of a school: nothing is read of other years."""
    groups = await store.groups(tx, urn, groups_in(days.values()))
    known: list[Sheet] = []
    for year in sorted({year_of(day) for _, day in days}):
        known += [Sheet(*key, year, codes) for key, codes in (await grouping.sheets(tx, [urn], year)).items()]
    return History.of(sorted(known), Packed(days, groups))


def of_sessions(history: History, sessions: Sequence[CountedSession]) -> list[list[MarkChange]]:
    """For each session all changes of its mark at the school whose mark counts, in the order of the ledger."""
    found: dict[tuple[int, int], list[MarkChange]] = {}
    for change in history.told(np.arange(len(history.after))):
        found.setdefault((change.urn, change.tick), []).append(change)
    return [sorted(found.get((one.school_urn, _tick(one)), ()), key=lambda change: change.number) for one in sessions]


def _tick(session: CountedSession) -> int:
    return tick_of(datetime.fromisoformat(session.date).date(), session.session == "PM")


def reversal(family: Family, episode: Episode) -> Reversal:
    """Which changes took a reversed episode back: of the latest moment before which its span was there."""
    changes = changes_before(family, episode)
    for at in sorted({change.at for change in changes}, reverse=True):
        if span_of(family.at(at - 1), episode) is not None:
            return Reversal(at, [change for change in changes if change.at == at])
    return Reversal(None, ())


def changes_before(family: Family, episode: Episode) -> list[MarkChange]:
    """The changes that may have taken a reversed episode back, of the last MOST_MOMENTS: those that came after the mark
    that had made it firm, or else crossed it.
    """
    assert episode.reversed_at is not None
    reach, latest = evidence_at(episode.span), millis(episode.reversed_at + _CLOCKS)
    history = family.history
    changes = [change for change in history.told(history.between(-1, latest)) if change.tick <= reach]
    last = episode.crossed if episode.firm is None else episode.firm
    begun = min((change.at for change in changes if change.tick == last), default=0)
    moments = sorted({change.at for change in changes if change.at > begun}, reverse=True)[:MOST_MOMENTS]
    return [change for change in changes if moments and change.at >= moments[-1]]


def span_of(known: Known, episode: Episode) -> tuple[Span, Policy] | None:
    """The span that an episode was when something was known, whichever episode claims it."""
    its = [
        (span, policy) for _, span, policy in known.standing if (span.kind, span.year) == (episode.kind, episode.year)
    ]
    claimed = claims([span for span, _ in its], [episode])
    return next((one for one, by in zip(its, claimed, strict=True) if by is not None), None)


async def episodes_as_known(
    tx: Transaction, pupil_id: str, on: datetime, caller: Caller, policies: Policies
) -> list[Episode]:
    """A child's episodes as known at a moment, by crossing, with those that had been taken back by then as they were;
    errors as `figures.visible` and `check`.
    """
    await figures_store.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/episodes")
    await check(tx, on, "as_known_on")
    family = await Family.load(tx, record, policies)
    found = [episode for episode, *_ in family.at(millis(on)).standing]
    stood = {episode.episode_id for episode in found}
    gone = [old for old in family.old if old.reversed_at and old.reversed_at <= on and old.episode_id not in stood]
    return sorted([*found, *gone], key=_key)


@dataclass(frozen=True, slots=True)
class Explained:
    """An episode and its explanation; the changes of each of its sessions, if they are asked for; what took it back, if
    it was.
    """

    told: Told
    sessions: Sequence[Sequence[MarkChange]] | None = None
    reversal: Reversal | None = None


async def explained(
    tx: Transaction, told: Told, on: datetime | None, policies: Policies, *, with_sessions: bool
) -> Explained:
    """An episode, as known at a moment if one is given, with its history. NotFoundError when it was not known then."""
    if on is not None:
        await check(tx, on, "as_known_on")
    elif not with_sessions and told.episode.stands:
        return Explained(told)
    family = await family_of(tx, told.episode, policies)
    found = told if on is None else as_known(family, told.episode, millis(on))
    sessions = of_sessions(family.history, found.explanation.sessions) if with_sessions else None
    back = None if found.episode.stands else await asyncio.to_thread(reversal, family, found.episode)
    return Explained(found, sessions, back)


def as_known(family: Family, wanted: Episode, at: int) -> Told:
    """An episode and its explanation as known at a moment; NotFoundError when it did not stand then."""
    known = family.at(at)
    for episode, span, policy in known.standing:
        if episode.episode_id == wanted.episode_id:
            explanation = explain(known.child, span, family.calendars, policy)
            return Told(episode.with_hash(explanation.hash), explanation, _counted(family.history, at))
    raise NotFoundError


async def family_of(tx: Transaction, episode: Episode, policies: Policies) -> Family:
    """The child of an episode."""
    living = await figures_store.living(tx, episode.pupil_id)
    assert living is not None
    (record,) = await figures_store.records(tx, [living])
    return await Family.load(tx, record, policies)


def _counted(history: History, at: int) -> list[SchoolSequence]:
    """By school the last entry that had changed a mark of the child by then."""
    found: dict[int, int] = {}
    for change in history.told(history.between(-1, at)):
        found[change.urn] = max(found.get(change.urn, 0), change.number)
    return [SchoolSequence(urn, number) for urn, number in sorted(found.items())]
