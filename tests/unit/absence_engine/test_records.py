"""A child, and the calendars of its schools, as the ledgers tell them."""

from datetime import date

from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.ticks import NEVER, tick_of

from tests.unit.absence_engine.children import OTHER, URN, calendars

LAST_YEAR, THIS_YEAR = tick_of(date(2025, 6, 2)), tick_of(date(2025, 9, 1))


def test_a_child_of_whom_nothing_is_told_has_nothing() -> None:
    assert ChildRecord("a") == ChildRecord("a", None, (), (), frozenset(), ())


def test_calendars_know_the_years_of_each_school() -> None:
    found = calendars({URN: [THIS_YEAR, LAST_YEAR], OTHER: [THIS_YEAR]})
    assert found.years == {URN: (2024, 2025), OTHER: (2025,)}
    assert found.open_between(URN, 0, NEVER).tolist() == [LAST_YEAR, THIS_YEAR]
    assert Calendars({}).years == {}


def test_what_was_worked_out_from_calendars_is_no_part_of_them() -> None:
    one, other = Calendars({}), Calendars({})
    other.found["weeks"] = 1
    assert one == other
    assert "weeks" not in repr(other)
