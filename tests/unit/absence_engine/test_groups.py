"""What a sum is asked for: its days, its parts of the year, its divisions; whom DfE's statistics count."""

from datetime import date, timedelta

import numpy as np
import pytest
from absence_engine.domain.groups import DIMENSIONS, OF_PLACES, OF_ROWS, OF_SCHOOLS, Question, year_group_in
from common.academic import GRID, at_place


def names(by: tuple[str, ...], day: date) -> list[tuple[str, ...]]:
    """The parts of a day's two sessions."""
    known: dict[tuple[str | int | None, ...], int] = {}
    Question(day, day, by).columns(day.year - (day.month < 8), known)
    return [tuple(map(str, key)) for key in known]


def test_a_session_has_a_weekday_a_week_a_month_a_half_term_and_a_half_of_the_day() -> None:
    day = date(2025, 10, 2)
    assert names(("weekday",), day) == [("Thursday",)]
    assert names(("week",), day) == [("2025-09-29",)]
    assert names(("month",), day) == [("2025-10",)]
    assert names(("half_term",), day) == [("2025-26 autumn 1",)]
    assert names(("session",), day) == [("AM",), ("PM",)]


def test_a_week_is_named_after_its_monday() -> None:
    monday = date(2025, 9, 29)
    assert {names(("week",), monday + timedelta(n))[0] for n in range(7)} == {("2025-09-29",)}
    assert names(("week",), monday + timedelta(7)) == [("2025-10-06",)]


def test_two_divisions_of_places_make_parts_in_the_order_of_the_question() -> None:
    assert names(("session", "weekday"), date(2025, 10, 2)) == [("AM", "Thursday"), ("PM", "Thursday")]


def test_places_outside_the_days_are_of_no_part() -> None:
    known: dict[tuple[str | int | None, ...], int] = {}
    first, last = date(2025, 9, 3), date(2025, 9, 4)
    columns = Question(first, last, ("session",)).columns(2025, known)
    inside = np.flatnonzero(columns >= 0).tolist()
    assert [at_place(2025, place)[0] for place in inside] == [first, first, last, last]
    assert columns[inside].tolist() == [0, 1, 0, 1]
    assert set(columns.tolist()) == {-1, 0, 1}


def test_parts_keep_their_numbers_from_one_year_to_the_next() -> None:
    known: dict[tuple[str | int | None, ...], int] = {("PM",): 0}
    question = Question(date(2025, 7, 31), date(2025, 8, 1), ("session",))
    assert question.columns(2024, known)[[728, 729]].tolist() == [1, 0]
    assert question.columns(2025, known)[[0, 1]].tolist() == [1, 0]
    assert known == {("PM",): 0, ("AM",): 1}


def test_a_question_reaches_into_the_years_of_its_days() -> None:
    assert [*Question(date(2025, 7, 31), date(2025, 8, 1)).years] == [2024, 2025]
    assert [*Question(date(2025, 8, 1), date(2026, 7, 31)).years] == [2025]
    whole = Question(date(2024, 1, 1), date(2027, 1, 1))
    assert whole.bounds(2025) == (0, GRID - 1)
    assert whole.bounds(2023) == ((date(2024, 1, 1) - date(2023, 8, 1)).days * 2, GRID - 1)
    assert whole.bounds(2026) == (0, (date(2027, 1, 1) - date(2026, 8, 1)).days * 2 + 1)


def test_divisions_are_of_rows_or_of_places() -> None:
    question = Question(date(2025, 9, 1), date(2025, 9, 1), ("week", "school"))
    assert (question.rows_by, question.places_by) == (("school",), ("week",))
    assert DIMENSIONS == (
        "school", "phase", "trust", "locality", "la", "year_group", "registration_group", "flag", "code", "weekday",
        "week", "month", "half_term", "session",
    )  # fmt: skip
    assert set(OF_ROWS) - OF_SCHOOLS == {"year_group", "registration_group", "flag"}
    assert set(OF_ROWS) > OF_SCHOOLS
    assert not set(OF_ROWS) & set(OF_PLACES)


def test_what_is_not_said_is_everybody_undivided_as_marks_stand() -> None:
    day = date(2025, 9, 1)
    assert Question(day, day) == Question(day, day, by=(), flag=None, kinds=(), basis="live")


def test_stays_of_every_kind_are_asked_for_unless_some_are_named() -> None:
    day = date(2025, 9, 1)
    assert Question(day, day).has("guest")
    assert [Question(day, day, kinds=("main", "single")).has(kind) for kind in ("single", "guest")] == [True, False]


def test_flags_are_asked_about_where_one_is_named_or_they_divide() -> None:
    day = date(2025, 9, 1)
    assert not Question(day, day, ("school",)).asks_flags
    assert Question(day, day, flag="CIN").asks_flags
    assert Question(day, day, ("flag",)).asks_flags


@pytest.mark.parametrize(
    ("said", "said_in", "now"),
    [(5, 2024, 6), (5, 2025, 5), (5, 2026, 4), (5, None, 5), (None, 2024, None), (0, 2024, 1)],
)
def test_a_year_group_goes_up_by_one_each_year(said: int | None, said_in: int | None, now: int | None) -> None:
    assert year_group_in(2025, said, said_in) == now
