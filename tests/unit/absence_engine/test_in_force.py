"""Which version of a policy holds: on a day, in a year, for a child of several authorities."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest
from absence_engine.domain.in_force import Book, holds_for, last_school
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.policy import Policy, policies
from common.academic import GRID

NATIONAL = policies()[-1]
TODAY = date(2025, 12, 1)


def version(name: str, valid_from: date) -> Policy:
    return replace(NATIONAL, version=name, valid_from=valid_from)


def book(*own: Policy, today: date = TODAY) -> Book:
    return Book.of(own, [NATIONAL], today)


def marks(year: int, urn: int, *places: int) -> YearMarks:
    codes = np.zeros(GRID, np.uint8)
    codes[list(places)] = 1
    return YearMarks(year, codes, urn)


def test_the_last_version_whose_day_has_come_is_in_force() -> None:
    first, second = version("330-1", date(2025, 9, 1)), version("330-2", date(2025, 11, 1))
    its = book(second, first)
    assert [its.on(day) for day in (date(2025, 8, 31), date(2025, 9, 1), date(2025, 10, 31), TODAY)] == [
        NATIONAL,
        first,
        first,
        second,
    ]


def test_of_two_versions_of_one_day_the_higher_holds() -> None:
    nine, ten = version("330-9", date(2025, 9, 1)), version("330-10", date(2025, 9, 1))
    assert book(ten, nine).on(TODAY) is ten


def test_before_the_first_version_of_all_the_first_holds() -> None:
    assert book(version("330-1", date(2025, 9, 1))).on(date(2020, 1, 1)) is NATIONAL


def changed(policy: Policy, kind: str, **fields: Any) -> Policy:
    rule = msgspec.structs.replace(policy.thresholds[kind], **fields)
    return replace(policy, thresholds={**policy.thresholds, kind: rule})


def test_a_kind_goes_back_to_the_version_since_which_it_is_as_it_is() -> None:
    first = changed(version("330-1", date(2025, 9, 1)), "PA", of=12)
    second = changed(first, "SA", of=3)
    second = replace(second, version="330-2", valid_from=date(2025, 10, 1))
    third = replace(NATIONAL, version="330-3", valid_from=date(2025, 11, 1))
    held = book(first, second)(2025)
    assert [held.version_of(kind) for kind in ("PA", "SA", "AT_RISK")] == ["330-1", "330-2", NATIONAL.version]
    back = book(first, second, third)(2025)
    assert [back.version_of(kind) for kind in ("PA", "SA", "AT_RISK")] == ["330-3", "330-3", NATIONAL.version]
    assert book(first, second)(2024).version_of("PA") == NATIONAL.version


def test_another_stage_is_another_version_of_its_kind() -> None:
    later = replace(version("330-1", date(2025, 9, 1)), stages={})
    held = book(later)(2025)
    assert (held.version_of("PA"), held.version_of("AT_RISK")) == ("330-1", NATIONAL.version)


def test_years_that_are_judged_alike_are_judged_by_one_policy() -> None:
    its = book(version("330-1", date(2025, 9, 1)))
    assert its(2025) is its(None)
    assert its(2025) is its(2026)
    assert its(2024) is not its(2025)


def test_a_year_that_is_over_is_judged_by_its_last_day() -> None:
    first, second = version("330-1", date(2025, 7, 31)), version("330-2", date(2025, 8, 1))
    its = book(first, second)
    assert (its(2024), its(2025), its(None)) == (first, second, second)


def test_a_year_that_goes_on_or_is_to_come_is_judged_by_today() -> None:
    to_come = version("330-1", date(2025, 12, 2))
    its = book(to_come)
    assert (its(2025), its(2026), its(None)) == (NATIONAL, NATIONAL, NATIONAL)
    tomorrow = book(to_come, today=date(2025, 12, 2))
    assert (tomorrow(2024), tomorrow(2025), tomorrow(None)) == (NATIONAL, to_come, to_come)


def test_a_child_is_judged_in_each_year_by_the_authority_of_its_last_school_in_it() -> None:
    here, there = version("330-1", date(2020, 1, 1)), version("333-1", date(2020, 1, 1))
    books = {1: book(here), 2: book(there)}
    years = {2023: marks(2023, 1, 5), 2024: marks(2024, 2, 7), 2025: marks(2025, 1)}
    holds = holds_for(years, books.__getitem__, book())
    assert [holds(year).version for year in (2023, 2024, 2025, None)] == ["330-1", "333-1", "333-1", "333-1"]
    assert holds_for({}, books.__getitem__, book())(None) == NATIONAL


def test_the_last_school_is_that_of_the_mark_that_counts() -> None:
    both = marks(2025, 1, 5, 9)._replace(schools=np.array([1] * 9 + [2] * (GRID - 9)))
    assert last_school(both) == 2
    assert last_school(marks(2025, 1)) is None


@pytest.mark.parametrize(("year", "name"), [(0, "england-2024.1"), (9998, "2025"), (9999, "2025")])
def test_a_version_holds_in_the_first_and_the_last_year_that_there_are(year: int, name: str) -> None:
    first = replace(NATIONAL, version="england-2024.1", valid_from=date(2024, 8, 19))
    held = Book.of([], [first, version("2025", date(2025, 9, 1))], TODAY)
    assert held(year).version == name
