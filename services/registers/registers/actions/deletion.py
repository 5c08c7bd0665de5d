"""Taking a mark back that was sent in error."""

from datetime import date, datetime
from typing import NamedTuple

from common.academic import Session
from common.errors import NotFoundError
from common.preconditions import NOTHING_ASKED, Precondition

from registers.actions.writing import Write, Writer
from registers.domain import deletion as rules
from registers.domain import problems
from registers.domain.register import Register, SentMark
from registers.domain.standing import state_of_register
from registers.store import marks, reading, registers
from registers.store.registers import Submission


class Deletion(NamedTuple):
    """Whose mark in which session is taken back; a dead `pupil_id` means the survivor."""

    urn: int
    on: date
    session: Session
    pupil_id: str
    version: int | None
    received_at: datetime
    correlation_id: str


async def delete_mark(writer: Writer, sent: Deletion, only: Precondition = NOTHING_ASKED) -> tuple[str, str, int]:
    """Living id, `deleted` or `stale`, and the school's last number. NotFoundError: see `domain.deletion`. StaleError
    unless `only` holds of what stands in the session.
    """
    register = Register(
        sent.urn, sent.on, sent.session, sent.version, None, None, sent.received_at, sent.correlation_id,
        [SentMark(code=None, pupil_id=sent.pupil_id)],
    )  # fmt: skip

    async def work(write: Write) -> tuple[str, str]:
        if only != NOTHING_ASKED:
            only.check(state_of_register(await reading.register(write.tx, sent.urn, sent.on, sent.session)))
        (known,) = await registers.known(write.tx, [register])
        child = known.found.get((0, "pupil_id"))
        if child is None:
            raise NotFoundError("The school does not know this pupil.")
        is_open = known.is_open and child not in known.kept_out
        why = problems.of_slot(sent.on, write.today, is_open, child in known.enrolled)
        slot = known.slots.get(child, [])
        facts = write.facts(sent.urn)
        deleted = rules.delete(child, sent.version, slot, sent.on, sent.session, why, write.codes, facts)
        await marks.change(write.tx, sent.urn, deleted.changed)
        await registers.keep(write.tx, [Submission(register, known.received, "deletion", [deleted.kept])])
        return child, deleted.status

    (child, status), sequences = await writer.run([sent.urn], work)
    return child, status, sequences[sent.urn]
