"""What one register changes: its marks against what is kept of their slots, and an answer to each of them.

`resolve` says whose mark each one is; `record` decides all of them. Marks whose pupil the school does not know wait
beside the others until the roll brings the key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from common.academic import Session
from common.codes import Code
from common.errors import Fault, InvalidError
from common.events.registers import Mark
from msgspec import Meta

from registers.domain import problems, standing
from registers.domain.ledger import Facts
from registers.domain.problems import Problem
from registers.domain.standing import Amender, Details, Entry, Verdict

KeyKind = Literal["pupil_id", "upn", "local_id"]
KINDS: tuple[KeyKind, ...] = ("local_id", "upn", "pupil_id")
"""The keys a mark may name its pupil by; an unknown pupil's mark waits for the first of these that it gives."""

STATUSES: tuple[str, ...] = ("accepted", "unchanged", "corrected", "quarantined", "stale")
NEW = 2**63 - 1
"""The number of a submission that has none yet: later than all others."""

_Key = Annotated[str, Meta(min_length=1, max_length=255)]
_Text = Annotated[str, Meta(max_length=2000)]


class SentMark(msgspec.Struct, frozen=True, gc=False):
    """One mark as sent. It names its pupil by `pupil_id`, `upn` or `local_id`; several must mean the same child."""

    code: Annotated[str, Meta(max_length=255, description="An attendance code; blank or `-`: no mark taken.")] | None
    pupil_id: _Key | None = None
    upn: _Key | None = None
    local_id: _Key | None = None
    minutes_late: Annotated[int, Meta(ge=0, le=1440)] | None = None
    comment: _Text | None = None
    reason: Annotated[str, Meta(max_length=2000, description="Why an earlier mark is corrected.")] | None = None
    amended_by: Annotated[str, Meta(max_length=2000)] | Amender | None = None
    reason_detail: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(max_length=10, description="See `/v1/reference/reason-details`."),
    ] = ()
    arrived_at: Annotated[datetime, Meta(tz=True, description="When a late pupil signed in.")] | None = None

    def names(self) -> list[tuple[KeyKind, str]]:
        """The keys that are given, in the order of KINDS."""
        given: list[tuple[KeyKind, str]] = []
        if self.local_id is not None:
            given.append(("local_id", self.local_id))
        if self.upn is not None:
            given.append(("upn", self.upn))
        if self.pupil_id is not None:
            given.append(("pupil_id", self.pupil_id.lower()))  # one id, however it is written
        return given

    def details(self) -> Details | None:
        """What it says beside the code; None when that is nothing."""
        if (  # spelt out: nearly all marks are bare, and this is the hot path
            self.minutes_late is None
            and self.comment is None
            and self.reason is None
            and self.amended_by is None
            and not self.reason_detail
            and self.arrived_at is None
        ):
            return None
        return Details(
            self.minutes_late, self.comment, self.reason, self.amended_by, self.reason_detail, self.arrived_at
        )


class Register(NamedTuple):
    """The marks of one school in one session, as sent; `version` is its `source_version`."""

    urn: int
    on: date
    session: Session
    version: int | None
    taken_at: datetime | None
    taken_by: str | None
    received_at: datetime
    correlation_id: str
    marks: Sequence[SentMark]


class Waiting(NamedTuple):
    """A mark that is to be kept though the school does not know its pupil (yet)."""

    place: int
    kind: KeyKind
    key: str
    version: int | None
    code: str
    details: Details | None


