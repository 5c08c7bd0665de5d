"""Stays on a school's roll: both dates inclusive, `to` None while it lasts; those of one pupil at one school never
overlap.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from common.events import registers as events


class Stay(NamedTuple):
    """One enrolment of a pupil at a school; `kind` is single, main or subsidiary."""

    start: date
    end: date | None
    kind: str


def _last(stay: Stay) -> date:
    return stay.end or date.max


def _overlap(one: Stay, other: Stay) -> bool:
    return one.start <= _last(other) and other.start <= _last(one)


def meets(stay: Stay, others: Iterable[Stay]) -> bool:
    """Whether a stay has a day with one of the others in common."""
    return any(_overlap(stay, other) for other in others)


def replace(stays: Iterable[Stay], new: Stay) -> list[Stay]:
    """The stays after a roll row: `new` replaces those that it overlaps (or whose start it repeats), and is added
    otherwise. What it does not say of the home authority, or of the same end, is kept.
    """
    return sorted([stay for stay in stays if not _overlap(stay, new)] + [new])


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
            end = max(_last(one) for one in whole)
            stay = Stay(min(one.start for one in whole), None if end == date.max else end, touching[0].kind)
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
            events.Enrolment(stay.start.isoformat(), stay.end.isoformat() if stay.end else None, stay.kind)  # pyright: ignore[reportArgumentType]
            for stay in stays
        ],
    )
