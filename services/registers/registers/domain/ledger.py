"""A write as ledger entries: what one write says about one school, numbered on from its last entry and chained to it.

Within a write, entries come in a fixed order: the school, its calendar, that a recalculation started, merges, splits,
pupils, enrolments, marks by session, marks that began to wait, marks that ceased to, reasons that are chased, that a
recalculation ended. A write that says nothing has no entries.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from common.academic import Session
from common.events import encode, make
from common.events import registers as events

PUPILS_AN_ENTRY = 500
"""How many pupils or waiting marks one entry holds at most: keeps every message far below a broker's limit."""

T = TypeVar("T")


@dataclass
class Facts:
    """What one write says about one school; filled while the write is decided."""

    school: dict[str, Any] | None = None
    calendar: tuple[str, list[events.OpenDay]] | None = None
    merged: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    split: list[tuple[str, str, bool, int]] = field(default_factory=list[tuple[str, str, bool, int]])
    pupils: list[events.PupilFacts] = field(default_factory=list[events.PupilFacts])
    enrolments: dict[str, events.PupilEnrolments] = field(default_factory=dict[str, events.PupilEnrolments])
    marks: dict[tuple[date, Session], list[events.Mark]] = field(
        default_factory=dict[tuple[date, Session], list[events.Mark]]
    )
    quarantined: list[events.WaitingMark] = field(default_factory=list[events.WaitingMark])
    released: list[events.WaitingMark] = field(default_factory=list[events.WaitingMark])
    reasons_due: list[events.OpenReason] = field(default_factory=list[events.OpenReason])
    reasons_overdue: list[events.OpenReason] = field(default_factory=list[events.OpenReason])
    reasons_settled: list[events.SettledReason] = field(default_factory=list[events.SettledReason])
    missing: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    received: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    started: list[dict[str, int | None]] = field(default_factory=list[dict[str, int | None]])
    ended: dict[str, int] | None = None

    def enrolled(self, pupil: events.PupilEnrolments) -> None:
        """These are all the enrolments of a pupil now; the last word of a write counts."""
        self.enrolments[pupil.pupil_id] = pupil

    def recalculates(self, sessions: int, children: int | None) -> None:
        """Marks of so many sessions, and children (None: of everybody), are judged in later writes."""
        self.started.append({"sessions": sessions, "children": children})

    def recalculated(self, sessions: int, marks: int) -> None:
        """All that was to be judged in later writes is: so many sessions; so many marks stand or wait otherwise."""
        self.ended = {"sessions": sessions, "marks": marks}

    def mark(self, on: date, session: Session, said: Sequence[tuple[str, str | None]]) -> None:
        """Adds what readers must hear of one slot."""
        if said:
            self.of_session(on, session).extend([events.Mark(pupil_id, code) for pupil_id, code in said])

    def of_session(self, on: date, session: Session) -> list[events.Mark]:
        """What readers hear of a session so far, to be added to: one of which nothing is said is not asked for."""
        return self.marks.setdefault((on, session), [])

    def waits(self, on: date, session: Session, pupil_id: str | None, code: str, why: str) -> None:
        """A mark begins to wait in quarantine."""
        self.quarantined.append(_waiting(on, session, pupil_id, code, why))

    def waits_no_more(self, on: date, session: Session, pupil_id: str | None, code: str, why: str) -> None:
        """A mark leaves quarantine, where it was because of `why`."""
        self.released.append(_waiting(on, session, pupil_id, code, why))


class Head(NamedTuple):
    """Where a school's ledger ends: number and id of its last entry (0 and None before the first)."""

    urn: int
    number: int
    entry_id: str | None


class LedgerEntry(NamedTuple):
    """One numbered entry, encoded as it goes on the topic."""

    urn: int
    number: int
    entry_id: str
    type: str
    write_last: int
    body: bytes


def chain(
    facts: Facts, head: Head, now: datetime, new_id: Callable[[], str], correlation_id: str | None = None
) -> list[LedgerEntry]:
    """The entries of a write, numbered on from `head`; each names the one before it, and the last of the write."""
    parts = list(_parts(facts))
    last, previous = head.number + len(parts), head.entry_id
    subject = str(head.urn)
    entries: list[LedgerEntry] = []
    for number, (kind, said) in enumerate(parts, start=head.number + 1):
        entry_id = new_id()
        event = make(
            kind(previous=previous, write_last=last, **said),
            id=entry_id,
            subject=subject,
            now=now,
            sequence=number,
            schoolurn=head.urn,
            correlationid=correlation_id or None,
        )
        entries.append(LedgerEntry(head.urn, number, entry_id, kind.type, last, encode(event)))
        previous = entry_id
    return entries


def after(head: Head, entries: Sequence[LedgerEntry]) -> Head:
    """Where the ledger ends once `entries` are in it."""
    return Head(head.urn, entries[-1].number, entries[-1].entry_id) if entries else head


def _parts(facts: Facts) -> Iterator[tuple[type[events.Entry], dict[str, Any]]]:
    if facts.school is not None:
        yield events.SchoolChanged, facts.school
    if facts.calendar is not None:
        yield events.CalendarChanged, {"academic_year": facts.calendar[0], "days": facts.calendar[1]}
    for started in facts.started:
        yield events.RecalculationStarted, started
    for dead, survivor, version in facts.merged:
        yield events.PupilMerged, {"pupil_id": dead, "survivor": survivor, "identity_version": version}
    for pupil_id, other, restored, version in facts.split:
        told = {"pupil_id": pupil_id, "other": other, "restored": restored, "identity_version": version}
        yield events.PupilSplit, told
    for pupils in _chunks(facts.pupils):
        yield events.PupilChanged, {"pupils": pupils}
    for enrolments in _chunks(list(facts.enrolments.values())):
        yield events.EnrolmentChanged, {"pupils": enrolments}
    for on, session in sorted(facts.marks):
        yield (
            events.SessionMarked,
            {"date": on.isoformat(), "session": session.name, "marks": facts.marks[on, session]},
        )
    for waiting in _chunks(facts.quarantined):
        yield events.MarkQuarantined, {"marks": waiting}
    for waiting in _chunks(facts.released):
        yield events.MarkReleased, {"marks": waiting}
    yield from _chasing(facts)
    if facts.ended is not None:
        yield events.RecalculationEnded, {**facts.ended}


def _chasing(facts: Facts) -> Iterator[tuple[type[events.Entry], dict[str, Any]]]:
    for reasons in _chunks(facts.reasons_due):
        yield events.ReasonDue, {"reasons": reasons}
    for reasons in _chunks(facts.reasons_overdue):
        yield events.ReasonOverdue, {"reasons": reasons}
    for settled in _chunks(facts.reasons_settled):
        yield events.ReasonSettled, {"reasons": settled}
    for missing in facts.missing:
        yield events.RegisterMissing, missing
    for received in facts.received:
        yield events.RegisterReceived, received


def _chunks(items: list[T]) -> Iterator[list[T]]:
    return (items[at : at + PUPILS_AN_ENTRY] for at in range(0, len(items), PUPILS_AN_ENTRY))


def _waiting(on: date, session: Session, pupil_id: str | None, code: str, why: str) -> events.WaitingMark:
    return events.WaitingMark(date=on.isoformat(), session=session.name, pupil_id=pupil_id, code=code, problem=why)
