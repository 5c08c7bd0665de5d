"""Whether what a school's system sent is what stands: the day's digest, and where two lists of a session differ."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from common.academic import Session
from common.errors import Fault, InvalidError

from registers.domain.register import KeyKind, SentMark

Kind = Literal["missing-here", "missing-there", "other-code", "waiting"]
KINDS: tuple[Kind, ...] = ("missing-here", "missing-there", "other-code", "waiting")
NO_MARK = ("", "-")
"""Codes that say that no mark was taken (rule book 1b)."""


class Tally(NamedTuple):
    """How often a code stands in one session, or on one day (session None)."""

    on: date
    session: Session | None
    code: str


class Reconciled(NamedTuple):
    """A code that is not as often in both counts; `waiting` are our marks with it that wait, by problem."""

    tally: Tally
    there: int
    here: int
    waiting: Mapping[str, int]


class Theirs(NamedTuple):
    """One mark as a school's system has it: where in the request, in which session, and whose (None: nobody here)."""

    place: int
    session: Session
    mark: SentMark


@dataclass
class Ours:
    """What stands (None: nothing) and what waits (code and problem, oldest first) for one pupil in one session.

    `key` is set for a pupil whom the school does not know; `pupil_id` and `local_id` are None then.
    """

    session: Session
    pupil_id: str | None
    local_id: str | None = None
    key: tuple[KeyKind, str] | None = None
    code: str | None = None
    waiting: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class Difference(NamedTuple):
    """Where the two lists differ; `place` is None for a pupil whom theirs does not list."""

    kind: Kind
    place: int | None
    there: str | None
    ours: Ours


def day_digest(sessions: Iterable[str]) -> str:
    """The digest of a day: SHA-256 of its sessions' digests, morning first, with a line feed between them."""
    return hashlib.sha256("\n".join(sessions).encode()).hexdigest()


def owners(marks: Sequence[Theirs], found: Mapping[tuple[int, KeyKind], str]) -> list[str | None]:
    """Whose mark each one is, None where the school knows none of its keys; `found` is by (index in `marks`, kind).

    InvalidError when keys of one mark mean different children, or two marks of a session the same child.
    """
    result: list[str | None] = []
    seen: dict[tuple[Session, str | tuple[KeyKind, str]], int] = {}
    faults: list[Fault] = []
    for at, (place, session, mark) in enumerate(marks):
        children = {found[at, kind] for kind, _ in mark.names() if (at, kind) in found}
        if len(children) > 1:
            faults.append(Fault(f"/marks/{place}", "keys-disagree", "The keys of this mark name different pupils."))
        owner = next(iter(children), None)
        first = seen.setdefault((session, owner or mark.names()[0]), place)
        if first != place:
            for one, other in ((first, place), (place, first)):
                faults.append(Fault(f"/marks/{one}", "duplicate-pupil", f"The same pupil as /marks/{other}."))
        result.append(owner)
    if faults:
        raise InvalidError("The list names its pupils ambiguously.", faults=faults)
    return result


def compare(theirs: Sequence[tuple[Theirs, str | None]], ours: Sequence[Ours]) -> tuple[int, list[Difference]]:
    """How many pupils' marks are the same in both lists, and where they differ: theirs in order, then only ours.

    `theirs` is each mark with its owner. A mark without a code, or that says that none was taken, is no mark.
    """
    known: dict[tuple[Session, object], Ours] = {(one.session, one.pupil_id or one.key): one for one in ours}
    same = 0
    differences: list[Difference] = []
    for (place, session, mark), owner in theirs:
        names = mark.names()
        mine = next((known.pop((session, name)) for name in (owner, *names) if (session, name) in known), None)
        if mine is None:
            mine = Ours(session, owner, mark.local_id, None if owner else names[0])
        code = (mark.code or "").strip()
        there = None if code in NO_MARK else code
        kind = _kind(there, mine)
        if kind is None:
            same += 1
        else:
            differences.append(Difference(kind, place, there, mine))
    for mine in known.values():
        if (kind := _kind(None, mine)) is not None:
            differences.append(Difference(kind, None, None, mine))
    return same, differences


def reconcile(
    theirs: Mapping[Tally, int], ours: Iterable[tuple[date, Session, str, str | None, int]]
) -> tuple[int, list[Reconciled]]:
    """How many codes are as often in both counts, and the others in order. `ours` are rows of date, session, code,
    problem (None: it stands) and number; what theirs does not count at all, by session or by day, is not compared.
    """
    asked = {(tally.on, tally.session) for tally in theirs}
    here: Counter[Tally] = Counter()
    waiting: dict[Tally, Counter[str]] = {}
    for on, session, code, problem, marks in ours:
        for half in (session, None):
            tally = Tally(on, half, code)
            if (on, half) not in asked:
                continue
            if problem is None:
                here[tally] += marks
            else:
                waiting.setdefault(tally, Counter())[problem] += marks
    same = 0
    others: list[Reconciled] = []
    order = sorted({*theirs, *here}, key=lambda one: (one.on, -1 if one.session is None else one.session, one.code))
    for tally in order:
        there = theirs.get(tally, 0)
        if there == here[tally]:
            same += 1
        else:
            others.append(Reconciled(tally, there, here[tally], waiting.get(tally, Counter())))
    return same, others


def _kind(there: str | None, ours: Ours) -> Kind | None:
    """How they differ, if they do. A blank that waits is no difference to a list without a mark."""
    waiting = [code for code, problem in ours.waiting if problem != "no-mark"]
    if there is None:
        return "missing-there" if ours.code is not None or waiting else None
    if there == ours.code:
        return None
    if there in waiting:
        return "waiting"
    return "missing-here" if ours.code is None else "other-code"
