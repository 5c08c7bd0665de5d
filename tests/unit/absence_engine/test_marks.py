"""The mark that counts for a child in a session that several schools tell of (rule book 12.9)."""

from datetime import date, timedelta

import numpy as np
import pytest
from absence_engine.domain.marks import (
    child_years,
    codes_at,
    joined,
    last_marked,
    marked_ticks,
    touches_year,
    up_to,
    within,
)
from absence_engine.domain.records import ChildRecord, Enrolment, Sheet
from absence_engine.domain.ticks import tick_of, year_start
from common.academic import GRID

from tests.unit.absence_engine.children import DEAD, NUMBER, OTHER, PUPIL, URN, child, sheets, stay

DAY = date(2025, 9, 10)
MORNING, AFTERNOON = tick_of(DAY), tick_of(DAY, 1)
FIRST, LAST = year_start(2025), year_start(2026) - 1


def counts(here: str, there: str, *stays: Enrolment) -> tuple[str, int]:
    """The code that counts of two schools' marks of one session, and the school."""
    record = ChildRecord(PUPIL, None, stays, (*sheets({MORNING: here}), *sheets({MORNING: there}, OTHER)))
    marks = child_years(record)[2025]
    place = MORNING - FIRST
    code = next(code for code, number in NUMBER.items() if number == int(marks.codes[place]))
    return code, marks.school_at(place)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("main", "single"), ("single", "subsidiary"), ("subsidiary", "guest"), ("main", "guest"),
    ],
)  # fmt: skip
def test_of_two_kinds_of_enrolment_the_nearer_one_counts(better: str, worse: str) -> None:
    assert counts("O", "/", stay(URN, kind=worse), stay(OTHER, kind=better)) == ("/", OTHER)
    assert counts("O", "/", stay(URN, kind=better), stay(OTHER, kind=worse)) == ("O", URN)


def test_of_equal_kinds_the_earlier_start_counts_and_then_the_lower_number() -> None:
    later, earlier = stay(URN, date(2025, 9, 2)), stay(OTHER, date(2025, 9, 1))
    assert counts("O", "/", later, earlier) == ("/", OTHER)
    assert counts("O", "/", stay(URN), stay(OTHER)) == ("O", URN)
    assert counts("O", "/", stay(OTHER), stay(URN)) == ("O", URN)


def test_a_d_loses_to_every_other_mark_and_to_no_mark_at_all_it_does_not() -> None:
    assert counts("D", "/", stay(URN, kind="main"), stay(OTHER, kind="guest")) == ("/", OTHER)
    assert counts("D", "/", stay(URN, kind="main")) == ("/", OTHER)
    assert counts("D", "D", stay(URN, kind="guest"), stay(OTHER, kind="main")) == ("D", OTHER)
    record = ChildRecord(PUPIL, None, (), (*sheets({MORNING: "D"}), *sheets({AFTERNOON: "/"}, OTHER)))
    codes = child_years(record)[2025].codes
    assert [int(codes[tick - FIRST]) for tick in (MORNING, AFTERNOON)] == [NUMBER["D"], NUMBER["/"]]


@pytest.mark.parametrize(("from_", "to", "counts_there"), [
    (DAY, DAY, True), (DAY + timedelta(1), None, False), (date(2020, 1, 1), DAY - timedelta(1), False),
    (date(2020, 1, 1), DAY, True), (DAY, None, True),
])  # fmt: skip
def test_an_enrolment_counts_on_its_own_days(from_: date, to: date | None, counts_there: bool) -> None:
    its = stay(OTHER, from_, to, "main")
    assert counts("O", "/", stay(URN), its) == (("/", OTHER) if counts_there else ("O", URN))


def test_at_the_first_and_the_last_session_of_a_year_it_is_the_same() -> None:
    for tick in (FIRST, LAST):
        marks = (*sheets({tick: "O"}), *sheets({tick: "/"}, OTHER))
        stays = (stay(URN), stay(OTHER, kind="main"))
        assert int(child_years(ChildRecord(PUPIL, None, stays, marks))[2025].codes[tick - FIRST]) == NUMBER["/"]


def test_of_two_ids_of_a_child_at_one_school_the_living_ones_mark_counts() -> None:
    dead = sheets({MORNING: "O", AFTERNOON: "O"}, URN, DEAD)
    record = ChildRecord(PUPIL, None, (stay(),), (*dead, *sheets({MORNING: "/"})))
    codes = codes_at(record, 2025)[URN]
    assert [int(codes[tick - FIRST]) for tick in (MORNING, AFTERNOON)] == [NUMBER["/"], NUMBER["O"]]
    both_dead = ChildRecord("living", None, (stay(),), (*sheets({MORNING: "/"}), *dead))
    assert int(codes_at(both_dead, 2025)[URN][MORNING - FIRST]) == NUMBER["O"]  # the lower id's
    assert codes_at(record, 2024) == {}


def test_sheets_are_joined_where_no_two_tell_of_one_session() -> None:
    (one,), (other,) = sheets({MORNING: "/"}), sheets({AFTERNOON: "O"}, OTHER)
    both = joined([one, other])
    assert both is not None
    assert (both[MORNING - FIRST], both[AFTERNOON - FIRST]) == (NUMBER["/"], NUMBER["O"])
    assert sum(map(bool, both)) == 2
    assert joined([one]) == one.codes
    assert joined([one, other, other]) is None


def test_marks_up_to_a_day_are_those_of_its_afternoon_too() -> None:
    marks = {MORNING - 1: "/", MORNING: "/", AFTERNOON: "O", AFTERNOON + 1: "I", tick_of(date(2025, 6, 2)): "L"}
    kept = up_to(child(marks), DAY)
    assert marked_ticks(child_years(kept).values()).tolist() == [
        tick_of(date(2025, 6, 2)),
        MORNING - 1,
        MORNING,
        AFTERNOON,
    ]
    assert all(len(sheet.codes) == GRID for sheet in kept.sheets)
    assert last_marked(kept.sheets) == AFTERNOON
    assert last_marked([Sheet(PUPIL, URN, 2025, bytes(GRID))]) is None
    assert marked_ticks([]).tolist() == []


def test_the_marks_of_a_stay_are_those_of_its_days() -> None:
    codes = np.ones(GRID, np.uint8)
    of_one_day = np.flatnonzero(within(codes, 2025, stay(from_=DAY, to=DAY)))
    assert of_one_day.tolist() == [MORNING - FIRST, AFTERNOON - FIRST]
    assert within(codes, 2025, stay(from_=date(2020, 1, 1), to=date(2025, 8, 1))).nonzero()[0].tolist() == [0, 1]
    assert within(codes, 2025, stay()).sum() == GRID
    assert not within(codes, 2025, stay(to=date(2025, 7, 31))).any()


@pytest.mark.parametrize(
    ("from_", "to", "touches"),
    [
        (date(2020, 1, 1), date(2025, 7, 31), False), (date(2020, 1, 1), date(2025, 8, 1), True),
        (date(2026, 7, 31), None, True), (date(2026, 8, 1), None, False),
    ],
)  # fmt: skip
def test_a_stay_touches_a_year_with_a_single_day(from_: date, to: date | None, touches: bool) -> None:
    assert touches_year(stay(from_=from_, to=to), 2025) == touches
