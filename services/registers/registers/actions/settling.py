"""Judging slots anew after the roll, the calendar, the code table or the date moved, and saying what that changes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from common.academic import Session

from registers.actions.writing import Write
from registers.domain import settling as rules
from registers.domain.settling import Placed
from registers.store import marks

CHILDREN_AT_ONCE, SESSIONS_AT_ONCE = 50, 20
"""How many children's year, or sessions of a school, are in memory at a time: some 20,000 marks."""

T = TypeVar("T")


async def settle_children(write: Write, urn: int, spans: Mapping[str, tuple[date, date]]) -> None:
    """The roll changed: judges the slots of children (living ids) at a school within spans of days (inclusive), and
    takes in the marks that were waiting for a pupil whom the school knows by now.
    """
    arrived = await marks.find_pupils(write.tx, urn)
    widened = dict(spans)
    for mark in arrived:
        first, last = widened.get(mark.pupil_id, (mark.on, mark.on))
        widened[mark.pupil_id] = min(first, mark.on), max(last, mark.on)
    came = {(mark.received, mark.place) for mark in arrived}
    for some in _chunks([(child, first, last) for child, (first, last) in widened.items()], CHILDREN_AT_ONCE):
        await _settle(write, urn, await marks.slots_of_children(write.tx, urn, some), came)


async def settle_sessions(write: Write, urn: int, sessions: Sequence[tuple[date, Session]]) -> None:
    """The calendar or the code table changed, or a day came: judges every slot of these sessions."""
    for some in _chunks(sessions, SESSIONS_AT_ONCE):
        await _settle(write, urn, await marks.slots_of_sessions(write.tx, urn, some))


async def _settle(write: Write, urn: int, placed: Iterable[Placed], arrived: Collection[tuple[int, int]] = ()) -> None:
    changed = rules.settle(placed, write.today, write.codes, write.facts(urn), arrived)
    await marks.change(write.tx, urn, changed)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
