"""What is sent for attendance records ends where Wonde is, in whatever order it is seen, sent or repeated."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from common.codes import code_table
from hypothesis import given, settings
from hypothesis import strategies as st
from wonde.domain.codes import CodeList, SchoolCode, read_code
from wonde.domain.reading import UnreadableError
from wonde.domain.registers import (
    MOST_MARKS,
    Deletion,
    Record,
    Register,
    Sent,
    Slot,
    doomed,
    news,
    read_deletion,
    read_record,
)

DAY = date(2025, 9, 15)
CODES = CodeList([SchoolCode("c1", "/", None), SchoolCode("c7", "7", "Home")], code_table(), {})


def record(record_id: str, changed: int, code: str = "/", student: str = "s") -> Record:
    return Record(record_id, Slot(student, DAY, "AM"), changed, {"local_id": student, "code": code})


def sent(one: Record, version: int = 0) -> Sent:
    return Sent(one.record_id, one.changed, version or one.changed, one.print)


@dataclass
class Rollcall:
    """Ranks what it is sent for a slot by version, equal ones by arrival (the public contract, in six lines)."""

    entries: dict[Slot, list[tuple[int, str | None]]] = field(default_factory=dict[Slot, list[tuple[int, str | None]]])

    def take(self, slot: Slot, version: int, code: str | None) -> None:
        self.entries.setdefault(slot, []).append((version, code))

    def standing(self) -> dict[Slot, str]:
        best = {
            slot: max(enumerate(found), key=lambda one: (one[1][0], one[0]))[1][1]
            for slot, found in self.entries.items()
        }
        return {slot: code for slot, code in best.items() if code is not None}


@dataclass
class Connector:
    """The connector's decisions on a memory of its own; what it sends may arrive twice, and again later."""

    rollcall: Rollcall
    memory: dict[Slot, Sent] = field(default_factory=dict[Slot, Sent])
    shadowed: set[Slot] = field(default_factory=set[Slot])
    late: list[tuple[Slot, int, str | None]] = field(default_factory=list[tuple[Slot, int, str | None]])

    def send(self, slot: Slot, version: int, code: str | None) -> None:
        self.rollcall.take(slot, version, code)
        self.late.append((slot, version, code))

    def see(self, records: list[Record], crash: bool = False) -> None:
        found = news(records, self.memory)
        for register in found.registers:
            for one in register.records:
                self.send(one.slot, register.version, one.mark["code"])
                self.memory[one.slot] = sent(one, register.version)._replace(print="" if crash else one.print)
        for one in found.same:
            self.memory[one.slot] = self.memory[one.slot]._replace(record_id=one.record_id, changed=one.changed)
        self.shadowed |= found.shadowed & self.memory.keys()

    def delete(self, deletions: list[Deletion]) -> bool:
        """Whether all must be read again."""
        gone = [(slot, was) for one in deletions for slot, was in self.memory.items() if doomed(one, was)]
        for slot, was in gone:
            self.send(slot, was.version + 1, None)
            self.memory[slot] = was._replace(version=was.version + 1, print=None)
        return any(slot in self.shadowed for slot, _ in gone)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "amend", "delete", "run", "run", "crash", "late"]),
        st.integers(0, 3),
        st.sampled_from("/OIN"),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_after_any_day_what_stands_is_what_wonde_has(steps: list[tuple[str, int, str]], chance: Any) -> None:
    live: dict[str, Record] = {}
    deletions: list[Deletion] = []
    connector = Connector(Rollcall())

    def run(crash: bool = False) -> None:
        seen = list(live.values())
        chance.shuffle(seen)
        connector.see(seen, crash)
        if connector.delete(deletions):
            connector.see(seen)

    for clock, (step, which, code) in enumerate(steps, start=1):
        now, names = clock * 1000, sorted(live)
        if step == "enter":
            live[f"r{clock}"] = record(f"r{clock}", now, code, f"s{which}")
        elif step == "amend" and names:
            name = names[which % len(names)]
            live[name] = record(name, now, code, live[name].slot.student)
        elif step == "delete" and names:
            deletions.append(Deletion("attendance", names[which % len(names)], now, DAY, restored=False))
            del live[deletions[-1].item_id]
        elif step in ("run", "crash"):
            run(step == "crash")
        elif step == "late" and connector.late:
            connector.rollcall.take(*chance.choice(connector.late[:-1] or connector.late))
    run()
    run()
    latest = {one.slot: one for one in sorted(live.values(), key=lambda one: (one.changed, one.record_id))}
    assert connector.rollcall.standing() == {slot: one.mark["code"] for slot, one in latest.items()}


def test_what_is_acknowledged_is_not_sent_again_and_what_is_older_never() -> None:
    now = record("r1", 50)
    known = {now.slot: sent(now)}
    assert news([now, record("r1", 40, "O"), record("r0", 40, "O")], known).registers == []
    assert news([record("r1", 40, "O")], known).shadowed == set()
    assert news([record("r0", 40, "O")], known).shadowed == {now.slot}


def test_a_record_that_takes_anothers_place_with_the_same_mark_is_only_noted() -> None:
    found = news([record("r2", 60)], {record("r1", 50).slot: sent(record("r1", 50))})
    assert (found.registers, [one.record_id for one in found.same]) == ([], ["r2"])


