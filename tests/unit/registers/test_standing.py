"""Which mark stands: whatever the order of arrival, as long as versions say what is newer."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from common.academic import Session
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st
from registers.domain import deletion, problems, register, standing
from registers.domain.ledger import Facts
from registers.domain.register import Known, Register, SentMark
from registers.domain.settling import Placed, settle
from registers.domain.standing import Details, Entry

DAY = date(2025, 9, 15)
CODES = code_table()
CHILD = "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01"
OTHER = "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f02"

codes = st.sampled_from(["/", "O", "M", "I", "8", "-", "", "H", None])
slot_problems = st.sampled_from([None, "future-date", "closed-session", "not-enrolled"])


class Slot:
    """One slot, kept as the service keeps it, and the marks that its ledger has told of."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.told: dict[str, str] = {}
        self.received = 0

    def send(self, code: str | None, version: int | None, why: str | None = None, child: str = CHILD) -> str:
        """Sends a mark, or a deletion for None; what it is answered."""
        if code is None:
            try:
                facts = Facts()
                known = self.entries
                deleted = deletion.delete(child, version, known, DAY, Session.AM, why, CODES, facts)
            except deletion.NotFoundError:
                return "not found"
            self._keep([deleted.kept], deleted.changed, facts)
            return deleted.status
        sent = Register(1, DAY, Session.AM, version, None, None, None, "", [SentMark(code, pupil_id=child)])  # type: ignore[arg-type]
        what = Known(True, 0, {(0, "pupil_id"): child}, {child}, {child: self.entries} if self.entries else {})
        if why == "closed-session":
            what.is_open = False
        elif why == "not-enrolled":
            what.enrolled.clear()
        today = date(2025, 9, 14) if why == "future-date" else DAY
        result = register.record(sent, what, today, CODES)
        self._keep(result.kept, result.changed, result.facts)
        return result.answers[0].status

    def settle(self, why: str | None) -> None:
        """The roll, the calendar or the date moved."""
        facts = Facts()
        today = date(2025, 9, 14) if why == "future-date" else DAY
        placed = [
            Placed(DAY, Session.AM, CHILD, why != "closed-session", why != "not-enrolled", entry)
            for entry in self.entries
        ]
        self._change(settle(placed, today, CODES, facts))
        self._hear(facts)

    def _keep(self, kept: Sequence[Any], changed: Sequence[Any], facts: Facts) -> None:
        self._change(changed)
        self.received += 1
        for one in kept:
            entry = Entry(one.pupil_id, self.received, one.place, one.version, one.code, one.details, *one.verdict)
            self.entries.append(entry)
        self._hear(facts)

    def _change(self, changed: Sequence[Any]) -> None:
        verdicts = {(one.entry.received, one.entry.place): one.verdict for one in changed}
        self.entries = [
            entry._replace(rank=verdict.rank, stands=verdict.stands, problem=verdict.problem)
            if (verdict := verdicts.get((entry.received, entry.place)))
            else entry
            for entry in self.entries
        ]

    def _hear(self, facts: Facts) -> None:
        for marks in facts.marks.values():
            for mark in marks:
                if mark.code is None:
                    del self.told[mark.pupil_id]
                else:
                    assert self.told.get(mark.pupil_id) != mark.code
                    self.told[mark.pupil_id] = mark.code

    @property
    def stands(self) -> str | None:
        entry = standing.standing(self.entries)
        return entry.code if entry else None

    def waiting(self) -> list[tuple[str | None, str | None]]:
        return sorted((entry.code, entry.problem) for entry in self.entries if entry.problem is not None)  # type: ignore[type-var]


def expected(sent: Sequence[tuple[str | None, int | None]], why: str | None) -> str | None:
    """The rule in its plainest form: what stands of everything that was sent, in the order of commit."""
    ranked: list[tuple[int, int, str | None]] = []
    for at, (code, version) in enumerate(sent):
        highest = max((rank for rank, _, _ in ranked), default=0)
        ranked.append((highest if version is None else version, at, code))
    for _, _, code in sorted(ranked, reverse=True, key=lambda one: one[:2]):
        if code is None:
            return None
        if problems.of_code(code, DAY, CODES) is None and why is None:
            return code
    return None


@given(st.lists(st.tuples(codes, st.none() | st.integers(0, 4)), max_size=8), slot_problems)
def test_what_stands_is_the_highest_ranked_that_is_allowed(sent: list[tuple[Any, Any]], why: str | None) -> None:
    slot = Slot()
    taken = [one for one in sent if slot.send(*one, why) != "not found"]
    assert slot.stands == expected(taken, why)
    assert slot.told == ({CHILD: slot.stands} if slot.stands is not None else {})


