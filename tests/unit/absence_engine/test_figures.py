"""Small rules behind figures: lines and percentages, flags from facts, the next open days, the penalty figure."""

from dataclasses import fields
from datetime import date, timedelta

import numpy as np
import pytest
from absence_engine.domain.counts import FIGURES, Counts, count_rows, is_provisional, over_line, percent
from absence_engine.domain.days import next_open_days
from absence_engine.domain.flags import Flagged, between, both, flagged, times, within
from absence_engine.domain.marks import child_years
from absence_engine.domain.penalty import PenaltyFigure, penalty_figure
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.ticks import NEVER, tick_of
from common.academic import GRID
from common.codes import code_table
from common.events.registers import FlagSpan

from tests.unit.absence_engine.children import URN, calendars, child, sessions
from tests.unit.absence_engine.policies import SHIPPED

# -- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (1, 3, "33.33"), (2, 3, "66.67"), (1, 2, "50.00"), (0, 7, "0.00"), (7, 7, "100.00"), (0, 0, None),
        (1, 20_000, "0.01"), (1, 20_001, "0.00"), (1, 8, "12.50"), (1, 800, "0.13"),
    ],
)  # fmt: skip
def test_a_percentage_has_two_decimals_and_rounds_half_up(part: int, whole: int, said: str | None) -> None:
    assert percent(part, whole) == said


def test_a_rate_is_over_its_line_when_it_reaches_it_and_never_without_a_possible_session() -> None:
    assert [over_line(1, 10, 10), over_line(1, 11, 10), over_line(0, 0, 10), over_line(1, 1, 2)] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_figure_is_firm_from_the_policys_minimum_on() -> None:
    assert SHIPPED.minimum_possible == 40
    assert [is_provisional(possible, SHIPPED) for possible in (0, 39, 40, 41)] == [True, True, False, False]


def test_figures_are_in_one_order_wherever_they_are() -> None:
    assert tuple(field.name for field in fields(Counts)) == FIGURES
    assert Counts() == Counts(0, 0, 0, 0, 0, 0)


def test_each_row_is_counted_by_itself() -> None:
    number = {code: entry.number for code, entry in code_table().items()}
    codes = np.zeros((3, 732), np.uint8)
    codes[0, :3] = number["/"], number["I"], number["L"]
    codes[2, 700:704] = number["O"], number["U"], number["#"], number["C"]
    assert count_rows(codes).tolist() == [[3, 2, 1, 0, 1, 0], [0] * 6, [3, 0, 1, 2, 0, 1]]


# -- flags ------------------------------------------------------------------------------------------------------------


def span(flag: str, from_: str, to: str | None) -> FlagSpan:
    return FlagSpan(flag, from_, to, "a")


def test_a_flag_lasts_from_the_morning_of_its_first_day_to_the_afternoon_of_its_last() -> None:
    first, last = tick_of(date(2025, 9, 1)), tick_of(date(2025, 9, 30), 1)
    assert flagged(["CIN"], [span("CIN", "2025-09-01", "2025-09-30")]) == (Flagged("CIN", first, last),)
    assert flagged(["CIN"], [span("CIN", "2025-09-01", None)]) == (Flagged("CIN", first, NEVER),)


def test_a_flag_that_nobody_dates_counts_from_ever() -> None:
    found = flagged(["FSM", "CIN", "CLA"], [span("CIN", "2025-09-01", None)])
    assert found[1:] == (Flagged("CLA", 0, NEVER), Flagged("FSM", 0, NEVER))
    assert found[0].flag == "CIN"


def test_the_first_and_the_last_session_of_a_time_lie_within_it() -> None:
    ticks = np.arange(10)
    assert np.flatnonzero(within(ticks, [(2, 4), (8, 8)])).tolist() == [2, 3, 4, 8]
    assert not within(ticks, []).any()


def test_the_times_of_some_flags_are_those_of_no_other() -> None:
    known = [Flagged("CIN", 1, 5), Flagged("FSM", 0, NEVER), Flagged("CP", 9, 12)]
    assert times(known, ("CIN", "CP")) == [(1, 5), (9, 12)]


def test_what_lies_in_both_of_two_times_includes_their_ends() -> None:
    assert both([(0, 9)], [(4, 12)]) == [(4, 9)]
    assert both([(0, 9), (20, 30)], [(9, 20)]) == [(9, 9), (20, 20)]
    assert both([(0, 9)], [(10, 12)]) == []


LAST = GRID - 1


