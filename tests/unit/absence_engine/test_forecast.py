"""Forecasts by arithmetic, against trying each number of sessions."""

from datetime import date, timedelta
from itertools import product

import pytest
from absence_engine.domain.counts import Counts
from absence_engine.domain.detail import detail, dfe_stays
from absence_engine.domain.forecast import Planned, difference, endings, outlook, planned, with_marks
from absence_engine.domain.groups import dfe_last_place
from absence_engine.domain.marks import child_years
from absence_engine.domain.spans import Span
from absence_engine.domain.terms import easter, half_term, spring_bank_holiday
from absence_engine.domain.ticks import NEVER, tick_of
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.absence_engine.children import OTHER, URN, calendars, child, sessions, stay

DAYS = [date(2025, 9, 1) + timedelta(n) for n in range(5)]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.sampled_from([1, 2, 10, 20]))
def test_an_outlook_is_what_trying_every_number_of_misses_finds(
    attended: int, absent: int, left: int, one_in: int
) -> None:
    assert_outlook(attended, absent, left, one_in)


@pytest.mark.parametrize("one_in", [1, 2, 3, 10])
def test_so_it_is_of_each_few_sessions(one_in: int) -> None:
    """A line of one in one is one that only a child who never came is at."""
    for attended, absent, left in product(range(7), range(7), range(7)):
        assert_outlook(attended, absent, left, one_in)


def assert_outlook(attended: int, absent: int, left: int, one_in: int) -> None:
    counts = Counts(possible=attended + absent, attended=attended, authorised=absent)
    end = counts.possible + left
    over = [end > 0 and (absent + missed) * one_in >= end for missed in range(left + 1)]
    found = outlook(counts, left, one_in)
    assert found.certain == over[0]
    assert found.possible == over[-1]
    assert found.may_miss == (None if over[0] else max(n for n, is_over in enumerate(over) if not is_over))
    reached = [n for n in range(left + 1) if counts.possible + n > 0 and (absent + n) * one_in >= counts.possible + n]
    assert found.misses_to_reach == (reached[0] if reached else None)


def test_a_session_that_two_schools_plan_is_the_main_schools() -> None:
    record = child({}, stays=[stay(kind="subsidiary"), stay(OTHER, kind="main", to=DAYS[1])])
    both = calendars({URN: sessions(DAYS), OTHER: sessions(DAYS[:2])})
    found = planned(record, both, tick_of(DAYS[1]), NEVER)
    assert [one.urn for one in found] == [OTHER, OTHER, *[URN] * 6]
    assert [one.tick for one in found] == sessions(DAYS[1:])


def test_sessions_to_come_are_marked_as_present_or_with_a_code() -> None:
    record = child({tick_of(DAYS[0]): "I"})
    plan = planned(record, calendars({URN: sessions(DAYS)}), tick_of(DAYS[0], 1), NEVER)
    there = child_years(with_marks(record, plan[:2], None))[2025].codes
    away = child_years(with_marks(record, plan[:2], "O"))[2025].codes
    assert detail(2025, there).by_code == {"/": 1, "\\": 1, "I": 1}
    assert detail(2025, away).by_code == {"I": 1, "O": 2}
    week = child_years(with_marks(record, plan, None))[2025].codes
    assert detail(2025, week).by_code == {"/": 4, "\\": 5, "I": 1}


def test_details_tell_half_days_weekdays_and_who_was_there() -> None:
    codes = dict(zip(sessions(DAYS), "/\\I\\/UOO\\I", strict=True))
    found = detail(2025, child_years(child(codes))[2025].codes)
    assert found.half_days == (1, 2)
    assert found.physically_present == 6
    assert found.able == 8
    assert {name: counts.absent for name, counts in found.by_weekday.items()} == {
        "Monday": 0, "Tuesday": 1, "Wednesday": 1, "Thursday": 2, "Friday": 1,
    }  # fmt: skip


