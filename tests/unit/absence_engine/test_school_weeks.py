"""School weeks and school days: what windows are made of (rule book 12.2, 12.3)."""

from datetime import date, timedelta

import pytest
from absence_engine.domain.records import Enrolment
from absence_engine.domain.ticks import day_of, last_of_week, monday_of, ref_of, tick_of, week_of, year_at, year_start
from absence_engine.domain.weeks import Units, school_units, school_weeks
from common.academic import Session

from tests.unit.absence_engine.children import OTHER, URN, calendars, sessions, stay

MONDAY = date(2025, 9, 1)
TWO_WEEKS = [MONDAY + timedelta(n) for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)]


def units(*stays: Enrolment, by_days: bool = False, **days: list[date]) -> Units:
    """The units of a child with these stays; `days`: those on which the two schools are open."""
    opened = {URN: sessions(days.get("here", TWO_WEEKS)), OTHER: sessions(days.get("there", TWO_WEEKS))}
    return school_units(stays or (stay(),), calendars(opened), by_days=by_days)


def test_a_school_week_runs_from_monday_to_sunday() -> None:
    sunday, monday = date(2025, 9, 7), date(2025, 9, 8)
    assert week_of(tick_of(sunday, Session.PM)) + 1 == week_of(tick_of(monday))
    assert monday_of(week_of(tick_of(sunday))) == MONDAY
    assert monday_of(week_of(tick_of(MONDAY))) == MONDAY
    assert last_of_week(week_of(tick_of(MONDAY))) == tick_of(sunday, Session.PM)
    found = units(here=[MONDAY, date(2025, 9, 6), sunday, monday])
    assert [day_of(tick) for tick in found.first_open.tolist()] == [MONDAY, monday]
    assert [day_of(tick) for tick in found.last_open.tolist()] == [sunday, monday]


def test_by_days_each_open_day_is_a_unit() -> None:
    found = units(by_days=True)
    assert found.numbers.tolist() == [day.toordinal() for day in TWO_WEEKS]
    assert found.first_open.tolist() == [tick_of(day) for day in TWO_WEEKS]
    assert found.last_open.tolist() == [tick_of(day, Session.PM) for day in TWO_WEEKS]


def test_a_session_lies_in_a_unit_or_in_none() -> None:
    asked = [tick_of(day) for day in (MONDAY, date(2025, 9, 6), date(2025, 9, 12), date(2025, 9, 15))]
    at, known = units().index_of(units(here=[day_of(tick) for tick in asked]).first_open)
    assert (at.tolist(), known.tolist()) == ([0, 1, 2], [True, True, False])
    at, known = units(by_days=True).index_of(units(by_days=True, here=[day_of(tick) for tick in asked]).first_open)
    assert (at.tolist(), known.tolist()) == ([0, 5, 9, 10], [True, False, True, False])


@pytest.mark.parametrize("by_days", [False, True])
def test_units_of_two_schools_are_counted_once_and_of_none_there_are_none(by_days: bool) -> None:
    both = units(stay(URN), stay(OTHER), by_days=by_days, here=TWO_WEEKS[:7], there=TWO_WEEKS[4:])
    assert both.numbers.tolist() == units(by_days=by_days).numbers.tolist()
    none = school_units((), calendars({URN: sessions(TWO_WEEKS)}), by_days=by_days)
    assert (none.numbers.tolist(), none.first_open.tolist(), none.last_open.tolist()) == ([], [], [])


def test_a_stay_has_the_weeks_of_its_own_days() -> None:
    second = MONDAY + timedelta(7)
    assert school_weeks([stay(from_=second)], calendars({URN: sessions(TWO_WEEKS)})).numbers.tolist() == [
        week_of(tick_of(second))
    ]
    assert units(stay(to=second)).last_open.tolist()[-1] == tick_of(second, Session.PM)


@pytest.mark.parametrize("by_days", [False, True])
def test_the_mondays_of_units_are_those_of_their_weeks_each_once(by_days: bool) -> None:
    found = units(by_days=by_days)
    last = len(found.numbers) - 1
    assert found.mondays(0, last) == [MONDAY, MONDAY + timedelta(7)]
    assert found.mondays(0, 0) == [MONDAY]
    assert found.mondays(last, last) == [MONDAY + timedelta(7)]


def test_an_academic_year_begins_with_the_morning_of_the_first_of_august() -> None:
    first = tick_of(date(2025, 8, 1))
    assert year_start(2025) == first
    assert (year_at(first), year_at(first - 1)) == (2025, 2024)
    assert [(ref.date, ref.session) for ref in (ref_of(first - 1), ref_of(first), ref_of(first + 1))] == [
        ("2025-07-31", "PM"), ("2025-08-01", "AM"), ("2025-08-01", "PM"),
    ]  # fmt: skip
