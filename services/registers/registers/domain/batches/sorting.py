"""In which company the registers of a batch are written, and what becomes of one that names its pupils ambiguously."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from common.academic import Session
from common.errors import RollcallError

from registers.domain.batches.values import SentRegister

Slot = tuple[int, date, Session]


def slot(sent: SentRegister) -> Slot:
    """The school's session that a register is of."""
    return sent.register.urn, sent.register.on, sent.register.session


def bites(sent: Sequence[SentRegister], most: int) -> Iterator[list[SentRegister]]:
    """The registers in their order, as many at once as have `most` marks; never two of one session, for the second is
    to be decided on what the first left.
    """
    bite: list[SentRegister] = []
    taken: set[Slot] = set()
    size = 0
    for one in sent:
        if bite and (size + one.size() > most or slot(one) in taken):
            yield bite
            bite, size = [], 0
            taken.clear()
        bite.append(one)
        taken.add(slot(one))
        size += one.size()
    if bite:
        yield bite


def repeated(sent: Sequence[SentRegister]) -> set[Slot]:
    """The sessions of which there are several registers."""
    return {one for one, count in Counter(map(slot, sent)).items() if count > 1}


def split(sent: SentRegister, error: RollcallError) -> list[SentRegister]:
    """A register out of a table that was refused, as one of the rows that are not to blame, and one for each of the
    others, in their order; nothing when it was sent as a register, or there is nothing to split.
    """
    if sent.pointer is not None or sent.size() < 2:
        return []
    blamed = {int(fault.pointer.split("/")[2]) for fault in error.faults}
    good = [number for number in range(sent.size()) if number not in blamed]
    return [_part(sent, numbers) for numbers in (good, *([number] for number in sorted(blamed))) if numbers]


def _part(sent: SentRegister, numbers: Sequence[int]) -> SentRegister:
    marks = [sent.register.marks[number] for number in numbers]
    return SentRegister(sent.register._replace(marks=marks), [sent.lines[number] for number in numbers], None)
