"""Which mark stands (architecture, "Which mark stands"; decision page `standing-marks`).

A slot is one child in one session at one school, over all the ids that the child has had. All that was sent for it is
kept, as entries; a deletion is an entry without a code. Entries are ranked by their version, equal ones by commit; one
without a version takes the highest rank of the entries committed before it. The highest-ranked entry that is allowed
stands; the ones above it, which are not, wait in quarantine; what is below is history.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec
from common.academic import Session
from common.codes import Code
from common.preconditions import state_of
from msgspec import Meta

from registers.domain import problems


class Amender(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who amended an entry (rule book 2.8): name and position."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    position: Annotated[str, Meta(max_length=200)] | None = None


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a mark says beside its code. `arrived_at`: when a late pupil signed in; `reason_detail`: see
    `domain.reason_details`.
    """

    minutes_late: int | None = None
    comment: str | None = None
    reason: str | None = None
    amended_by: str | Amender | None = None
    reason_detail: tuple[str, ...] = ()
    arrived_at: datetime | None = None


class Entry(NamedTuple):
    """One thing that was sent for a slot, under the id that the child then had.

    `received` is the number of the submission that brought it and `place` its place in that: together they are unique
    and rise in commit order. `rank`, `stands` and `problem` are what was last decided about it.
    """

    pupil_id: str
    received: int
    place: int
    version: int | None
    code: str | None
    details: Details | None
    rank: int = 0
    stands: bool = False
    problem: str | None = None


class Verdict(NamedTuple):
    """What holds for one entry now."""

    rank: int
    stands: bool
    problem: str | None


class Told(NamedTuple):
    """An entry as it is read again: with its slot, and with who took it, when, and when it came."""

    urn: int
    on: date
    session: Session
    entry: Entry
    taken_by: str | None
    taken_at: datetime | None
    received_at: datetime


def state_of_register(standing: Iterable[tuple[str, str | None, Told]]) -> str:
    """Stands for the entries that stand in a session, each with its living child."""
    return state_of([(child, told.entry.received, told.entry.place) for child, _, told in standing])


def ranks(entries: Sequence[Entry]) -> list[int]:
    """The effective rank of each entry; `entries` are in commit order."""
    highest = 0
    effective: list[int] = []
    for entry in entries:
        rank = highest if entry.version is None else entry.version
        highest = max(highest, rank)
        effective.append(rank)
    return effective


def judge(entries: Sequence[Entry], on: date, slot_problem: str | None, codes: Mapping[str, Code]) -> list[Verdict]:
    """A verdict on each entry of a slot; `entries` are in commit order, `slot_problem` is that of `problems.of_slot`.

    At most one stands. A deletion is always allowed, and when it stands there is no mark.
    """
    effective = ranks(entries)
    verdicts = [Verdict(rank, False, None) for rank in effective]
    for at in sorted(range(len(entries)), key=lambda at: (effective[at], at), reverse=True):
        code = entries[at].code
        trouble = None if code is None else problems.of_code(code, on, codes) or slot_problem
        verdicts[at] = Verdict(effective[at], trouble is None, trouble)
        if trouble is None:
            break
    return verdicts


def standing(entries: Sequence[Entry]) -> Entry | None:
    """The entry that was last decided to stand, a deletion included."""
    return next((entry for entry in entries if entry.stands), None)


def announcements(before: Sequence[Entry], after: Entry | None) -> list[tuple[str, str | None]]:
    """What readers of the ledger must hear when `after` takes the place of what stood: (id, code or None).

    A code is announced under the id that it was sent for; codes that stood under other ids of the same child are taken
    back. More than one stood where two ids have just turned out to be one child.
    """
    was = [(entry.pupil_id, entry.code) for entry in before if entry.code is not None]
    now = (after.pupil_id, after.code) if after is not None and after.code is not None else None
    said: list[tuple[str, str | None]] = [(child, None) for child, _ in was if now is None or child != now[0]]
    if now is not None and now not in was:
        said.append(now)
    return said
