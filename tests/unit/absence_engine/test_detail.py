"""What stands behind a child's figures of a year: codes, weekdays, half days, who was there, which rules held."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from absence_engine.domain.counts import Counts
from absence_engine.domain.detail import Detail, HalfDays, detail, dfe_stays, ever, marked, spans_of
from absence_engine.domain.marks import child_years
from absence_engine.domain.policy import Policy
from absence_engine.domain.spans import Child, Span
from absence_engine.domain.ticks import tick_of, year_start
from common.academic import GRID
from common.codes import code_table

from tests.unit.absence_engine.children import AUTUMN, OTHER, TERM, URN, calendars, child, sessions, sheets, stay
from tests.unit.absence_engine.policies import SHIPPED, changed

MONDAY = date(2025, 9, 1)
WEEK = [MONDAY + timedelta(n) for n in range(7)]
CALENDARS = calendars({URN: TERM, OTHER: TERM})


def of(marks: dict[int, str]) -> Detail:
    return detail(2025, child_years(child(marks))[2025].codes)


def of_days(codes: str) -> Detail:
    """From two codes a day, from Monday on."""
    return of(dict(zip(sessions(WEEK), codes, strict=False)))


def test_each_code_is_counted_under_its_own_name() -> None:
    every = {year_start(2025) + n: code for n, code in enumerate([*code_table(), "I"])}
    assert of(every).by_code == dict.fromkeys(code_table(), 1) | {"I": 2}


def test_a_session_is_of_its_own_weekday_and_the_weekend_is_told_where_it_had_one() -> None:
    found = of_days("/\\IO/U").by_weekday
    assert list(found) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert found["Monday"] == Counts(2, 2, 0, 0, 0, 0)
    assert found["Tuesday"] == Counts(2, 0, 1, 1, 0, 0)
    assert found["Wednesday"] == Counts(2, 1, 0, 1, 0, 1)
    assert found["Thursday"] == found["Friday"] == Counts()
    assert list(of_days("/" * 10 + "/X/").by_weekday)[5:] == ["Saturday", "Sunday"]
    assert list(of_days("/" * 10 + "X#").by_weekday)[5:] == []
    last = of({tick_of(date(2026, 7, 31)): "/"}).by_weekday
    assert [name for name, counts in last.items() if counts.possible] == ["Friday"]


@pytest.mark.parametrize(
    ("codes", "half_days"),
    [("/\\", (0, 0)), ("O\\", (1, 0)), ("/I", (0, 1)), ("OO", (0, 0)), ("OX", (0, 0)), ("XO", (0, 0)), ("O", (0, 0)),
     ("O\\I\\/U", (2, 1)), ("LB", (0, 0)), ("VC2", (0, 1))],
)  # fmt: skip
def test_a_half_day_is_one_of_two_possible_sessions_that_was_missed(codes: str, half_days: tuple[int, int]) -> None:
    marks = ["V", "C2"] if codes == "VC2" else list(codes)
    assert of(dict(zip(sessions(WEEK), marks, strict=False))).half_days == HalfDays(*half_days)


def test_who_is_on_site_was_physically_present_even_if_it_came_too_late() -> None:
    present = {code: of({tick_of(MONDAY): code}).physically_present for code in code_table()}
    assert {code for code, was in present.items() if was} == {"/", "\\", "L", "U"}


def test_illness_and_medical_appointments_say_nothing_of_whether_a_child_comes_when_it_can() -> None:
    able = {code for code in code_table() if of({tick_of(MONDAY): code}).able}
    assert able == {code for code, one in code_table().items() if one.possible} - {"I", "M"}


# -- on DfE's basis ---------------------------------------------------------------------------------------------------


def test_each_enrolment_has_the_figures_of_its_own_days_at_its_own_school() -> None:
    stays = [stay(OTHER, WEEK[1], WEEK[3]), stay(URN, WEEK[1]), stay(URN, to=WEEK[0]), stay(OTHER, to=WEEK[0])]
    record = child(dict(zip(sessions(WEEK), "O/I/////", strict=False)), stays=stays)
    record = record._replace(sheets=(*record.sheets, *sheets(dict.fromkeys(sessions(WEEK[:4]), "I"), OTHER)))
    found = [(one.urn, one.from_, (counts.possible, counts.absent)) for one, counts in dfe_stays(record, 2025)]
    assert found == [
        (URN, date(2023, 8, 1), (2, 1)), (OTHER, date(2023, 8, 1), (2, 2)), (URN, WEEK[1], (6, 1)),
        (OTHER, WEEK[1], (6, 6)),
    ]  # fmt: skip


def test_enrolments_of_other_years_and_schools_without_marks_are_in_no_statistic() -> None:
    stays = [stay(to=date(2025, 7, 31)), stay(from_=date(2026, 8, 1)), stay(OTHER), stay(from_=WEEK[0])]
    found = dfe_stays(child({tick_of(MONDAY): "/"}, stays=stays), 2025)
    assert [one.from_ for one, _ in found] == [WEEK[0]]


def test_nobody_of_another_age_is_counted_and_those_of_fifteen_up_to_the_spring_bank_holiday() -> None:
    last, after = tick_of(date(2026, 5, 24), 1), tick_of(date(2026, 5, 25))
    fifteen = child({last: "/", after: "O"}, born=date(2010, 3, 9))
    assert [counts for _, counts in dfe_stays(fifteen, 2025)] == [Counts(1, 1)]
    assert dfe_stays(child({last: "/"}, born=None), 2025) == []


# -- which rules held -------------------------------------------------------------------------------------------------


def holds(of_year: dict[int | None, Policy]) -> Callable[[int | None], Policy]:
    return lambda year: of_year[year]


def test_each_year_is_judged_by_its_own_policy_and_what_runs_over_years_by_todays() -> None:
    strict = replace(changed(SHIPPED, PA={"of": 1000}, PUNCTUALITY={"sessions": 1}), version="strict")
    marks = dict.fromkeys(TERM, "/") | {TERM[3]: "O", AUTUMN[3]: "O", AUTUMN[4]: "L"}
    one = Child.of(child(marks))

    def kinds(*, then: Policy, now: Policy, today: Policy, only_years: bool = False) -> set[tuple[str, int | None]]:
        its = holds({2024: then, 2025: now, None: today})
        found = spans_of(one, CALENDARS, its, only_years=only_years)
        assert len(found) == len(set(found))
        return {(span.kind, span.year) for span in found if span.kind in ("PA", "PUNCTUALITY") and span.firm}

    assert kinds(then=SHIPPED, now=strict, today=SHIPPED) == {("PA", 2025)}
    assert kinds(then=strict, now=SHIPPED, today=SHIPPED) == {("PA", 2024)}
    assert kinds(then=SHIPPED, now=SHIPPED, today=strict) == {("PUNCTUALITY", None)}
    assert kinds(then=strict, now=strict, today=strict) == {("PA", 2024), ("PA", 2025), ("PUNCTUALITY", None)}
    whole = spans_of(one, CALENDARS, holds({2024: strict, 2025: strict, None: strict}))
    assert ("PUNCTUALITY", None) in {(span.kind, span.year) for span in whole}
    assert kinds(then=strict, now=strict, today=strict, only_years=True) == {("PA", 2024), ("PA", 2025)}


def test_the_years_of_a_kind_are_those_in_which_it_was_firm() -> None:
    its = [
        Span("PA", 2025, 1, 2, None, None), Span("PA", 2023, 1, 2, 3, "recovered"), Span("PA", 2025, 5, 6, None, None),
        Span("PA", 2024, 1, None, None, None), Span("SA", 2024, 1, 2, None, None),
        Span("PUNCTUALITY", None, 1, 2, None, None),
    ]  # fmt: skip
    assert ever(its, ("PA", "SA", "AT_RISK", "PUNCTUALITY")) == {
        "PA": [2023, 2025], "SA": [2024], "AT_RISK": [], "PUNCTUALITY": [],
    }  # fmt: skip


def test_a_year_without_marks_has_none() -> None:
    years = child_years(child({tick_of(MONDAY): "/"}))
    assert marked(years, 2025) is years[2025].codes
    assert marked(years, 2024).tolist() == [0] * GRID
    assert marked(years, 2024).dtype == np.uint8