@pytest.mark.parametrize(
    ("given", "rest"),
    [
        ([], [(0, LAST)]),
        ([(0, LAST)], []),
        ([(0, 9)], [(10, LAST)]),
        ([(1, LAST)], [(0, 0)]),
        ([(0, LAST - 1)], [(LAST, LAST)]),
        ([(5, 9), (10, 12)], [(0, 4), (13, LAST)]),
        ([(20, 30), (5, 9)], [(0, 4), (10, 19), (31, LAST)]),
        ([(5, 30), (7, 9)], [(0, 4), (31, LAST)]),
    ],
)
def test_what_lies_in_none_of_some_times_is_the_rest_of_the_year(
    given: list[tuple[int, int]], rest: list[tuple[int, int]]
) -> None:
    assert between(given) == rest


# -- days -------------------------------------------------------------------------------------------------------------

FRIDAY = date(2025, 9, 5)


def test_due_days_are_the_schools_own_open_days_after_today() -> None:
    opened = [FRIDAY, FRIDAY + timedelta(1), FRIDAY + timedelta(5), FRIDAY + timedelta(6)]
    assert next_open_days(URN, FRIDAY, calendars({URN: sessions(opened)}), 2) == opened[1:3]


def test_a_day_that_is_open_for_one_session_is_an_open_day() -> None:
    saturday, sunday = (FRIDAY + timedelta(n) for n in (1, 2))
    half_days = calendars({URN: [tick_of(FRIDAY, 1), tick_of(saturday), tick_of(sunday, 1)]})
    assert next_open_days(URN, FRIDAY, half_days, 2) == [saturday, sunday]


def test_past_the_end_of_the_calendar_monday_to_friday_count() -> None:
    listed = calendars({URN: sessions([FRIDAY])})
    monday = FRIDAY + timedelta(3)
    assert next_open_days(URN, FRIDAY - timedelta(1), listed, 3) == [FRIDAY, monday, monday + timedelta(1)]
    assert next_open_days(URN, FRIDAY, calendars({}), 6) == [
        *(monday + timedelta(n) for n in range(5)), monday + timedelta(7),
    ]  # fmt: skip


# -- the penalty figure -----------------------------------------------------------------------------------------------

WEEKS = [[date(2025, 9, 1) + timedelta(7 * week + day) for day in range(5)] for week in range(14)]
OPEN = sessions([day for week in WEEKS for day in week])


def figure(record: ChildRecord) -> PenaltyFigure:
    return penalty_figure(record, list(child_years(record).values()), calendars({URN: OPEN}), SHIPPED.penalty)


def of_weeks(*weeks: tuple[int, str]) -> dict[int, str]:
    """Marks from the first session of some weeks on."""
    return {tick: code for week, codes in weeks for tick, code in zip(sessions(WEEKS[week]), codes, strict=False)}


def test_the_current_window_ends_with_the_week_of_the_latest_mark() -> None:
    current = figure(child(of_weeks((0, "OOO"), (11, "/")))).current
    assert current is not None
    assert (current.first_day, current.last_day, current.ticks) == (WEEKS[2][0], WEEKS[11][4], ())
    assert (current.school_weeks, current.met, current.provisional) == (10, False, False)
    first = figure(child(of_weeks((0, "OOO")))).current
    assert first is not None
    assert (first.first_day, first.last_day, first.school_weeks, len(first.ticks)) == (WEEKS[0][0], WEEKS[0][4], 1, 3)


def test_a_mark_outside_the_school_weeks_has_no_current_window() -> None:
    found = figure(child({tick_of(date(2026, 3, 2)): "O"}))
    assert (found.best, found.current) == (None, None)
    assert figure(child({})) == PenaltyFigure(None, None)


@pytest.mark.parametrize(
    ("codes", "met", "provisional"),
    [("O" * 9, False, False), ("O" * 9 + "N", True, True), ("O" * 10, True, False), ("N" + "O" * 8, False, False)],
)
def test_a_window_is_provisional_while_it_needs_an_n(codes: str, met: bool, provisional: bool) -> None:
    best = figure(child(of_weeks((1, codes)))).best
    assert best is not None
    assert (best.met, best.provisional) == (met, provisional)


def test_of_windows_that_hold_as_many_the_latest_is_the_best_and_spent_sessions_are_none_of_them() -> None:
    record = child(of_weeks((0, "OO"), (12, "OO")))
    best = figure(record).best
    assert best is not None
    assert (best.last_day, best.ticks) == (WEEKS[12][4], tuple(sessions(WEEKS[12])[:2]))
    spent = record._replace(spent=frozenset(sessions(WEEKS[12])[:1]))
    best, current = figure(spent).best, figure(spent).current
    assert best is not None
    assert current is not None
    assert (best.last_day, len(best.ticks), best.spent) == (WEEKS[0][4], 2, 0)
    assert (len(current.ticks), current.spent) == (1, 1)
