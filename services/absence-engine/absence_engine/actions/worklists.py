"""Lists for officers: open episodes of an authority, and who of a school is on the way to persistent absence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from common.academic import GRID, days_of, year_of
from common.db import Transaction
from common.errors import NotFoundError

from absence_engine.actions.forecasts import LINES, next_sessions
from absence_engine.actions.holding import Policies
from absence_engine.actions.seen import Seen, each_seen, seen
from absence_engine.domain.claims import Episode
from absence_engine.domain.counts import Counts, count, count_rows
from absence_engine.domain.detail import marked
from absence_engine.domain.forecast import Outlook, outlook
from absence_engine.domain.marks import child_years
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import GUEST, Calendars, ChildRecord
from absence_engine.domain.ticks import year_start
from absence_engine.store import figures as store
from absence_engine.store import grouping, schools
from absence_engine.store import worklist as lists
from absence_engine.store.progress import Freshness
from absence_engine.store.worklist import Place


@dataclass(frozen=True, slots=True)
class Standing:
    """How a child stands in the present year: its figures, the sessions left, what each line may come to."""

    pupil_id: str
    policy: Policy
    counts: Counts
    left: int
    lines: dict[str, Outlook]


@dataclass(frozen=True, slots=True)
class Worklist:
    """Episodes, each with how its child stands now, and what is known of their schools' registers this year."""

    items: Sequence[tuple[Episode, Standing]]
    seen: Seen


async def worklist(
    tx: Transaction,
    state: str,
    kind: str,
    urns: Collection[int],
    after: Place | None,
    limit: int,
    policies: Policies,
    today: date,
) -> Worklist:
    """A page of the episodes of some schools; the transaction has begun with `snapshot`."""
    found = await lists.page(tx, state, kind, urns, after, limit)
    living = await grouping.meant(tx, {episode.pupil_id for episode in found})  # a merge may not be evaluated yet
    standing = await _standing(tx, set(living.values()), policies, today)
    at = {episode.school_urn for episode in found}
    items = [(episode, standing[living[episode.pupil_id]]) for episode in found]
    return Worklist(items, await seen(tx, at, *days_of(year_of(today)), today))


async def at_risk(tx: Transaction, urn: int, policies: Policies, today: date) -> tuple[list[Standing], list[Freshness]]:
    """The children on a school's roll who miss more than half of what is persistent absence and are below it still, in
    the present year; those first who reach it with the fewest sessions; and how far the school is counted.
    NotFoundError when it is not known.
    """
    await store.snapshot(tx)
    if await store.school(tx, urn) is None:
        raise NotFoundError("No such school.")
    one_in = (await policies.at_present(tx, [urn])).of_school(urn)(year_of(today)).rates["PA"].one_in
    looked_at = set(await grouping.living(tx, await grouping.elsewhere(tx, [urn], [year_of(today)])))
    async for rows, others in store.stays(tx, [urn], year_of(today), everywhere=False):
        on_roll = [row for row in rows if row.stay.kind != GUEST and (row.stay.to is None or row.stay.to >= today)]
        codes = b"".join([row.codes or bytes(GRID) for row in on_roll])
        counted = count_rows(np.frombuffer(codes, np.uint8).reshape(-1, GRID))
        absent, possible = counted[:, 2] + counted[:, 3], counted[:, 0]
        concerned = (absent * 2 * one_in >= possible) & (absent * one_in < possible)
        looked_at.update(on_roll[n].pupil_id for n in np.flatnonzero(concerned).tolist())
        looked_at.update(others)
    standing = await _standing(tx, looked_at, policies, today, at=urn)
    found = [
        one
        for one in standing.values()
        if one.counts.absent * 2 * one_in >= one.counts.possible > one.counts.absent * one_in
    ]
    return sorted(found, key=nearness), await each_seen(tx, [urn], year_of(today), today)


def nearness(one: Standing) -> tuple[int, str]:
    """How near a child is to persistent absence: what a list is in order of."""
    misses = one.lines["PA"].misses_to_reach
    return GRID if misses is None else misses, one.pupil_id


async def _standing(
    tx: Transaction, pupil_ids: Collection[str], policies: Policies, today: date, at: int | None = None
) -> dict[str, Standing]:
    """How some living children stand; with `at`, those of them alone who are on that school's roll and no guests."""
    records = await store.records(tx, sorted(pupil_ids))
    if at is not None:
        records = [record for record in records if is_on_roll(record, at, today)]
    urns = {stay.urn for record in records for stay in record.enrolments}
    calendars = await schools.calendars(tx, urns)
    holding = await policies.at_present(tx, urns | {sheet.urn for record in records for sheet in record.sheets})
    return {
        record.pupil_id: _stands(record, holding.of_child(record)(year_of(today)), calendars, today)
        for record in records
    }


def is_on_roll(record: ChildRecord, urn: int, today: date) -> bool:
    """Whether a child is on a school's roll on a day, and no guest."""
    return any(
        stay.urn == urn and stay.kind != GUEST and stay.from_ <= today and (stay.to is None or stay.to >= today)
        for stay in record.enrolments
    )


def _stands(record: ChildRecord, policy: Policy, calendars: Calendars, today: date) -> Standing:
    year = year_of(today)
    counts = count(marked(child_years(record), year))
    end = year_start(year + 1) - 1
    left = len(next_sessions(record, calendars, today, end))
    lines = {kind: outlook(counts, left, policy.rates[kind].one_in) for kind in LINES}
    return Standing(record.pupil_id, policy, counts, left, lines)
