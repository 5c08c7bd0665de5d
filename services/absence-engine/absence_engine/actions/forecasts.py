"""What a child's year may still come to, what some more sessions would do, and what is asked of the child."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from common.academic import year_of
from common.db import Transaction
from common.security import Caller

from absence_engine.actions.figures import urns_of, visible
from absence_engine.actions.holding import Policies
from absence_engine.actions.seen import each_seen
from absence_engine.domain.counts import Counts, count
from absence_engine.domain.detail import marked, spans_of
from absence_engine.domain.forecast import (
    Difference,
    Ending,
    Outlook,
    Planned,
    difference,
    endings,
    outlook,
    planned,
    with_marks,
)
from absence_engine.domain.marks import last_marked
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.spans import Child
from absence_engine.domain.ticks import NEVER, tick_of, year_start
from absence_engine.store import figures as store
from absence_engine.store import schools, targets
from absence_engine.store.progress import Freshness
from absence_engine.store.targets import Target

LINES = ("PA", "SA")


@dataclass(frozen=True, slots=True)
class Projection:
    """A child's year so far, the sessions that are left of it, what each line may come to, how open spans would end."""

    policy: Policy
    counts: Counts
    left: Sequence[Planned]
    lines: dict[str, Outlook]
    endings: Sequence[Ending]
    freshness: Sequence[Freshness]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A child's year before and after some more sessions, and what happens to spans."""

    policy: Policy
    sessions: Sequence[Planned]
    before: Counts
    after: Counts
    happened: Difference
    freshness: Sequence[Freshness]


async def projection(
    tx: Transaction, pupil_id: str, year: int, caller: Caller, policies: Policies, today: date
) -> Projection:
    """The projection of a child's year; errors as `figures.visible`."""
    await store.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/projection")
    calendars = await schools.calendars(tx, urns_of(record))
    holds = (await policies.at_present(tx, urns_of(record))).of_child(record)
    open_sessions = next_sessions(record, calendars, today)
    left = [one for one in open_sessions if year_start(year) <= one.tick < year_start(year + 1)]
    child, attending = Child.of(record), Child.of(with_marks(record, open_sessions, None))
    policy, counts = holds(year), count(marked(child.years, year))
    return Projection(
        policy=policy,
        counts=counts,
        left=left,
        lines={kind: outlook(counts, len(left), policy.rates[kind].one_in) for kind in LINES},
        endings=endings(spans_of(child, calendars, holds), spans_of(attending, calendars, holds), open_sessions),
        freshness=await each_seen(tx, urns_of(record), year, today),
    )


async def what_if(
    tx: Transaction, pupil_id: str, n: int, code: str | None, caller: Caller, policies: Policies, today: date
) -> WhatIf:
    """What would be if the next `n` sessions, or as many as are planned, were marked with a code; None: as present."""
    await store.snapshot(tx)
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/what-if")
    calendars = await schools.calendars(tx, urns_of(record))
    holds = (await policies.at_present(tx, urns_of(record))).of_child(record)
    sessions = next_sessions(record, calendars, today)[:n]
    child, then = Child.of(record), Child.of(with_marks(record, sessions, code))
    year = year_of(today)
    before, after = spans_of(child, calendars, holds), spans_of(then, calendars, holds)
    return WhatIf(
        policy=holds(year),
        sessions=sessions,
        before=count(marked(child.years, year)),
        after=count(marked(then.years, year)),
        happened=difference(before, after),
        freshness=await each_seen(tx, urns_of(record), year, today),
    )


def next_sessions(record: ChildRecord, calendars: Calendars, today: date, end: int = NEVER) -> list[Planned]:
    """The sessions that the child has before it: from today on, after its last mark, to a tick."""
    last = last_marked(record.sheets)
    first = tick_of(today) if last is None else max(tick_of(today), last + 1)
    return planned(record, calendars, first, end)


async def put_target(tx: Transaction, pupil_id: str, target: Target, caller: Caller) -> None:
    """Keeps what attendance is asked of a child; errors as `figures.visible`."""
    record = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/personal-target")
    await targets.put(tx, record.pupil_id, target)


async def target_of(tx: Transaction, pupil_id: str) -> Target | None:
    """What attendance is asked of a living child, if that was ever said."""
    return await targets.latest(tx, pupil_id)
