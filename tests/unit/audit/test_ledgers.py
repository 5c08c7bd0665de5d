"""Reading a ledger: what it says, and what no ledger may have."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from audit.child import Enrolment
from audit.codes import code_table
from audit.fold import Facts, Ledger, Row, grid, place, sheets
from common.events import encode, make
from common.events import registers as events

from tests.unit.audit.children import PUPIL, SCHOOL

NOW = datetime(2026, 1, 14, 9, tzinfo=UTC)
DAY = date(2026, 1, 14)


def entry_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def ledger(*writes: list[tuple[type[events.Entry], dict[str, Any]]]) -> list[Row]:
    """Rows of a ledger made of these writes."""
    rows: list[Row] = []
    for write in writes:
        last = len(rows) + len(write)
        for kind, said in write:
            number = len(rows) + 1
            data = kind(previous=entry_id(number - 1) if rows else None, write_last=last, **said)
            event = make(data, id=entry_id(number), subject=str(SCHOOL), now=NOW, sequence=number, schoolurn=SCHOOL)
            rows.append(Row(number, entry_id(number), kind.type, last, encode(event)))
    return rows


def marked(**codes: str | None) -> tuple[type[events.Entry], dict[str, Any]]:
    marks = [events.Mark(PUPIL if who == "one" else who, code) for who, code in codes.items()]
    return events.SessionMarked, {"date": "2026-01-14", "session": "AM", "marks": marks}


def read(rows: list[Row]) -> Ledger:
    found = Ledger(SCHOOL)
    for row in rows:
        found.read(row)
    found.end(len(rows), rows[-1].entry_id)
    return found


WHOLE = [[marked(one="/")], [marked(one="O"), marked(two="I")], [marked(two=None)]]


def test_a_whole_ledger_has_no_problem_and_says_what_stands() -> None:
    found = read(ledger(*WHOLE))
    assert found.problems == []
    assert found.folded.marks == {PUPIL: {(DAY, "AM"): "O"}, "two": {}}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (lambda rows: rows[1:], "number is 2, not 1"),
        (lambda rows: [rows[0], rows[2], rows[3]], "number is 3, not 2"),
        (lambda rows: [*rows, rows[-1]], "number is 4, not 5"),
        (lambda rows: [*rows[:1], replace(rows[1], entry_id=entry_id(9)), *rows[2:]], "previous is"),
        (lambda rows: [*rows[:1], replace(rows[1], write_last=2), *rows[2:]], "write_last is 3, not 2"),
        (lambda rows: rows[:2], "its last write is cut off"),
        (lambda rows: [replace(rows[0], type="other"), *rows[1:]], "type is"),
    ],
    ids=["beginning-lost", "gap", "twice", "chain", "write", "cut-off", "type"],
)  # fmt: skip
def test_what_no_ledger_may_have_is_told(changed: Any, problem: str) -> None:
    assert any(problem in text for text in read(changed(ledger(*WHOLE))).problems)


def test_an_end_that_the_school_does_not_know_is_told() -> None:
    found = Ledger(SCHOOL)
    for row in ledger(*WHOLE):
        found.read(row)
    found.end(5, entry_id(5))
    assert "the school says 5" in found.problems[0]


def test_every_kind_of_fact_is_folded() -> None:
    stay = events.Enrolment("2025-09-01", None, "single")
    facts = events.PupilFacts(
        pupil_id=PUPIL, pupil_version=2, date_of_birth="2014-03-09", year_group=6, flags=["SEN_SUPPORT", "FSM"]
    )
    older = events.PupilFacts(pupil_id=PUPIL, pupil_version=1, date_of_birth=None, year_group=5, flags=[])
    waiting = [
        events.WaitingMark(date="2026-01-14", session="PM", pupil_id=None, code="/", problem="unknown-pupil"),
        events.WaitingMark(date="2026-01-14", session="PM", pupil_id=PUPIL, code="X", problem="not-enrolled"),
    ]
    arrived = events.WaitingMark(date="2026-01-14", session="PM", pupil_id=PUPIL, code="/", problem="unknown-pupil")
    said = read(
        ledger(
            [(events.SchoolChanged, {"urn": SCHOOL, "name": "A", "la_code": "330", "laestab": "3301", "phase": "ap"})],
            [(events.CalendarChanged, {"academic_year": "2025-26", "days": [events.OpenDay("2026-01-14", ["PM"])]})],
            [(events.EnrolmentChanged, {"pupils": [events.PupilEnrolments(PUPIL, [stay])]})],
            [(events.PupilChanged, {"pupils": [facts]}), (events.PupilChanged, {"pupils": [older]})],
            [(events.PupilMerged, {"pupil_id": "dead", "survivor": PUPIL})],
            [(events.MarkQuarantined, {"marks": waiting}), (events.MarkReleased, {"marks": [arrived]})],
        )
    ).folded
    assert said.school == {"name": "A", "la_code": "330", "phase": "ap"}
    assert said.calendars == {2025: {(DAY, "PM")}}
    assert said.enrolments == {PUPIL: [Enrolment(SCHOOL, date(2025, 9, 1), None, "single")]}
    assert said.facts == {PUPIL: Facts(2, date(2014, 3, 9), 6, ("FSM", "SEN_SUPPORT"))}
    assert said.merges == [("dead", PUPIL)]
    assert +said.waiting == {("2026-01-14", "PM", PUPIL, "X"): 1}
    assert said.pupils() == {PUPIL, "dead"}


def test_a_sheet_has_the_code_numbers_of_a_year() -> None:
    numbers = {code.code: code.number for code in code_table().values()}
    first, last, next_year = (date(2025, 8, 1), "AM"), (date(2026, 7, 31), "PM"), (date(2026, 8, 1), "AM")
    found = sheets({first: "/", last: "O", next_year: "I"}, numbers)
    assert {year: [(at, code) for at, code in enumerate(sheet) if code] for year, sheet in found.items()} == {
        2025: [(0, numbers["/"]), (729, numbers["O"])], 2026: [(0, numbers["I"])],
    }  # fmt: skip
    assert grid({first, last})[place(last)] == 1
