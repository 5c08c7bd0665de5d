"""Stays on a school's roll: both dates inclusive, `to` None while it lasts; those of one pupil at one school never
overlap.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from common.events import registers as events

from registers.domain.leaving import CLOSED, CONVERTED
from registers.domain.schools import Closure


class Stay(NamedTuple):
    """One enrolment of a pupil at a school; `kind` is single, main, subsidiary or guest. `home_la`: the authority where
    the child lives, where the school says so (rule book 12.20); `leaving_reason` and `destination`: why it ends, and
    where the child goes. `planned_…`: the end that the school had said where its closure came first, for the case that
    the closure is taken back; `planned_end` None where it had said none. `registration_group`: the class.
    """

    start: date
    end: date | None
    kind: str
    home_la: str | None = None
    leaving_reason: str | None = None
    destination: str | None = None
    planned_end: date | None = None
    planned_reason: str | None = None
    planned_destination: str | None = None
    registration_group: str | None = None


def _last(stay: Stay) -> date:
    return stay.end or date.max


def _start(stay: Stay) -> date:
    return stay.start


def _overlap(one: Stay, other: Stay) -> bool:
    return one.start <= _last(other) and other.start <= _last(one)


def meets(stay: Stay, others: Iterable[Stay]) -> bool:
    """Whether a stay has a day with one of the others in common."""
    return any(_overlap(stay, other) for other in others)


def replace(stays: Iterable[Stay], new: Stay) -> list[Stay]:
    """The stays after a roll row: `new` replaces those that it overlaps (or whose start it repeats), and is added
    otherwise. What it does not say of the home authority, the class, or of the same end, is kept.
    """
    kept = list(stays)
    for stay in [stay for stay in kept if _overlap(stay, new)]:
        group = new.registration_group or stay.registration_group
        new = new._replace(home_la=new.home_la or stay.home_la, registration_group=group)
        if new.end is not None and new.end == stay.end:
            reason, destination = new.leaving_reason or stay.leaving_reason, new.destination or stay.destination
            new = new._replace(leaving_reason=reason, destination=destination)
        kept.remove(stay)
    return sorted([*kept, new])


def close(stays: Iterable[Stay], on: date, reason: str) -> list[Stay]:
    """The stays at a school whose last day is `on`: those that go on end then; what would begin later is gone."""
    return [end_by(stay, on, reason) for stay in stays if stay.start <= on]


def end_by(stay: Stay, on: date, reason: str) -> Stay:
    """A stay at a school whose last day is `on`, which is a day of it or lies behind it."""
    if _last(stay) <= on:
        return stay
    planned = (stay.end, stay.leaving_reason, stay.destination)
    return Stay(stay.start, on, stay.kind, stay.home_la, reason, None, *planned, stay.registration_group)


def reopen(stays: Iterable[Stay], closed: date) -> list[Stay]:
    """The stays at a school that, after all, did not close on a day: those that the closure ended go on, until the end
    that the school had said before, or the next one begins.
    """
    after: list[Stay] = []
    for stay in sorted(stays, key=_start, reverse=True):
        if stay.end == closed and stay.leaving_reason in (CLOSED, CONVERTED):
            why, group = (stay.planned_reason, stay.planned_destination), stay.registration_group
            stay = Stay(stay.start, stay.planned_end, stay.kind, stay.home_la, *why, registration_group=group)
            if after and after[-1].start <= _last(stay):
                end = max(closed, after[-1].start - timedelta(days=1))
                stay = stay._replace(end=end, leaving_reason=None, destination=None)
        after.append(stay)
    return after[::-1]


def beside(known: Sequence[Stay], added: Iterable[Stay], closure: Closure | None) -> list[Stay]:
    """The stays at a school to which others are brought: those that meet one that is there are left out, and nobody
    stays longer than the school is open.
    """
    after = list(known)
    for stay in added if closure is None else close(added, closure.on, closure.reason):
        if not meets(stay, after):
            after.append(stay)
    return sorted(after, key=_start)


def carry_on(stays: Iterable[Stay], first: date) -> list[Stay]:
    """The part of some stays that lies at the school which takes over on `first`."""
    return [stay._replace(start=max(stay.start, first)) for stay in stays if _last(stay) >= first]


def leave(stays: Iterable[Stay], before: date) -> list[Stay]:
    """The stays of one who has left before a day: cut on the day before it; what had not begun by then is gone."""
    end = before - timedelta(days=1)
    return [stay if _last(stay) <= end else stay._replace(end=end) for stay in stays if stay.start <= end]


def unite(mine: Iterable[Stay], others: Iterable[Stay]) -> list[Stay]:
    """The stays of one child who was known under two ids: overlapping ones become one, of the kind that `mine` says."""
    united = sorted(mine)
    for stay in others:
        touching = [one for one in united if _overlap(one, stay)]
        if touching:
            whole = [*touching, stay]
            end_of = max(whole, key=lambda one: (_last(one), one.planned_end or date.max))
            stay = end_of._replace(
                start=min(one.start for one in whole),
                kind=touching[0].kind,
                home_la=touching[0].home_la,
                registration_group=touching[0].registration_group,
            )
        united = sorted([one for one in united if one not in touching] + [stay])
    return united


def span_of_change(before: Sequence[Stay], after: Sequence[Stay]) -> tuple[date, date] | None:
    """The first and the last day on which only one of the two says that the pupil is on the roll; None when there is
    none.
    """
    edges = sorted(
        {edge for stay in (*before, *after) for edge in (stay.start.toordinal(), _last(stay).toordinal() + 1)}
    )
    changed = [
        (first, last - 1)
        for first, last in pairwise(edges)
        if _covers(before, date.fromordinal(first)) != _covers(after, date.fromordinal(first))
    ]
    if not changed:
        return None
    return date.fromordinal(changed[0][0]), date.fromordinal(changed[-1][1])


def _covers(stays: Sequence[Stay], day: date) -> bool:
    return any(stay.start <= day <= _last(stay) for stay in stays)


def as_event(pupil_id: str, stays: Iterable[Stay]) -> events.PupilEnrolments:
    """All enrolments of a pupil at a school, as they are announced."""
    return events.PupilEnrolments(
        pupil_id,
        [
            events.Enrolment(
                stay.start.isoformat(),
                stay.end.isoformat() if stay.end else None,
                stay.kind,  # pyright: ignore[reportArgumentType]
                stay.home_la,
                stay.leaving_reason,
                stay.registration_group,
            )
            for stay in stays
        ],
    )
