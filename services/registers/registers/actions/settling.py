"""Judging slots anew after the roll, the calendar, the code table or the date moved, and saying what that changes.

What concerns few marks is judged in the write that causes it. What concerns more (`MOST_AT_ONCE`) is kept as a job, and
judged in later writes: `rejudging` works it off. Either way the change itself holds from its own commit on.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from common.academic import Session

from registers.actions.writing import Write
from registers.domain import settling as rules
from registers.domain.settling import Placed
from registers.store import marks, rejudging
from registers.store.marks import Arrived

CHILDREN_AT_ONCE, SESSIONS_AT_ONCE = 50, 20
"""How many children's year, or sessions of a school, are in memory at a time: some 20,000 marks."""
MOST_AT_ONCE = 5000
"""How many marks a change judges in its own write: a second's work, for which the school's registers wait."""

T = TypeVar("T")


async def settle_children(write: Write, urn: int, spans: Mapping[str, tuple[date, date]]) -> None:
    """The roll changed: judges the slots of children (living ids) at a school within spans of days (inclusive), and
    takes in the marks that were waiting for a pupil whom the school knows by now.
    """
    arrived = await marks.find_pupils(write.tx, urn, MOST_AT_ONCE)
    if len(arrived) == MOST_AT_ONCE:
        await rejudging.begin(write.tx, urn, rejudging.ARRIVALS, write.now)
        write.facts(urn).recalculates(await rejudging.waiting_sessions(write.tx, urn), None)
    listed = [(child, first, last) for child, (first, last) in spans.items()]
    if listed and await rejudging.in_spans(write.tx, urn, listed, MOST_AT_ONCE) == MOST_AT_ONCE:
        first, last = min(first for _, first, _ in listed), max(last for _, _, last in listed)
        days = await marks.days_with_marks(write.tx, urn, first, last)
        await rejudging.begin(write.tx, urn, rejudging.CHILDREN, write.now, days, listed)
        write.facts(urn).recalculates(len(Session) * len(days), len(listed))
        listed = []
    await settle_arrived(write, urn, arrived)
    for some in _chunks(listed, CHILDREN_AT_ONCE):
        await settle(write, urn, await marks.slots_of_children(write.tx, urn, some))


async def settle_arrived(write: Write, urn: int, arrived: Sequence[Arrived]) -> int:
    """Judges the slots of marks that have just found their pupils; how many sessions these are of."""
    came = {(mark.received, mark.place) for mark in arrived}
    days = sorted({(mark.on, mark.pupil_id) for mark in arrived})
    for some in _chunks(days, CHILDREN_AT_ONCE * SESSIONS_AT_ONCE):
        spans = [(child, on, on) for on, child in some]
        await settle(write, urn, await marks.slots_of_children(write.tx, urn, spans), came)
    return len(Session) * len({on for on, _ in days})


async def settle_sessions(write: Write, urn: int, sessions: Sequence[tuple[date, Session]]) -> None:
    """The calendar or the code table changed, or a day came: judges every slot of these sessions."""
    if await rejudging.in_sessions(write.tx, urn, sessions, MOST_AT_ONCE) == MOST_AT_ONCE:
        listed = {day for day, _ in sessions}
        days = listed.intersection(await marks.days_with_marks(write.tx, urn, min(listed), max(listed)))
        await rejudging.begin(write.tx, urn, rejudging.SESSIONS, write.now, days)
        write.facts(urn).recalculates(len(Session) * len(days), None)
        return
    for some in _chunks(sessions, SESSIONS_AT_ONCE):
        await settle(write, urn, await marks.slots_of_sessions(write.tx, urn, some))


async def settle(write: Write, urn: int, placed: Iterable[Placed], arrived: Collection[tuple[int, int]] = ()) -> int:
    """Judges whole slots, keeps the new verdicts, and collects what readers must hear of them; how many are new."""
    changed = rules.settle(placed, write.today, write.codes, write.facts(urn), arrived)
    await marks.change(write.tx, urn, changed)
    return len(changed)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
