"""What changes when nothing was sent, but the roll, the calendar, the code table or the date moved: the same rule
again.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import NamedTuple

from common.academic import Session
from common.codes import Code

from registers.domain import problems, standing
from registers.domain.ledger import Facts
from registers.domain.register import Changed, note
from registers.domain.standing import Entry


class Placed(NamedTuple):
    """An entry with its slot (`child` is the id that lives today), and what calendar and roll say of that today."""

    on: date
    session: Session
    child: str
    is_open: bool
    is_enrolled: bool
    entry: Entry


def settle(
    placed: Iterable[Placed],
    today: date,
    codes: Mapping[str, Code],
    facts: Facts,
    arrived: Collection[tuple[int, int]] = (),
) -> list[Changed]:
    """Judges whole slots anew: notes in `facts` what readers must hear, and returns the verdicts that are others now.

    `placed` comes sorted by session, child and commit order. `arrived`: the (received, place) of marks that were
    waiting for their pupil until now.
    """
    changed: list[Changed] = []
    for (on, session, _), group in groupby(placed, key=lambda one: (one.on, one.session, one.child)):
        members = list(group)
        why = problems.of_slot(on, today, members[0].is_open, members[0].is_enrolled)
        slot = [member.entry for member in members]
        verdicts = standing.judge(slot, on, why, codes)
        for entry in slot:
            if entry.code is not None and (entry.received, entry.place) in arrived:
                facts.waits_no_more(on, session, entry.pupil_id, entry.code, "unknown-pupil")
        note(facts, changed, on, session, slot, verdicts)
    return changed