def test_a_version_is_the_latest_change_and_above_all_that_was_sent() -> None:
    (register,) = news([record("r1", 50, student="a"), record("r2", 70, student="b")], {}).registers
    assert register.version == 70
    assert register.body() == {
        "source_version": 70,
        "marks": [{"local_id": "a", "code": "/"}, {"local_id": "b", "code": "/"}],
    }
    known = {one.slot: sent(one, 70) for one in register.records}
    (later,) = news([record("r1", 60, "O", student="a")], known).registers
    assert later.version == 71
    unanswered = {slot: one._replace(print="") for slot, one in known.items()}
    (again,) = news([record("r1", 50, student="a")], unanswered).registers
    assert again.version == 70, "sent again for want of an answer: the same register"


def test_a_register_is_no_longer_than_rollcall_takes() -> None:
    many = [record(f"r{number}", 5, student=f"s{number}") for number in range(MOST_MARKS + 1)]
    assert [len(one.records) for one in news(many, {}).registers] == [MOST_MARKS, 1]


def test_registers_go_in_the_order_of_their_sessions() -> None:
    slots = [Slot("s", date(2025, 9, 16), "AM"), Slot("s", DAY, "PM"), Slot("s", DAY, "AM")]
    found = news([Record(f"r{at}", slot, 5, {"code": "/"}) for at, slot in enumerate(slots)], {}).registers
    assert [(one.on, one.session) for one in found] == sorted((slot.on, slot.session) for slot in slots)
    assert all(isinstance(one, Register) for one in found)


ROW: dict[str, Any] = {
    "id": "r1", "student": "s1", "date": {"date": "2025-09-15 00:00:00.000000", "timezone": "Europe/London"},
    "session": "am", "attendance_code": "c1", "updated_at": {"date": "2025-09-15 09:00:00.000000", "timezone": "UTC"},
}  # fmt: skip


def test_a_record_is_read_whatever_was_included() -> None:
    bare = read_record(ROW, CODES)
    inside = ROW | {"student": {"data": {"id": "s1"}}, "attendance_code": {"data": {"id": "c1", "code": "no matter"}}}
    assert read_record(inside, CODES) == bare
    assert bare.slot == Slot("s1", DAY, "AM")
    assert bare.mark == {"local_id": "s1", "code": "/"}
    assert bare.changed == 1757926800_000000


@pytest.mark.parametrize("name", ["id", "student", "date", "session", "attendance_code", "updated_at"])
@pytest.mark.parametrize("value", [None, 17.5, [], {"data": []}, "", {}])
def test_a_record_that_lacks_what_is_needed_says_what(name: str, value: object) -> None:
    if name == "attendance_code":
        assert read_record(ROW | {name: value}, CODES).mark["code"] == "", "no code: no mark was taken"
        row = {key: said for key, said in ROW.items() if key != name}
    else:
        row = ROW | {name: value}
    with pytest.raises(UnreadableError, match=f"^{name}$"):
        read_record(row, CODES)


def test_what_a_record_says_beside_its_code_goes_along_if_it_is_sound() -> None:
    row = ROW | {"minutes_late": "12", "comment": " bus "}
    assert read_record(row, CODES).mark == {"local_id": "s1", "code": "/", "minutes_late": 12, "comment": "bus"}
    row = ROW | {"minutes_late": -3, "comment": ["bus"]}
    assert read_record(row, CODES).mark == {"local_id": "s1", "code": "/"}


@pytest.mark.parametrize(
    ("code", "letter"),
    [("c1", "/"), ("c7", "7"), ("c99", "c99"), ({"data": {"id": "c99", "code": "i"}}, "I"), ({"code": "Y1"}, "Y1")],
)
def test_a_code_goes_as_the_table_writes_it_or_as_it_is(code: object, letter: str) -> None:
    assert read_record(ROW | {"attendance_code": code}, CODES).mark["code"] == letter


def test_without_a_list_of_codes_a_bare_id_says_nothing() -> None:
    with pytest.raises(UnreadableError, match="attendance_code"):
        read_record(ROW, CodeList([], code_table(), {}))


def test_a_translation_changes_the_list_and_what_is_sent() -> None:
    own = CodeList([SchoolCode("c7", "7", "Home")], code_table(), {"7": "B"})
    assert read_record(ROW | {"attendance_code": "c7"}, own).mark["code"] == "B"
    assert own.print() != CodeList([SchoolCode("c7", "7", "Home")], code_table(), {}).print()


@pytest.mark.parametrize(
    ("letter", "problem"),
    [("/", None), ("7", "unknown-code"), ("J", "retired-code"), ("-", "no-mark"), ("", "no-mark")],
)
def test_why_a_code_will_wait(letter: str, problem: str | None) -> None:
    assert CODES.problem(letter, DAY) == problem


def test_a_code_without_a_letter_is_no_code() -> None:
    assert read_code({"id": 7, "code": " / ", "description": "Present"}) == SchoolCode("7", "/", "Present")
    with pytest.raises(UnreadableError, match="code"):
        read_code({"id": "7", "code": None})


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("attendance", "attendance"),
        ("session_attendance", "attendance"),
        ("Attendance-Session", "attendance"),
        ("students", "student"),
        ("attendance_codes", "attendancecode"),
        ("lesson_attendance", "lessonattendance"),
    ],
)
def test_a_deletion_says_of_what(kind: str, known: str) -> None:
    when = {"date": "2025-09-15 00:30:00.000000", "timezone": "Europe/London"}
    found = read_deletion({"id": "x", "type": kind, "deleted_at": when, "restored_at": None})
    assert (found.kind, found.last_day, found.restored) == (known, date(2025, 9, 14), False)
    assert read_deletion({"id": "x", "type": kind, "deleted_at": when, "restored_at": when}).restored
    with pytest.raises(UnreadableError, match="deleted_at"):
        read_deletion({"id": "x", "type": kind, "deleted_at": "once"})
