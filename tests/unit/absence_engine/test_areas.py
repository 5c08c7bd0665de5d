"""Which marks belong to an authority: those of its schools, on the days on which they are its own."""

from datetime import date

import numpy as np
import pytest
from absence_engine.domain.areas import Member, in_year, of_area
from common.academic import GRID, at_place

from tests.unit.absence_engine.children import NUMBER, URN, stay

YEAR = (date(2025, 8, 1), date(2026, 7, 31))
AUTUMN = (date(2025, 9, 1), date(2025, 12, 31))
SUMMER = (date(2026, 4, 1), date(2026, 7, 31))
EVER = (date(2000, 1, 1), date(9999, 12, 31))


@pytest.mark.parametrize(
    ("first", "last", "has"),
    [
        (date(2025, 1, 1), date(2025, 8, 31), False), (date(2025, 1, 1), date(2025, 9, 1), True),
        (date(2025, 12, 31), None, True), (date(2026, 1, 1), None, True), (date(2026, 1, 1), date(2026, 3, 31), False),
        (date(2026, 1, 1), date(2026, 4, 1), True), (date(2026, 7, 31), None, True), (date(2026, 8, 1), None, False),
    ],
)  # fmt: skip
def test_a_stay_is_of_an_area_if_some_day_of_it_is(first: date, last: date | None, has: bool) -> None:
    assert Member("primary", (AUTUMN, SUMMER)).has(stay(from_=first, to=last)) == has


def test_a_school_that_is_of_an_authority_all_year_is_so_from_august_to_july() -> None:
    assert Member("primary", (YEAR,)).is_whole(2025)
    assert not Member("primary", (YEAR,)).is_whole(2024)
    assert not Member("primary", (AUTUMN,)).is_whole(2025)


def test_of_a_year_only_its_own_days_count_and_schools_without_any_are_left_out() -> None:
    members = {1: Member("primary", (EVER,)), 2: Member("secondary", (AUTUMN,)), 3: Member("special", (SUMMER, EVER))}
    assert in_year(members, 2025) == {
        1: Member("primary", (YEAR,)), 2: Member("secondary", (AUTUMN,)), 3: Member("special", (SUMMER, YEAR)),
    }  # fmt: skip
    assert in_year(members, 2024) == {
        1: Member("primary", ((date(2024, 8, 1), date(2025, 7, 31)),)),
        3: Member("special", ((date(2024, 8, 1), date(2025, 7, 31)),)),
    }
    one_day = Member("primary", ((date(2024, 1, 1), date(2025, 8, 1)),))
    assert in_year({1: one_day}, 2025) == {1: Member("primary", ((YEAR[0], YEAR[0]),))}


@pytest.mark.parametrize(
    ("first", "last", "inside"),
    [
        (date(2025, 1, 1), None, [AUTUMN, SUMMER]),
        (date(2025, 10, 1), date(2026, 5, 1), [(date(2025, 10, 1), AUTUMN[1]), (SUMMER[0], date(2026, 5, 1))]),
        (date(2025, 10, 1), date(2025, 11, 1), [(date(2025, 10, 1), date(2025, 11, 1))]),
        (date(2025, 12, 31), date(2026, 4, 1), [(AUTUMN[1], AUTUMN[1]), (SUMMER[0], SUMMER[0])]),
        (date(2026, 1, 1), date(2026, 4, 1), [(SUMMER[0], SUMMER[0])]),
        (date(2026, 1, 1), date(2026, 3, 31), []),
    ],
)
def test_the_marks_of_a_stay_are_those_of_its_days_with_the_authority(
    first: date, last: date | None, inside: list[tuple[date, date]]
) -> None:
    codes = np.full(GRID, NUMBER["/"], np.uint8)
    found = of_area(codes, 2025, stay(URN, first, last), Member("primary", (AUTUMN, SUMMER)))
    days = [at_place(2025, place)[0] for place in range(GRID)]
    assert found.tolist() == [NUMBER["/"] * any(a <= day <= b for a, b in inside) for day in days]
