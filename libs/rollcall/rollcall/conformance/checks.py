"""What each capability of a school's system wants to see: pure functions of what went through."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rollcall.conformance.stream import Exchange, Mark, Stream

Verdict = Literal["right", "wrong", "not-seen"]

_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]", re.I)
_MENDED_BY_ROLL = "unknown-pupil"
_MENDED_BY_CODE = frozenset({"unknown-code", "retired-code", "no-mark"})
_STANDS = frozenset({"accepted", "corrected", "unchanged"})
_SCHOOL = r"/v1/schools/[0-9]+"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a capability, in a sentence, and the requests that are to blame."""

    verdict: Verdict
    says: str
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that a school's system handles. `wanted` is the sentence for its maker."""

    name: str
    wanted: str
    check: Callable[[Stream], Finding]
    mandatory: bool = False


def judged(wrong: Sequence[tuple[object, str]], right: int, says: str) -> Finding:
    """Wrong for the first reason where there is one, right where something was seen at all."""
    if wrong:
        of_it = [str(one) for one, why in wrong if why == wrong[0][1]]
        return Finding("wrong", f"{wrong[0][1]} ({len(of_it)} times)" if len(of_it) > 1 else wrong[0][1], tuple(of_it))
    return Finding("right", says.format(right)) if right else Finding("not-seen", "")


def registers(stream: Stream) -> Finding:
    """Registers are put, and taken."""
    refused = [
        (register.exchange, f"a register was answered {register.exchange.status}")
        for register in stream.registers
        if register.exchange.status in (400, 403, 404, 405, 415) and register.exchange.fault is None
    ]
    return judged(refused, len([one for one in stream.registers if one.exchange.taken]), "{} registers were taken")


def parts(stream: Stream) -> Finding:
    """A session's register comes in parts: later ones name pupils whom the first did not."""
    seen: dict[Any, set[str]] = {}
    found = 0
    for mark in stream.marks:
        slot, pupil = mark.place
        before = seen.setdefault(slot, set())
        found += bool(before) and pupil not in before
        before.add(pupil)
    return judged([], found, "{} marks came in a later part of their register")


def corrections(stream: Stream) -> Finding:
    """A mark that replaces another one says why, and who says so."""
    made = [mark for mark in stream.marks if mark.status == "corrected"]
    wrong = [
        (mark.register.exchange, f"a correction has no `{name}`")
        for mark in made
        for name in ("reason", "amended_by")
        if not mark.sent.get(name)
    ]
    return judged(wrong, len(made), "{} corrections say who made them and why")


def versions(stream: Stream) -> Finding:
    """Every register has a `source_version`, and a later change a higher one."""
    taken = [register for register in stream.registers if register.exchange.taken]
    with_one = [register for register in taken if register.version is not None]
    wrong: list[tuple[object, str]] = []
    if with_one:
        wrong += [(one.exchange, "a register has no `source_version`") for one in taken if one.version is None]
    last: dict[Any, Mark] = {}
    for mark in stream.marks:
        before = last.get(mark.place)
        if before is not None and before.sent.get("code") != mark.sent.get("code") and _falls(before, mark):
            wrong.append((mark.register.exchange, "a later change has no higher `source_version`"))
        last[mark.place] = mark
    return judged(wrong, len(with_one), "{} registers carry versions that rise")


def _falls(before: Mark, after: Mark) -> bool:
    first, second = before.register.version, after.register.version
    return first is not None and second is not None and second <= first


def late(stream: Stream) -> Finding:
    """A register is sent for a day before one that was sent already."""
    newest: dict[int, str] = {}
    found = 0
    for register in stream.registers:
        urn, day, _ = register.slot
        found += register.exchange.taken and day < newest.get(urn, "")
        newest[urn] = max(newest.get(urn, ""), day)
    return judged([], found, "{} registers of earlier days were taken")


def unknown_pupils(stream: Stream) -> Finding:
    """A pupil whom the roll does not have gets its roll row."""
    waiting = [mark for mark in stream.marks if mark.problem == _MENDED_BY_ROLL]
    rows = list(stream.rolls())
    wrong = [
        (mark.register.exchange, "a pupil was unknown, and no roll with it followed")
        for mark in waiting
        if not any(n > mark.register.number and row.get(mark.key[0]) == mark.key[1] for n, row in rows)
    ]
    return judged(wrong, len(waiting), "{} marks waited for a roll row that came")


def mended_codes(stream: Stream) -> Finding:
    """A mark whose code can't stand is sent again with one that can, or taken back."""
    waiting = [mark for mark in stream.marks if mark.problem in _MENDED_BY_CODE]
    deleted = list(stream.asked("DELETE", rf"{_SCHOOL}/registers/.*"))
    wrong = [
        (mark.register.exchange, f"a mark waited as `{mark.problem}`, and nothing mended it")
        for mark in waiting
        if not _followed(mark, stream.marks, deleted)
    ]
    return judged(wrong, len(waiting), "{} marks with codes that can't stand were mended")


