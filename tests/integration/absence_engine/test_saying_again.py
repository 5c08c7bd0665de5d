"""What the engine says again of the ledgers for those who do not read them: marks N."""

from typing import Any

import pytest
from common.events import registers
from common.events.absence_engine import Reason

from tests.integration.absence_engine.ledgers import Engine, Ledger, pupil

SAID = {
    registers.ReasonDue: "reason-due",
    registers.ReasonOverdue: "reason-overdue",
    registers.ReasonSettled: "reason-settled",
}


def one(kind: type[registers.Entry], number: int) -> Any:
    if kind is registers.ReasonSettled:
        return registers.SettledReason(pupil_id=pupil(number), date="2025-09-15", session="AM", code="I")
    return registers.OpenReason(pupil_id=pupil(number), date="2025-09-15", session="AM", due_on="2025-09-22")


@pytest.mark.parametrize("kind", SAID, ids=lambda kind: kind.__name__)
async def test_each_mark_n_is_an_event_of_its_child_and_said_once(engine: Engine, kind: type[registers.Entry]) -> None:
    ledger = Ledger(100001)
    ledger.school()
    ledger.write((kind, {"reasons": [one(kind, 1), one(kind, 2)]}))
    await engine.take(ledger.entries)
    await engine.take(ledger.entries)
    said = await engine.said()
    assert [event.type.split(".")[3] for event in said] == [SAID[kind]] * 2
    assert [event.subject for event in said] == [pupil(1), pupil(2)]
    assert len({event.id for event in said}) == 2
    data = said[0].data
    assert isinstance(data, Reason)
    assert (data.school_urn, data.date, data.session, data.sequence) == (100001, "2025-09-15", "AM", 2)
    assert data.due_on == (None if kind is registers.ReasonSettled else "2025-09-22")
