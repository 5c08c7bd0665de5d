"""The engine's events: full states of episodes; merges and marks N for those who do not read the ledgers.

An event's id follows from what it says, so that the same state said again is the same event.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL

from common.academic import year_name
from common.events import Event, Revision, make, registers
from common.events.absence_engine import (
    ChildMerged,
    ChildSplit,
    Explanation,
    Reason,
    ReasonDue,
    ReasonOverdue,
    ReasonSettled,
    SchoolSequence,
    Stage,
    Threshold,
    ThresholdApproaching,
    ThresholdChanged,
    ThresholdCrossed,
    ThresholdEnded,
    ThresholdReversed,
)

from absence_engine.domain import thresholds
from absence_engine.domain.claims import Episode, Happened
from absence_engine.domain.days import next_open_days
from absence_engine.domain.ids import named
from absence_engine.domain.records import Calendars
from absence_engine.domain.ticks import ref_of

OPEN_DAYS = 20  # as many as the contract promises

KINDS: dict[Happened, type[Threshold]] = {
    "crossed": ThresholdCrossed,
    "changed": ThresholdChanged,
    "ended": ThresholdEnded,
    "reversed": ThresholdReversed,
}
APPROACHING = "AT_RISK"
"""The kind whose crossing is said to approach one."""


REASONS: dict[type[registers.Entry], type[Reason]] = {
    registers.ReasonDue: ReasonDue,
    registers.ReasonOverdue: ReasonOverdue,
    registers.ReasonSettled: ReasonSettled,
}


class Told(NamedTuple):
    """An episode with all that is said of it: why, how far each school's ledger was counted, and what the policy by
    which it was judged wants done.
    """

    episode: Episode
    explanation: Explanation
    sequence: Sequence[SchoolSequence]
    stage: thresholds.Stage | None = None


def meaning(pupil_id: str, living: str, before: str, told: int, now: datetime) -> Event:
    """An id means another child from now on, or is its own again."""
    if living == pupil_id:
        return split(before, pupil_id, told, now, restored=True)
    name = f"child-merged/{pupil_id}/{living}" + (f"/{told}" if told else "")
    data = ChildMerged(pupil_id=pupil_id, survivor=living, identity_version=told)
    return make(data, id=named(NAMESPACE_URL, name), subject=pupil_id, now=now)


def split(pupil_id: str, other: str, version: int, now: datetime, *, restored: bool) -> Event:
    """An id is another child than the one that it was part of."""
    identity = named(NAMESPACE_URL, f"child-split/{pupil_id}/{other}/{version}")
    data = ChildSplit(pupil_id=pupil_id, other=other, restored=restored, identity_version=version)
    return make(data, id=identity, subject=other, now=now)


def reasons(entries: Iterable[Event], now: datetime) -> list[Event]:
    """What ledger entries say of marks N, one event for each of them."""
    said: list[Event] = []
    for entry in entries:
        for source, kind in REASONS.items():
            if isinstance(entry.data, source):
                said += _reasons(kind, entry, now)
    return said


def _reasons(kind: type[Reason], entry: Event, now: datetime) -> list[Event]:
    urn, number = entry.schoolurn or 0, entry.sequence or 0
    said: list[Event] = []
    for one in entry.data.reasons:
        due_on = one.due_on if isinstance(one, registers.OpenReason) else None
        about = f"{urn}/{number}/{one.pupil_id}/{one.date}/{one.session}"
        data = kind(
            pupil_id=one.pupil_id, school_urn=urn, date=one.date, session=one.session, due_on=due_on, sequence=number
        )
        said.append(make(data, id=named(NAMESPACE_URL, f"reason/{about}"), subject=one.pupil_id, now=now))
    return said


def states(told: Sequence[Told], calendars: Calendars, today: date, now: datetime) -> list[Event]:
    """The event of what happened last to each episode; `calendars` are those of the episodes' schools."""
    open_days = {
        urn: [day.isoformat() for day in next_open_days(urn, today, calendars, OPEN_DAYS)]
        for urn in {one.episode.school_urn for one in told}
    }
    return [_threshold(one, open_days[one.episode.school_urn], now) for one in told]


def _threshold(told: Told, open_days: list[str], now: datetime) -> Event:
    e = told.episode
    approaches = e.kind == APPROACHING and e.event == "crossed"
    data = (ThresholdApproaching if approaches else KINDS[e.event])(
        episode_id=e.episode_id,
        pupil_id=e.pupil_id,
        kind=e.kind,
        academic_year=None if e.year is None else year_name(e.year),
        state=e.state,
        provisional=e.provisional,
        crossed_on=ref_of(e.crossed),
        firm_on=None if e.firm is None else ref_of(e.firm),
        ended_on=None if e.ended is None else ref_of(e.ended),
        ended_reason=e.reason,
        reversed_at=None if e.reversed_at is None else e.reversed_at.isoformat(timespec="milliseconds"),
        school_urn=e.school_urn,
        revision=Revision(e.epoch, e.revision),
        explanation=told.explanation,
        sequence=list(told.sequence),
        open_days=open_days,
        stage=None
        if told.stage is None
        else Stage(told.stage.task, told.stage.due_open_days, told.stage.while_provisional),
    )
    identity = named(NAMESPACE_URL, f"threshold/{e.episode_id}/{e.epoch}/{e.revision}")
    return make(data, id=identity, subject=e.pupil_id, now=now)