@dataclass
class Known:
    """What is kept that matters to a register, and the number that it gets. `found` is by (place, kind); `slots` and
    `waiting`, which are by pupil and by unknown key, hold ranked entries in commit order. `kept_out`: children for
    whose year group the session is closed; `successor`: the school that took over from this one, closed by then.
    """

    is_open: bool = False
    received: int = NEW
    found: dict[tuple[int, KeyKind], str] = field(default_factory=dict[tuple[int, KeyKind], str])
    enrolled: set[str] = field(default_factory=set[str])
    slots: dict[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    waiting: dict[tuple[KeyKind, str], list[Entry]] = field(default_factory=dict[tuple[KeyKind, str], list[Entry]])
    kept_out: set[str] = field(default_factory=set[str])
    successor: int | None = None


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A new entry, as it is to be kept."""

    pupil_id: str
    place: int
    version: int | None
    code: str | None
    details: Details | None
    verdict: Verdict
    unexplained: bool


class Changed(NamedTuple):
    """A new verdict on an entry that is kept already."""

    on: date
    session: Session
    entry: Entry
    verdict: Verdict


class MarkAnswer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one mark; `pupil_id` is null when the school does not know the pupil."""

    pointer: str
    pupil_id: str | None
    status: str
    code: str
    problem: Problem | None = None


@dataclass
class Recorded:
    """What a register changes, and the answers to its marks in order."""

    answers: list[MarkAnswer] = field(default_factory=list[MarkAnswer])
    kept: list[Kept] = field(default_factory=list[Kept])
    waiting: list[Waiting] = field(default_factory=list[Waiting])
    changed: list[Changed] = field(default_factory=list[Changed])
    facts: Facts = field(default_factory=Facts)


def check_keys(marks: Sequence[SentMark]) -> None:
    """InvalidError when a mark names no pupil."""
    faults = [
        Fault(f"/marks/{place}", "no-key", "A mark names its pupil by pupil_id, upn or local_id.")
        for place, mark in enumerate(marks)
        if mark.pupil_id is None and mark.local_id is None and mark.upn is None
    ]
    if faults:
        raise InvalidError("A mark names no pupil.", faults=faults)


def resolve(marks: Sequence[SentMark], found: Mapping[tuple[int, KeyKind], str]) -> list[str | None]:
    """Whose mark each one is, None where no key is known.

    InvalidError when keys of one mark mean different children, or two marks the same child: the whole register is
    refused.
    """
    owners: list[str | None] = []
    places: dict[str | tuple[KeyKind, str], int] = {}
    faults: list[Fault] = []
    for place, mark in enumerate(marks):
        names = mark.names()
        owner = found.get((place, names[0][0]))
        if len(names) == 1 and owner is not None and owner not in places:  # nearly all of them
            places[owner] = place
            owners.append(owner)
            continue
        if len(names) > 1:
            children = {found[place, kind] for kind, _ in names if (place, kind) in found}
            if len(children) > 1:
                faults.append(Fault(f"/marks/{place}", "keys-disagree", "The keys of this mark name different pupils."))
            owner = next(iter(children), None)
        for name in (owner,) if owner is not None else names:
            first = places.setdefault(name, place)
            if first != place:
                for one, other in ((first, place), (place, first)):
                    detail = f"The same pupil as /marks/{other}."
                    faults.append(Fault(f"/marks/{one}", "duplicate-pupil", detail))
                break
        owners.append(owner)
    if faults:
        raise InvalidError("The register names its pupils ambiguously; none of it was taken.", faults=faults)
    return owners


def record(register: Register, known: Known, today: date, codes: Mapping[str, Code]) -> Recorded:
    """Decides every mark of a register; InvalidError as in `resolve`."""
    owners = resolve(register.marks, known.found)
    result = Recorded()
    firsts = _Firsts(result, register, codes)
    on, enrolled, kept_out = register.on, known.enrolled, known.kept_out
    of_enrolled, of_others = (problems.of_slot(on, today, known.is_open, is_enrolled) for is_enrolled in (True, False))
    of_kept_out = problems.of_slot(on, today, False, False)
    for place, (mark, owner) in enumerate(zip(register.marks, owners, strict=True)):
        if owner is None:
            _keep_waiting(result, register, place, mark, known)
            continue
        why = of_kept_out if owner in kept_out else of_enrolled if owner in enrolled else of_others
        if slot := known.slots.get(owner):
            _keep(result, register, place, mark, owner, slot, why, codes)
        else:
            firsts.keep(place, mark, owner, why)
    if known.successor is not None:
        result.answers = [_name_successor(answer, known.successor) for answer in result.answers]
    return result


def _name_successor(answer: MarkAnswer, successor: int) -> MarkAnswer:
    """Tells whoever still sends to a school that was converted where its pupils are now."""
    if answer.problem is None or answer.problem.code not in ("closed-session", "unknown-pupil"):
        return answer
    detail = f"The school has closed; its successor is {successor}: send the mark there."
    return msgspec.structs.replace(answer, problem=msgspec.structs.replace(answer.problem, detail=detail))


def _keep(
    result: Recorded,
    register: Register,
    place: int,
    mark: SentMark,
    owner: str,
    slot: Sequence[Entry],
    slot_problem: str | None,
    codes: Mapping[str, Code],
) -> None:
    """Decides one mark of a known pupil for whom something was sent before."""
    code, details, on, session = (mark.code or "").strip(), mark.details(), register.on, register.session
    new = Entry(owner, NEW, place, register.version, code, details)
    if (same := twin(slot, new)) is not None:
        verdict = _verdict_again(result, register, slot, same, slot_problem, codes)
        status = "unchanged" if verdict.stands else "quarantined" if verdict.problem else "stale"
    else:
        before = standing.standing(slot)
        verdicts = standing.judge([*slot, new], on, slot_problem, codes)
        verdict = verdicts[-1]
        status = _status(before, new, verdict)
        unexplained = status == "corrected" and before is not None and before.code != code and not _explained(details)
        result.kept.append(Kept(owner, place, register.version, code, details, verdict, unexplained))
        note(result.facts, result.changed, on, session, [*slot, new], verdicts)
    result.answers.append(MarkAnswer(f"/marks/{place}", owner, status, code, _told(verdict.problem, place)))


def _verdict_again(
    result: Recorded,
    register: Register,
    slot: Sequence[Entry],
    same: Entry,
    slot_problem: str | None,
    codes: Mapping[str, Code],
) -> Verdict:
    """The verdict on an entry that is sent once more: a recalculation may not have come to its slot yet. Whether its
    day has come is not for it to say: another process may have seen midnight before this one.
    """
    if slot_problem == "future-date":
        return Verdict(same.rank, same.stands, same.problem)
    verdicts = standing.judge(slot, register.on, slot_problem, codes)
    note(result.facts, result.changed, register.on, register.session, slot, verdicts)
    return verdicts[slot.index(same)]


class _Firsts:
    """What `_keep` comes to where nothing was sent before: by far the most marks, so what they share is made once."""

    def __init__(self, result: Recorded, register: Register, codes: Mapping[str, Code]) -> None:
        self._result = result
        self._register = register
        self._codes = codes
        self._troubles: dict[str, str | None] = {}
        self._stands = Verdict(register.version or 0, True, None)
        self._said: list[Mark] | None = None

    def keep(self, place: int, mark: SentMark, owner: str, slot_problem: str | None) -> None:
        """Decides one mark."""
        code, result, register = (mark.code or "").strip(), self._result, self._register
        if code in self._troubles:
            trouble = self._troubles[code]
        else:
            trouble = self._troubles[code] = problems.of_code(code, register.on, self._codes)
        if trouble is None and slot_problem is None:
            kept = Kept(owner, place, register.version, code, mark.details(), self._stands, False)
            answer = MarkAnswer(f"/marks/{place}", owner, "accepted", code)
            if self._said is None:
                self._said = result.facts.of_session(register.on, register.session)
            self._said.append(Mark(owner, code))
        else:
            why = trouble or slot_problem or ""
            verdict = Verdict(register.version or 0, False, why)
            kept = Kept(owner, place, register.version, code, mark.details(), verdict, False)
            answer = MarkAnswer(f"/marks/{place}", owner, "quarantined", code, _told(why, place))
            result.facts.waits(register.on, register.session, owner, code, why)
        result.kept.append(kept)
        result.answers.append(answer)


def _keep_waiting(result: Recorded, register: Register, place: int, mark: SentMark, known: Known) -> None:
    """Keeps a mark of a pupil whom the school does not know, unless it is waiting already just so."""
    kind, key = mark.names()[0]
    code, details = (mark.code or "").strip(), mark.details()
    if twin(known.waiting.get((kind, key), ()), Entry("", NEW, place, register.version, code, details)) is None:
        result.waiting.append(Waiting(place, kind, key, register.version, code, details))
        result.facts.waits(register.on, register.session, None, code, "unknown-pupil")
    told = problems.problem("unknown-pupil", f"/marks/{place}/{kind}")
    result.answers.append(MarkAnswer(f"/marks/{place}", None, "quarantined", code, told))


def twin(slot: Sequence[Entry], new: Entry) -> Entry | None:
    """The kept entry to which `new` adds nothing: the latest of its rank, with the same version, code and details."""
    if not slot:
        return None
    rank = max(entry.rank for entry in slot) if new.version is None else new.version
    latest = next((entry for entry in reversed(slot) if entry.rank == rank), None)
    if latest is None or (latest.version, latest.code, latest.details) != (new.version, new.code, new.details):
        return None
    return latest


def note(
    facts: Facts,
    changed: list[Changed],
    on: date,
    session: Session,
    slot: Sequence[Entry],
    verdicts: Sequence[Verdict],
) -> None:
    """Notes what new verdicts on the entries of a slot change: in the tables (entries that are kept already), and for
    readers of the ledger (the mark that stands; marks that begin or cease to wait).
    """
    before: list[Entry] = []
    after: Entry | None = None
    for entry, verdict in zip(slot, verdicts, strict=True):
        if entry.stands:
            before.append(entry)
        if verdict.stands:
            after = entry
        if verdict == (entry.rank, entry.stands, entry.problem):
            continue
        if entry.received != NEW:
            changed.append(Changed(on, session, entry, verdict))
        if entry.code is None or (entry.problem is None) == (verdict.problem is None):
            continue
        if verdict.problem is not None:
            facts.waits(on, session, entry.pupil_id, entry.code, verdict.problem)
        elif entry.problem is not None:
            facts.waits_no_more(on, session, entry.pupil_id, entry.code, entry.problem)
    facts.mark(on, session, standing.announcements(before, after))


def _status(before: Entry | None, new: Entry, verdict: Verdict) -> str:
    if not verdict.stands:
        return "quarantined" if verdict.problem else "stale"
    if before is None or before.code is None:
        return "accepted"
    return "unchanged" if (before.code, before.details) == (new.code, new.details) else "corrected"


def _explained(details: Details | None) -> bool:
    return details is not None and bool(details.reason) and bool(details.amended_by)


def _told(why: str | None, place: int) -> Problem | None:
    if why is None:
        return None
    is_of_code = why in ("no-mark", "unknown-code", "retired-code")
    return problems.problem(why, f"/marks/{place}/code" if is_of_code else f"/marks/{place}")
