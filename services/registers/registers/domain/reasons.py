"""Marks N, "circumstances not yet established" (rule book 2.5, 2.6, 12.1): who has to be asked about, since when, and
which of that is new.

A school has five school days, by its own calendar, to put a reason in the place of an N. On the third one it is due, on
the fifth overdue; both are said once. It is settled when the N no longer stands, whatever took its place. A changed
calendar moves these days, and what was said too early is taken back.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from common.academic import Session
from common.events.registers import OpenReason, SettledReason

from registers.domain.ledger import Facts
from registers.domain.policy import ReasonRule

NOT_ESTABLISHED = "N"

State = Literal["due", "overdue"]


class Slot(NamedTuple):
    """A child's session at one school, under the id that the mark was sent for."""

    on: date
    session: Session
    pupil_id: str


class Said(NamedTuple):
    """What was said last of an N: its state, and the school day on which it is overdue (None beyond the calendar)."""

    state: State
    due_on: date | None


class Known(NamedTuple):
    """What matters of a school: the Ns that stand, what was said of Ns, and the days with an open session after the
    first N, in order.
    """

    standing: Sequence[Slot]
    said: Mapping[Slot, Said]
    school_days: Sequence[date]


def wanted(known: Known, today: date, rule: ReasonRule) -> dict[Slot, Said]:
    """What is to be said of the Ns that stand; those that are not due yet are left out."""
    states = {on: _state(on, known.school_days, today, rule) for on in {slot.on for slot in known.standing}}
    return {slot: said for slot in known.standing if (said := states[slot.on]) is not None}


def is_changed(known: Known, today: date, rule: ReasonRule) -> bool:
    """Whether there is anything to say."""
    return wanted(known, today, rule) != known.said


def chase(
    known: Known, codes: Mapping[Slot, str], today: date, rule: ReasonRule, facts: Facts
) -> tuple[dict[Slot, Said], list[Slot]]:
    """Notes in `facts` what is new; what is to be kept of that, and what to forget. `codes`: what stands now in the
    slots of which something was said.
    """
    now = wanted(known, today, rule)
    new = {slot: said for slot, said in now.items() if known.said.get(slot) != said}
    settled = sorted(known.said.keys() - now.keys())
    for slot, said in sorted(new.items()):
        (facts.reasons_due if said.state == "due" else facts.reasons_overdue).append(_open(slot, said))
    facts.reasons_settled.extend(_settled(slot, codes.get(slot)) for slot in settled)
    return new, settled


def _state(on: date, school_days: Sequence[date], today: date, rule: ReasonRule) -> Said | None:
    """What holds for the Ns of a day."""
    first = bisect_right(school_days, on)
    days = school_days[first : first + rule.overdue_day]
    if len(days) < rule.due_day or days[rule.due_day - 1] > today:
        return None
    due_on = days[rule.overdue_day - 1] if len(days) == rule.overdue_day else None
    return Said("overdue" if due_on is not None and due_on <= today else "due", due_on)


def _open(slot: Slot, said: Said) -> OpenReason:
    due_on = None if said.due_on is None else said.due_on.isoformat()
    return OpenReason(pupil_id=slot.pupil_id, date=slot.on.isoformat(), session=slot.session.name, due_on=due_on)


def _settled(slot: Slot, code: str | None) -> SettledReason:
    return SettledReason(pupil_id=slot.pupil_id, date=slot.on.isoformat(), session=slot.session.name, code=code)


def slots(rows: Iterable[tuple[date, int, str]]) -> list[Slot]:
    """Slots from what a table has of them."""
    return [Slot(on, Session(session), pupil_id) for on, session, pupil_id in rows]
