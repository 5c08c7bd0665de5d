"""What is known of schools, without a database: authorities, closures, public holidays, year groups."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from registers.domain import calendars, enrolments, holidays
from registers.domain.enrolments import Stay
from registers.domain.leaving import CLOSED
from registers.domain.schools import Belongs, School, belonging

START = date(2025, 9, 1)
SCHOOL = School(100001, "Elm", "330", "3302001", "primary")
days = st.dates(date(2025, 8, 1), date(2026, 7, 31))


def test_a_school_that_never_moved_has_no_history() -> None:
    assert belonging(None, "330", START) == ()
    assert belonging(SCHOOL, "333", None) == ()
    assert belonging(SCHOOL, "330", START) == ()


def test_an_earlier_move_replaces_what_was_said_of_later_ones() -> None:
    once = belonging(SCHOOL, "333", START)
    assert once == (Belongs(date.min, "330"), Belongs(START, "333"))
    again = School(100001, "Elm", "333", "3302001", "primary", la_history=once)
    sooner = START - timedelta(days=30)
    assert belonging(again, "869", sooner) == (Belongs(date.min, "330"), Belongs(sooner, "869"))
    assert belonging(again, "869", None) == (Belongs(date.min, "330"), Belongs(START, "869"))


@given(st.lists(days, unique=True, max_size=6), st.booleans(), days, days)
def test_a_closure_that_is_taken_back_leaves_no_trace_on_stays_that_had_begun(
    edges: list[date], lasts: bool, on: date, earlier: date
) -> None:
    """However often the closing day is another one in between."""
    edges.sort()
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    stays = [Stay(first, last, "single", None, "transferred", "Oak") for first, last in pairs]
    if lasts and len(edges) % 2:
        stays.append(Stay(edges[-1], None, "main"))
    closed = enrolments.close(stays, on, CLOSED)
    assert all(stay.end is not None and stay.end <= on for stay in closed)
    known = [stay for stay in stays if stay.start <= on]
    assert enrolments.reopen(closed, on) == known
    sooner = min(on, earlier)
    again = enrolments.close(enrolments.reopen(closed, on), sooner, CLOSED)
    assert enrolments.reopen(again, sooner) == [stay for stay in known if stay.start <= sooner]


def test_a_stay_that_goes_on_after_all_ends_before_the_next_one() -> None:
    closed, later = START + timedelta(days=4), START + timedelta(days=7)
    first, following = Stay(START, closed, "single", leaving_reason=CLOSED), Stay(later, None, "single")
    assert enrolments.reopen([following, first], closed) == [
        Stay(START, later - timedelta(days=1), "single"),
        following,
    ]
    within = Stay(START + timedelta(days=2), None, "main")
    assert enrolments.reopen([first, within], closed) == [Stay(START, closed, "single"), within]


@given(days, days, days)
def test_what_ends_at_a_school_begins_at_its_successor(first: date, last: date, on: date) -> None:
    """No day of a stay is lost or doubled by a conversion."""
    stay = Stay(min(first, last), max(first, last), "single")
    before = enrolments.close([stay], on - timedelta(days=1), CLOSED)
    after = enrolments.carry_on([stay], on)
    length = sum((one.end - one.start).days + 1 for one in (*before, *after) if one.end)
    assert length == (max(first, last) - min(first, last)).days + 1


def test_public_holidays_are_those_that_were_published() -> None:
    assert holidays.in_academic_year(2022) == [
        (date(2022, 8, 29), "Summer bank holiday"), (date(2022, 9, 19), "State Funeral of Queen Elizabeth II"),
        (date(2022, 12, 26), "Boxing Day"), (date(2022, 12, 27), "Christmas Day"), (date(2023, 1, 2), "New Year's Day"),
        (date(2023, 4, 7), "Good Friday"), (date(2023, 4, 10), "Easter Monday"),
        (date(2023, 5, 1), "Early May bank holiday"), (date(2023, 5, 8), "Coronation of King Charles III"),
        (date(2023, 5, 29), "Spring bank holiday"),
    ]  # fmt: skip
    found = dict(holidays.in_academic_year(2021))
    assert (found[date(2021, 12, 27)], found[date(2021, 12, 28)]) == ("Christmas Day", "Boxing Day")
    assert found[date(2022, 6, 2)] == "Spring bank holiday"


def test_a_child_goes_up_a_year_group_a_year_from_what_was_said_last() -> None:
    said = {2024: 7, 2026: 8}
    assert [calendars.year_group_in(said, year) for year in (2023, 2024, 2025, 2026, 2027)] == [6, 7, 8, 8, 9]
    assert calendars.year_group_in({}, 2025) is None