def _followed(mark: Mark, marks: Iterable[Mark], deleted: Iterable[tuple[int, Exchange]]) -> bool:
    again = (
        other.place == mark.place and other.status in _STANDS and other.register.number > mark.register.number
        for other in marks
    )
    back = (n > mark.register.number and one.path.endswith(f"/{mark.pupil_id}") for n, one in deleted)
    return any(again) or any(back)


def quarantine(stream: Stream) -> Finding:
    """Where a mark waits, the list of what waits is read."""
    waiting = [mark for mark in stream.marks if mark.status == "quarantined"]
    asked = [number for number, one in stream.asked("GET", rf"{_SCHOOL}/quarantine") if one.taken]
    if waiting and not any(number > waiting[0].register.number for number in asked):
        return judged([(waiting[0].register.exchange, "marks waited, and the quarantine was never read")], 0, "")
    return judged([], len(asked), "the quarantine was read {} times")


def deletions(stream: Stream) -> Finding:
    """A mark sent in error is taken back, and not blanked."""
    stood: set[Any] = set()
    wrong: list[tuple[object, str]] = []
    for mark in stream.marks:
        if mark.problem == "no-mark" and mark.place in stood:
            wrong.append((mark.register.exchange, "a mark that stood was blanked, which takes nothing back"))
        if mark.status in _STANDS:
            stood.add(mark.place)
    back = [one for _, one in stream.asked("DELETE", rf"{_SCHOOL}/registers/.*") if one.taken]
    return judged(wrong, len(back), "{} marks were taken back")


def leavers(stream: Stream) -> Finding:
    """A leaver's stay ends on the roll, and no marks follow."""
    ends: dict[str, tuple[int, str]] = {}
    for number, row in stream.rolls():
        until = (row.get("enrolment") or {}).get("to")
        ends.pop(str(row.get("local_id")), None)
        if until:
            ends[str(row.get("local_id"))] = (number, until)
    wrong = [
        (mark.register.exchange, "a leaver has marks after its last day")
        for mark in stream.marks
        if mark.problem == "not-enrolled"
        and (left := ends.get(mark.key[1])) is not None
        and mark.register.number > left[0]
        and mark.register.slot[1] > left[1]
    ]
    return judged(wrong, len(ends), "{} stays were ended")


def end_of_sync(stream: Stream) -> Finding:
    """What stands is compared with what the system has; where it differs, something follows."""
    asked = [one for _, one in stream.asked("GET", rf"{_SCHOOL}/sync") if one.taken]
    compared = [(n, one) for n, one in stream.asked("POST", rf"{_SCHOOL}/sync/compare") if one.taken]
    wrong: list[tuple[object, str]] = []
    if compared and _differs(compared[-1][1].answer):
        wrong.append((compared[-1][1], "the last comparison found a difference, and nothing followed"))
    return judged(wrong, len(asked) + len(compared), "what stands was asked for {} times")


def _differs(answer: Any) -> bool:
    counts = answer.get("counts", {}) if isinstance(answer, dict) else {}
    return bool(counts.get("other")) or bool(answer.get("differences"))


def changes(stream: Stream) -> Finding:
    """The ledger is followed page by page, to its end."""
    asked = [(n, one) for n, one in stream.asked("GET", rf"{_SCHOOL}/changes") if one.taken]
    followed = {f"{one.path}?{one.query}": n for n, one in asked}
    wrong = [
        (one, "a page of `changes` has a `next` that was not followed")
        for n, one in asked
        if isinstance(one.answer, dict) and one.answer.get("next") and followed.get(one.answer["next"], -1) <= n
    ]
    return judged(wrong, len(asked), "{} pages of `changes` were read")


def calendars(stream: Stream) -> Finding:
    """A calendar is sent again when it has changed."""
    first: dict[str, str] = {}
    changed = 0
    for _, one in stream.asked("PUT", rf"{_SCHOOL}/calendars/[0-9-]+"):
        changed += one.taken and first.setdefault(one.path, one.digest) != one.digest
    return judged([], changed, "{} changed calendars were taken")


def private(stream: Stream) -> Finding:
    """No UPN is in a URL, where logs would keep it."""
    wrong = [
        (f"{one.method} (request {one.request_id})", "a URL holds a UPN")
        for one in stream.exchanges
        if _UPN.search(f"{one.path}?{one.query}")
    ]
    return judged(wrong, len(stream.exchanges), "none of {} URLs holds a UPN")