@given(st.data(), st.lists(codes, min_size=1, max_size=6))
def test_versioned_entries_in_any_order_come_to_the_same(data: st.DataObject, sent: list[str | None]) -> None:
    entries = list(enumerate(sent))
    slots = [Slot(), Slot()]
    for slot, order in zip(slots, (entries, data.draw(st.permutations(entries))), strict=True):
        for version, code in order:
            slot.send(code, version)
    assert slots[0].stands == slots[1].stands
    assert slots[0].told == slots[1].told
    assert slots[0].waiting() == slots[1].waiting()


@given(st.lists(st.tuples(codes, st.none() | st.integers(0, 4)), max_size=6), st.lists(slot_problems, max_size=4))
def test_a_slot_that_closes_and_opens_again_is_as_before(sent: list[tuple[Any, Any]], whys: list[str | None]) -> None:
    slot, straight = Slot(), Slot()
    for one in sent:
        straight.send(*one)
    taken = [one for one in sent if slot.send(*one) != "not found"]
    for why in whys:
        slot.settle(why)
        assert slot.stands == expected(taken, why)
    slot.settle(None)
    assert (slot.entries, slot.told) == (straight.entries, straight.told)


@given(st.lists(st.tuples(codes, st.none() | st.integers(0, 4)), min_size=1, max_size=6))
def test_a_resend_adds_nothing(sent: list[tuple[Any, Any]]) -> None:
    slot = Slot()
    for code, version in sent:
        if code is not None:
            first = slot.send(code, version)
            kept = list(slot.entries)
            again = slot.send(code, version)
            assert slot.entries == kept
            assert again == {"accepted": "unchanged", "corrected": "unchanged"}.get(first, first)


@given(st.lists(st.tuples(codes, st.none() | st.integers(0, 4), st.sampled_from([CHILD, OTHER])), max_size=8))
def test_two_ids_of_one_child_share_a_slot(sent: list[tuple[Any, Any, str]]) -> None:
    slot = Slot()
    taken = [(code, version) for code, version, child in sent if slot.send(code, version, None, child) != "not found"]
    assert slot.stands == expected(taken, None)
    assert list(slot.told.values()) == ([slot.stands] if slot.stands is not None else [])


def test_at_most_one_entry_stands_and_only_higher_ones_wait() -> None:
    entries = [Entry(CHILD, 1, 0, 3, "O", None), Entry(CHILD, 2, 0, 7, "8", None), Entry(CHILD, 3, 0, 1, "", None)]
    verdicts = standing.judge(entries, DAY, None, CODES)
    assert [(v.stands, v.problem) for v in verdicts] == [(True, None), (False, "unknown-code"), (False, None)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], (CHILD, "/"), [(CHILD, "/")]),
        ([(CHILD, "/")], (CHILD, "/"), []),
        ([(CHILD, "/")], (CHILD, "O"), [(CHILD, "O")]),
        ([(CHILD, "/")], (CHILD, None), [(CHILD, None)]),
        ([(CHILD, None)], (CHILD, None), []),
        ([(CHILD, "/")], None, [(CHILD, None)]),
        ([(CHILD, "/")], (OTHER, "/"), [(CHILD, None), (OTHER, "/")]),
        ([(CHILD, "/"), (OTHER, "O")], (OTHER, "O"), [(CHILD, None)]),
        ([(CHILD, "/"), (OTHER, "O")], None, [(CHILD, None), (OTHER, None)]),
    ],
)
def test_what_readers_hear(before: list[Any], after: Any, said: list[Any]) -> None:
    def entry(told: tuple[str, str | None]) -> Entry:
        return Entry(told[0], 1, 0, None, told[1], None)

    assert standing.announcements([entry(one) for one in before], entry(after) if after else None) == said


def test_a_code_goes_by_the_date_of_the_session() -> None:
    assert problems.of_code("H", date(2024, 8, 18), CODES) is None
    assert problems.of_code("H", date(2024, 8, 19), CODES) == "retired-code"
    assert problems.of_code("C2", date(2024, 8, 18), CODES) == "retired-code"
    assert problems.of_code("-", DAY, CODES) == problems.of_code("", DAY, CODES) == "no-mark"
    assert problems.of_code("8", DAY, CODES) == "unknown-code"


def test_details_make_a_mark_another_one() -> None:
    slot = Slot()
    slot.send("L", None)
    new = Entry(CHILD, register.NEW, 0, None, "L", Details(minutes_late=5))
    assert register.twin(slot.entries, new) is None
    assert register.twin(slot.entries, new._replace(details=None)) == slot.entries[0]
