"""Patterns of absence: answers about them, and the look at a school that says which are new and which are gone.

A school is looked at after its school day, beside the way of the marks: whoever has to be looked at more closely is
found without a lock; only the children of whom something is to be said are locked, read again, and decided upon.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime

import numpy as np
import structlog
from common import outbox
from common.academic import year_of
from common.clock import Clock
from common.db import Transaction
from common.errors import NotFoundError
from common.events.absence_engine import TOPIC
from common.security import Caller

from absence_engine.actions import siblings
from absence_engine.actions.figures import urns_of, visible
from absence_engine.actions.holding import Holding, Policies
from absence_engine.actions.seen import each_seen
from absence_engine.domain.explain import counted_session
from absence_engine.domain.marks import child_years
from absence_engine.domain.patterns.find import DAYS, edges, find, may_have
from absence_engine.domain.patterns.kept import Kept, Shown, changes, event
from absence_engine.domain.patterns.sentences import sentence
from absence_engine.domain.patterns.siblings import KIND, shared
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.store import children, schools
from absence_engine.store import figures as reading
from absence_engine.store import patterns as store
from absence_engine.store.patterns import Place
from absence_engine.store.progress import Freshness

CHILDREN_AT_ONCE = 500

log = structlog.get_logger()


async def of_pupil(
    tx: Transaction, pupil_id: str, year: int, caller: Caller, policies: Policies, today: date
) -> tuple[Policy, list[Shown], list[Freshness]]:
    """The patterns of a child's year as its marks are now, and the policy behind them; errors as `figures.visible`."""
    await reading.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/patterns")
    urns = urns_of(record)
    calendars = await schools.calendars(tx, urns)
    holding = await policies.at_present(tx, urns)
    _, kin, _ = await siblings.with_siblings(tx, [record.pupil_id], year, today)
    shown = _shown([record], year, calendars, holding, kin)[record.pupil_id]
    shown = await siblings.as_seen(tx, shown, caller)
    return holding.of_child(record)(year), shown, await each_seen(tx, urns, year, today)


async def of_school(
    tx: Transaction,
    urn: int,
    caller: Caller,
    kind: str | None,
    after: Place | None,
    limit: int,
    today: date,
    *,
    standing: bool,
) -> tuple[list[Kept], list[Freshness]]:
    """What was said of children at a school, and how far it is counted; NotFoundError when it is not known."""
    await reading.snapshot(tx)
    if await reading.school(tx, urn) is None:
        raise NotFoundError("No such school.")
    if kind == KIND:
        caller.check_shown("siblings")
    without = KIND if "siblings" in caller.redactions else None
    found = await store.of_school(tx, urn, kind, without, after, limit, standing=standing)
    found = await siblings.kept_as_seen(tx, found, caller)
    return found, await each_seen(tx, [urn], year_of(today), today)


async def look_next(tx: Transaction, clock: Clock, policies: Policies) -> int | None:
    """Looks at the next school that is due; its URN, None when there is none. What is said of its children, and that it
    has been looked at, is written together.
    """
    today = clock.today()
    look = await store.take(tx, today)
    if look is None:
        return None
    year, now = year_of(look.last_register), clock.now()
    living = await children.survivors(tx, (await schools.on_roll(tx, [look.urn]))[look.urn])
    concerned: set[str] = set()
    ordered = sorted(living)
    for start in range(0, len(ordered), CHILDREN_AT_ONCE):
        news = await _news(tx, ordered[start : start + CHILDREN_AT_ONCE], year, policies, now, today)
        concerned |= {one.pupil_id for one in news}
    rows = await children.lock(tx, concerned) if concerned else {}
    locked = sorted({row.survivor or row.pupil_id for row in rows.values()})
    said = await _news(tx, locked, year, policies, now, today)
    await store.save(tx, said)
    await outbox.add(tx, [event(one, now) for one in said], TOPIC)
    await store.finish(tx, look, today)
    log.info("patterns looked for", school_urn=look.urn, children=len(living), said=len(said))
    return look.urn


async def _news(
    tx: Transaction, ids: Sequence[str], year: int, policies: Policies, now: datetime, today: date
) -> list[Kept]:
    """What is to be said of some living children, without those who wait for the end of a write or of a rebuild, or
    whose siblings do.
    """
    owners, waits = await siblings.waiting(tx, ids)
    everybody, kin, unclear = await siblings.with_siblings(tx, sorted(set(ids) - waits), year, today)
    records = [record for record in everybody if record.pupil_id not in unclear]
    due = [record.pupil_id for record in records]
    urns = {urn for record in records for urn in urns_of(record)}
    calendars, holding = await schools.calendars(tx, urns), await policies.at_present(tx, urns)
    kept: dict[str, list[Kept]] = {pupil_id: [] for pupil_id in due}
    for one in await store.of_children(tx, owners, year):
        if (its := kept.get(owners[one.origin])) is not None:
            its.append(one)
    shown = await asyncio.to_thread(_shown, records, year, calendars, holding, kin)
    return [one for id in due for one in changes(id, shown[id], kept[id], holding.epoch, now)]


def _shown(
    records: Collection[ChildRecord], year: int, calendars: Calendars, holding: Holding, kin: siblings.Kin
) -> dict[str, list[Shown]]:
    """The patterns that show in a year of some children, with these siblings."""
    found: dict[str, list[Shown]] = {record.pupil_id: [] for record in records}
    by_policy: dict[str, tuple[Policy, list[ChildRecord]]] = {}
    for record in records:
        policy = holding.of_child(record)(year)
        by_policy.setdefault(policy.version, (policy, []))[1].append(record)
    for policy, its in by_policy.values():
        _find_all(its, year, calendars, policy, found, kin)
    return found


def _find_all(
    records: Sequence[ChildRecord],
    year: int,
    calendars: Calendars,
    policy: Policy,
    found: dict[str, list[Shown]],
    kin: siblings.Kin,
) -> None:
    rules = policy.patterns
    years = [child_years(record) for record in records]
    marked = [n for n, its in enumerate(years) if year in its]
    if not marked:
        return
    closed_days = 0 if rules.holiday_edge is None else rules.holiday_edge.closed_days
    beside = np.zeros((len(marked), DAYS), bool)
    if closed_days:
        for row, n in enumerate(marked):
            beside[row] = edges(records[n].enrolments, calendars, year, closed_days)
    may = may_have(np.stack([years[n][year].codes for n in marked]), beside, year, rules)
    for row, n in enumerate(marked):
        record, its = records[n], years[n]
        patterns = find(its[year], beside[row], rules) if may[row] else []
        if rules.sibling_synchronous is not None and (others := kin.get(record.pupil_id)):
            patterns += shared(its[year], others, rules.sibling_synchronous)
        found[record.pupil_id] += [
            Shown(
                kind=one.kind,
                what=one.what,
                year=year,
                sentence=sentence(one, rules),
                sessions=[counted_session(its, tick) for tick in one.ticks],
                numbers=one.numbers,
                policy_version=policy.version,
            )
            for one in patterns
        ]
