"""Which registers are to be sent for attendance records, and under which `source_version`.

A record has an id of its own; what Rollcall knows is the slot: a pupil in a session. When a school's system deletes a
record and makes another for the same slot, the deletion must not take the new one with it; so the slot remembers whose
mark it has. A version is the time of the latest change in what is sent, in microseconds, and always above what was
last sent for its slots: the later sight of a slot outranks the earlier, whatever the order of arrival.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from wonde.domain.codes import CodeList
from wonde.domain.reading import Row, UnreadableError, as_row, day, micros, moment, needed, number, reference, text

MOST_MARKS = 2000
"""Of one register, as Rollcall takes it."""
SESSIONS = ("AM", "PM")
_LONGEST_COMMENT = 2000
_DAY_MINUTES = 1440
_KINDS = {"sessionattendance": "attendance", "attendancesession": "attendance"}


class Slot(NamedTuple):
    """A pupil, by Wonde's id, in a session."""

    student: str
    on: date
    session: str


class Record(NamedTuple):
    """An attendance record. `changed`: when it last was, in microseconds; `mark` as it is to be sent."""

    record_id: str
    slot: Slot
    changed: int
    mark: Mapping[str, Any]

    @property
    def print(self) -> str:
        """Changes when what is sent does."""
        return hashlib.blake2b(json.dumps(self.mark, sort_keys=True).encode(), digest_size=8).hexdigest()


class Sent(NamedTuple):
    """What was sent for a slot: of which record, and under which version. `print` is empty until Rollcall acknowledges
    it, None after a deletion.
    """

    record_id: str
    changed: int
    version: int
    print: str | None


class Register(NamedTuple):
    """One register to be sent."""

    on: date
    session: str
    version: int
    records: list[Record]

    def body(self) -> dict[str, Any]:
        """What is `PUT`."""
        return {"source_version": self.version, "marks": [record.mark for record in self.records]}


class News(NamedTuple):
    """What records come to: registers to send; records that say what is known already, to be noted under their ids;
    slots of which there is, or was, a second record, which holds if the first is deleted.
    """

    registers: list[Register]
    same: list[Record]
    shadowed: set[Slot]


class Deletion(NamedTuple):
    """Something that Wonde no longer has, or has again. `kind`: attendance, student, contact, or something that does
    not matter here; `last_day`: the day before it was deleted.
    """

    kind: str
    item_id: str
    deleted_at: int
    last_day: date
    restored: bool


def read_record(row: Row, codes: CodeList) -> Record:
    """An attendance record; UnreadableError when it does not say whose mark, when, or since when."""
    record_id = needed(row, "id")
    student, on, changed = reference(row, "student"), day(row, "date"), moment(row, "updated_at")
    session = (text(row, "session") or "").upper()
    for name, fault in (
        ("student", student is None),
        ("date", on is None),
        ("session", session not in SESSIONS),
        ("attendance_code", "attendance_code" not in row),
        ("updated_at", changed is None),
    ):
        if fault:
            raise UnreadableError(name)
    assert student is not None
    assert on is not None
    assert changed is not None
    mark: dict[str, Any] = {"local_id": student, "code": codes.letter(row)[:255]}
    if minutes := number(row, "minutes_late", _DAY_MINUTES):
        mark["minutes_late"] = minutes
    if comment := text(row, "comment"):
        mark["comment"] = comment[:_LONGEST_COMMENT]
    return Record(record_id, Slot(student, on, session), micros(changed), mark)


def read_deletion(row: Row) -> Deletion:
    """A deletion; UnreadableError when it does not say what was deleted, or when."""
    item_id, kind, when = needed(row, "id"), needed(row, "type"), moment(row, "deleted_at")
    on = day(row, "deleted_at")
    if when is None or on is None:
        raise UnreadableError("deleted_at")
    restored = as_row(row.get("restored_at")) is not None or text(row, "restored_at") is not None
    kind = "".join(letter for letter in kind.lower() if letter.isalpha()).rstrip("s")
    return Deletion(_KINDS.get(kind, kind), item_id, micros(when), on - timedelta(days=1), restored)


def latest(records: Iterable[Record]) -> tuple[dict[Slot, Record], set[Slot]]:
    """One record a slot, the one that was changed last (of equals the one with the higher id); and the slots for which
    another was passed over.
    """
    found: dict[Slot, Record] = {}
    shadowed: set[Slot] = set()
    for record in records:
        before = found.setdefault(record.slot, record)
        if before.record_id != record.record_id:
            shadowed.add(record.slot)
        if _rank(before) < _rank(record):
            found[record.slot] = record
    return found, shadowed


def news(records: Iterable[Record], known: Mapping[Slot, Sent]) -> News:
    """What is to be sent of some records, given what was."""
    by_session: dict[tuple[date, str], list[Record]] = {}
    same: list[Record] = []
    found, shadowed = latest(records)
    for slot, record in found.items():
        sent = known.get(slot)
        if sent is not None and sent.print is not None:
            if _rank(record) < (sent.changed, sent.record_id):  # seen late: what is known is newer
                if record.record_id != sent.record_id:
                    shadowed.add(slot)
                continue
            if sent.print == record.print:
                if (record.record_id, record.changed) != (sent.record_id, sent.changed):
                    same.append(record)
                continue
            if record.record_id != sent.record_id:
                shadowed.add(slot)
        by_session.setdefault((slot.on, slot.session), []).append(record)
    registers: list[Register] = []
    for (on, session), marks in sorted(by_session.items()):
        for first in range(0, len(marks), MOST_MARKS):
            part = marks[first : first + MOST_MARKS]
            registers.append(Register(on, session, _version(part, known), part))
    return News(registers, same, shadowed)


def doomed(deletion: Deletion, sent: Sent) -> bool:
    """Whether a deletion of a record takes back what its slot has: not when the slot has another record's mark by now,
    nor when the record has been changed, or has come again, since.
    """
    if deletion.restored or sent.print is None or sent.record_id != deletion.item_id:
        return False
    return deletion.deleted_at >= sent.changed


def _rank(record: Record) -> tuple[int, str]:
    return record.changed, record.record_id


def _version(marks: Collection[Record], known: Mapping[Slot, Sent]) -> int:
    return max(max(record.changed, _above(record, known.get(record.slot))) for record in marks)


def _above(record: Record, sent: Sent | None) -> int:
    """The least version for a record: that of before where it is only sent again for want of an answer."""
    if sent is None:
        return 0
    again = sent.print == "" and (record.record_id, record.changed) == (sent.record_id, sent.changed)
    return sent.version if again else sent.version + 1
