"""How many of the sessions that should have a register have one."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
from absence_engine.domain.coverage import NOTHING_EXPECTED, Grid, coverage
from common.academic import GRID, Session, place_of
from hypothesis import given
from hypothesis import strategies as st

MONDAY = date(2025, 9, 15)
DAYS = [MONDAY + timedelta(number) for number in range(5)]


def grid(*days: date) -> bytes:
    sessions = bytearray(GRID)
    for day in days:
        sessions[place_of(day, Session.AM)] = sessions[place_of(day, Session.PM)] = 1
    return bytes(sessions)


def came(*days: date) -> Grid:
    return places(place_of(day, session) for day in days for session in Session)


def places(numbers: Iterable[int]) -> Grid:
    found = np.zeros(GRID, np.uint8)
    found[list(numbers)] = 1
    return found


def test_sessions_of_days_that_are_over_are_expected_to_have_a_register() -> None:
    assert coverage(grid(*DAYS), came(*DAYS[:2]), 2025, DAYS[3], None) == (6, 4)


def test_a_register_of_today_counts_and_one_that_may_still_come_does_not_count_against_the_school() -> None:
    on_the_way = came(*DAYS[:3]) | places([place_of(DAYS[3], Session.AM)])
    assert coverage(grid(*DAYS), on_the_way, 2025, DAYS[3], None) == (7, 7)


def test_a_register_of_a_closed_session_covers_nothing() -> None:
    assert coverage(grid(DAYS[0]), came(*DAYS), 2025, date(2026, 1, 1), None) == (2, 2)


def test_the_coverage_of_a_day_leaves_out_what_came_after_it() -> None:
    assert coverage(grid(*DAYS), came(*DAYS), 2025, date(2026, 1, 1), DAYS[1]) == (4, 4)


def test_years_that_are_over_or_to_come_are_whole_or_nothing() -> None:
    assert coverage(grid(*DAYS), came(DAYS[0]), 2025, date(2027, 1, 1), None) == (10, 2)
    assert coverage(grid(*DAYS), places([]), 2025, date(2024, 9, 1), None) == NOTHING_EXPECTED == (0, 0)


@given(
    st.integers(0, 2**GRID - 1).map(lambda bits: bytes(map(int, f"{bits:0{GRID}b}"))),
    st.sets(st.integers(0, GRID - 1)),
    st.dates(date(2025, 7, 1), date(2026, 9, 1)),
    st.none() | st.dates(date(2025, 8, 1), date(2026, 7, 31)),
)
def test_no_more_registers_come_than_are_expected(
    sessions: bytes, some: set[int], today: date, as_of: date | None
) -> None:
    found = coverage(sessions, places(some), 2025, today, as_of)
    assert 0 <= found.registers <= found.expected_sessions <= sum(sessions)
