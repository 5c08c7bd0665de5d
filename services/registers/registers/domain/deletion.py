"""What one deletion changes: a mark sent in error is taken back by an entry without a code, ranked like any other."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from common.academic import Session
from common.codes import Code
from common.errors import NotFoundError

from registers.domain import standing
from registers.domain.ledger import Facts
from registers.domain.register import NEW, Changed, Kept, note
from registers.domain.standing import Entry


class Deleted(NamedTuple):
    """What a deletion changes; `status` is `deleted`, or `stale` where a higher-ranked mark stands."""

    status: str
    kept: Kept
    changed: list[Changed]


def delete(
    pupil_id: str,
    version: int | None,
    slot: Sequence[Entry],
    on: date,
    session: Session,
    slot_problem: str | None,
    codes: Mapping[str, Code],
    facts: Facts,
) -> Deleted:
    """Decides a deletion against the entries of its slot, which are in commit order; notes in `facts` what readers must
    hear.

    NotFoundError when nothing stands and no version was given, and when a deletion of that version or higher is on
    record. One without a version outranks all that is there, so it takes back whatever stands.
    """
    judged = standing.judge(slot, on, slot_problem, codes)  # what stood may be about to fall, and the other way round
    stands = any(entry.code and (entry.stands or now.stands) for entry, now in zip(slot, judged, strict=True))
    if version is None and not stands:
        raise NotFoundError("No mark stands there.")
    new = Entry(pupil_id, NEW, 0, version, None, None)
    verdicts = standing.judge([*slot, new], on, slot_problem, codes)
    verdict = verdicts[-1]
    if version is not None and any(entry.code is None and entry.rank >= version for entry in slot):
        raise NotFoundError("A deletion of that rank or higher is on record.")
    changed: list[Changed] = []
    note(facts, changed, on, session, [*slot, new], verdicts)
    kept = Kept(pupil_id, 0, version, None, None, verdict, False)
    return Deleted("deleted" if verdict.stands else "stale", kept, changed)