def test_half_terms_lie_where_most_schools_have_their_holidays() -> None:
    assert easter(2026) == date(2026, 4, 5)
    assert spring_bank_holiday(2026) == date(2026, 5, 25)
    spans = [
        (date(2025, 9, 2), date(2025, 10, 24), "autumn 1"), (date(2025, 11, 4), date(2025, 12, 19), "autumn 2"),
        (date(2026, 1, 6), date(2026, 2, 13), "spring 1"), (date(2026, 2, 23), date(2026, 3, 27), "spring 2"),
        (date(2026, 4, 14), date(2026, 5, 22), "summer 1"), (date(2026, 6, 1), date(2026, 7, 17), "summer 2"),
    ]  # fmt: skip
    for first, last, name in spans:
        assert half_term(first) == half_term(last) == f"2025-26 {name}"


def test_dfe_counts_ages_five_to_fifteen_and_year_11_up_to_the_spring_bank_holiday() -> None:
    last = (date(2026, 5, 24) - date(2025, 8, 1)).days * 2 + 1
    born = {date(2020, 8, 31): 731, date(2020, 9, 1): None, date(2010, 8, 31): last, date(2010, 9, 1): 731}
    assert {day: dfe_last_place(day, 2025) for day in born} == born
    assert dfe_last_place(date(2009, 8, 31), 2025) is None
    assert dfe_last_place(None, 2025) is None


def test_a_stay_without_a_possible_session_and_a_guest_are_in_no_statistic() -> None:
    marks = {tick_of(DAYS[0]): "D", tick_of(DAYS[1]): "/"}
    ends = [stay(to=DAYS[0]), stay(from_=DAYS[1])]
    assert [one.from_ for one, _ in dfe_stays(child(marks, stays=ends), 2025)] == [DAYS[1]]
    assert dfe_stays(child(marks, stays=[stay(kind="guest")]), 2025) == []


# -- how spans end, and what happens to them --------------------------------------------------------------------------

PLAN = [Planned(tick, URN) for tick in sessions(DAYS)]
FIRST = tick_of(DAYS[0])


def span(kind: str = "PA", crossed: int = FIRST, firm: int | None = None, ended: int | None = None) -> Span:
    return Span(kind, 2025, crossed, firm, ended, None if ended is None else "recovered")


def test_an_open_span_ends_after_as_many_sessions_as_the_plan_has_up_to_its_end() -> None:
    now = [span(), span("SA", ended=FIRST + 1), span("AT_RISK")]
    attending = [span(ended=PLAN[3].tick), span("AT_RISK"), span("BELOW_95", ended=PLAN[0].tick)]
    found = endings(now, attending, PLAN)
    assert [(one.span.kind, one.attend, one.at, one.reason) for one in found] == [
        ("PA", 4, PLAN[3].tick, "recovered"),
        ("AT_RISK", None, None, None),
    ]
    (moved,) = endings([span()], [span(crossed=FIRST + 1, ended=PLAN[3].tick)], PLAN)
    assert (moved.attend, moved.at) == (None, None)


def test_what_happens_to_spans_is_said_once_of_each() -> None:
    before = [span(), span("SA"), span("AT_RISK", firm=FIRST), span("BELOW_95", firm=FIRST, ended=FIRST)]
    after = [
        span(firm=FIRST),
        span("SA", ended=FIRST + 5),
        span("AT_RISK", firm=FIRST),
        span("BELOW_95", firm=FIRST, ended=FIRST),
        span("CIN_CP_95", firm=FIRST, ended=FIRST + 2),
        span("PA", crossed=FIRST + 8),
    ]
    found = difference(before, after)
    assert [(one.kind, one.crossed) for one in found.opened] == [("CIN_CP_95", FIRST), ("PA", FIRST + 8)]
    assert [one.kind for one in found.firm] == ["PA", "CIN_CP_95"]
    assert [one.kind for one in found.ended] == ["SA", "CIN_CP_95"]
    assert difference(after, after) == ([], [], [])


def test_sessions_that_a_child_was_not_enrolled_for_are_not_planned() -> None:
    record = child({}, stays=[stay(from_=DAYS[1], to=DAYS[3]), stay(OTHER, from_=DAYS[3])])
    both = calendars({URN: sessions(DAYS), OTHER: sessions(DAYS)})
    found = planned(record, both, tick_of(DAYS[0]), tick_of(DAYS[3]))
    assert [one.tick for one in found] == [*sessions(DAYS[1:3]), tick_of(DAYS[3])]
    assert [one.urn for one in found] == [URN] * 5
    assert planned(record, both, tick_of(DAYS[3], 1) + 1, NEVER) == [Planned(t, OTHER) for t in sessions(DAYS[4:])]
