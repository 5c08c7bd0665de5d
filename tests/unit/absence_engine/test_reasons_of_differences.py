"""What each reason of a difference takes out or puts in, and how it is told."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pytest
from absence_engine.domain.dfe_file import Theirs
from absence_engine.domain.reconciliation import (
    Asked,
    Figure,
    Reason,
    Row,
    Tally,
    compare,
    is_retired,
    rows_of,
    steps,
    unexplained,
)
from absence_engine.domain.records import Codes, Enrolment, Kind
from common.academic import GRID
from common.codes import code_table

YEAR = 2025
AUGUST = date(2025, 8, 1)
TEN = date(2015, 3, 9)
ALL_YEAR = Asked(YEAR, AUGUST, date(2026, 7, 31))
NUMBER = {code.code: code.number for code in code_table().values()}
NOTHING = np.zeros(GRID, np.uint8)


def codes(code: str, *places: int) -> Codes:
    found = np.zeros(GRID, np.uint8)
    found[list(places)] = NUMBER[code]
    return found


def there(found: Codes) -> list[int]:
    return np.flatnonzero(found).tolist()


def stay(first: int, last: int | None, kind: Kind = "single") -> Enrolment:
    """A stay from one day of the year to another, counted from 1 August."""
    return Enrolment(100001, AUGUST + timedelta(first), None if last is None else AUGUST + timedelta(last), kind)


def rows(stays: Sequence[Enrolment], now: Codes, then: Codes, *, is_known: bool = True) -> list[Row]:
    return rows_of(stays, now, then, YEAR, TEN, is_known=is_known)


def tally(its: Sequence[Row], asked: Asked = ALL_YEAR) -> Tally:
    return Tally.of(steps(its, asked, np.ones(GRID, bool)), asked.one_in)


# -- stays ------------------------------------------------------------------------------------------------------------


def test_each_stay_has_the_marks_of_its_days_and_what_lies_behind_it() -> None:
    everywhere = np.full(GRID, NUMBER["/"], np.uint8)
    first, second = rows([stay(10, 19), stay(30, 39)], everywhere, everywhere)
    assert (there(first.now), there(second.now)) == ([*range(20, 40)], [*range(60, 80)])
    assert (there(first.then), there(second.then)) == ([*range(20, 40)], [*range(60, 80)])
    assert (there(first.gone), there(second.gone)) == ([*range(20), *range(40, 60)], [*range(80, GRID)])
    assert (first.born, second.born) == (TEN, TEN)


def test_stays_may_come_in_any_order_and_reach_beyond_the_year() -> None:
    everywhere = np.full(GRID, NUMBER["/"], np.uint8)
    first, second = rows([stay(30, None), stay(-99, 19)], everywhere, everywhere)
    assert (there(first.now), there(second.now)) == ([*range(40)], [*range(60, GRID)])
    assert (there(first.gone), there(second.gone)) == ([*range(40, 60)], [])
    (last,) = rows([stay(364, 364)], everywhere, everywhere)
    assert (there(last.now), there(last.gone)) == ([728, 729], [*range(728), 730, 731])
    (later,) = rows([stay(500, None)], everywhere, everywhere)
    assert there(later.now) == []
    (earlier,) = rows([stay(-20, -10)], everywhere, everywhere)
    assert (there(earlier.now), there(earlier.gone)) == ([], [*range(GRID)])


def test_what_is_asked_as_it_stands_now_has_nothing_that_is_gone() -> None:
    (row,) = rows([stay(10, 19)], NOTHING, codes("/", 4), is_known=False)
    assert there(row.gone) == []
    assert rows([], NOTHING, codes("/", 4), is_known=False) == []


def test_a_guest_has_no_row_and_covers_its_days() -> None:
    marks = codes("/", 0, 22, 70)
    (row,) = rows([stay(10, 19, "guest"), stay(30, 39)], marks, marks)
    assert (there(row.now), there(row.gone)) == ([70], [0])
    assert rows([stay(10, 19, "guest")], marks, marks) == []


def test_marks_of_a_child_without_any_stay_are_a_row_of_their_own() -> None:
    (row,) = rows([], codes("/", 5), codes("I", 4, 6))
    assert (there(row.now), there(row.then), there(row.gone), row.born) == ([], [], [4, 6], TEN)
    assert rows([], codes("/", 5), NOTHING) == []


# -- steps ------------------------------------------------------------------------------------------------------------


def one(now: Codes, then: Codes | None = None, gone: Codes = NOTHING, born: date | None = TEN) -> Row:
    return Row(now, now if then is None else then, gone, born)


def possible(row: Row, asked: Asked) -> list[int]:
    return tally([row], asked).along("possible")


def test_a_step_takes_out_or_puts_in_for_its_own_reason() -> None:
    days = Asked(YEAR, AUGUST + timedelta(10), AUGUST + timedelta(19))
    here = codes("/", *range(18, 42))
    assert possible(one(here), days) == [24, 20, 20, 20, 20, 20, 20]
    assert possible(one(here, born=None), days) == [24, 20, 0, 0, 0, 0, 0]
    assert possible(one(here, NOTHING), days) == [24, 20, 20, 20, 0, 0, 0]
    assert possible(one(here, codes("/", 19)), days) == [24, 20, 20, 20, 0, 0, 0]
    assert possible(one(here, codes("/", 20)), days) == [24, 20, 20, 20, 20, 1, 1]
    assert possible(one(NOTHING, NOTHING, codes("/", 19, 20, 39, 40)), days) == [0, 0, 0, 0, 0, 0, 2]


def test_those_of_fifteen_count_up_to_the_spring_bank_holiday() -> None:
    last = (date(2026, 5, 24) - AUGUST).days * 2 + 1
    fifteen = one(codes("/", last, last + 1), born=date(2010, 3, 9))
    assert possible(fifteen, ALL_YEAR) == [2, 2, 2, 1, 1, 1, 1]


def test_whoever_counts_as_we_do_counts_every_age() -> None:
    live = Asked(YEAR, AUGUST, date(2026, 7, 31), "live")
    assert possible(one(codes("/", 700), born=None), live) == [1] * 7
    assert possible(one(codes("/", 0, GRID - 1), born=date(2010, 3, 9)), live) == [2, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("basis", ["live", "dfe"])
def test_the_last_session_of_a_leap_year_counts(basis: Literal["live", "dfe"]) -> None:
    asked = Asked(2023, date(2023, 8, 1), date(2024, 7, 31), basis)
    assert possible(one(codes("/", GRID - 1)), asked) == [1] * 7


def test_what_is_not_said_is_on_dfes_basis_and_one_in_ten() -> None:
    assert Asked(YEAR, AUGUST, AUGUST) == Asked(YEAR, AUGUST, AUGUST, basis="dfe", one_in=10)


def test_places_that_count_for_nobody_are_left_out_before_all_steps() -> None:
    places = np.zeros(GRID, bool)
    places[30] = True
    found = steps([one(codes("/", 30, 31), codes("I", 30, 31), codes("O", 31))], ALL_YEAR, places)
    assert found[0, 0, NUMBER["/"]] == found[-1, 0, NUMBER["I"]] == 1
    assert found[:, :, 1:].sum() == 7


def test_each_row_is_an_enrolment_of_its_own() -> None:
    its = [one(codes("/", *range(9)) + codes("I", 9)), one(codes("/", *range(10)) + codes("O", 10)), one(codes("X", 1))]
    found = tally(its)
    assert (found.along("enrolments"), found.along("persistent"), found.schools) == ([2] * 7, [1] * 7, 1)
    assert (found.along("possible"), found.along("authorised"), found.along("unauthorised")) == (
        [21] * 7, [1] * 7, [1] * 7,
    )  # fmt: skip
    assert (found.along("/"), found.along("X"), found.along("?")) == ([19] * 7, [1] * 7, [0] * 7)
    strict = tally(its, Asked(YEAR, AUGUST, date(2026, 7, 31), one_in=11))
    assert strict.along("persistent") == [2] * 7
    assert found.of_codes() == dict.fromkeys(code_table(), 0) | {"/": 19, "I": 1, "O": 1, "X": 1}
    assert found.sessions[:, 0].tolist() == [0] * 7


def test_what_they_should_have_of_each_code_is_what_was_known_then() -> None:
    found = tally([one(codes("/", 50), codes("/", 50, 51), codes("I", 60))])
    assert {code: n for code, n in found.of_codes().items() if n} == {"/": 2, "I": 1}


def test_tallies_of_schools_add_up() -> None:
    both = Tally.empty()
    for school in (tally([one(codes("/", 1, 2))]), tally([one(codes("I", 1)), one(NOTHING)])):
        both.add(school)
    assert (both.along("possible"), both.along("enrolments"), both.along("persistent")) == ([3] * 7, [2] * 7, [1] * 7)
    assert both.schools == 2
    assert Tally.empty().along("possible") == [0] * 7
    assert Tally.empty().along("enrolments") == [0] * 7


# -- figures ----------------------------------------------------------------------------------------------------------


def figures(theirs: Theirs, its: Sequence[Row], asked: Asked = ALL_YEAR, known: str | None = None) -> dict[str, Figure]:
    return {found.figure: found for found in compare(theirs, tally(its, asked), asked, known)}


@pytest.mark.parametrize(
    ("row", "asked", "count", "sentence"),
    [
        (one(codes("/", 1, 50)), Asked(YEAR, date(2025, 8, 10), date(2026, 7, 3)), -1,
         "1 fewer sessions there: they count from 2025-08-10 to 2026-07-03, we all of 2025-26."),
        (one(codes("/", 50), born=None), ALL_YEAR, -1,
         "1 fewer sessions there: they count who was 5 to 15 on 31 August, and nobody whose date of birth is not "
         "known."),
        (one(codes("/", 700), born=date(2010, 3, 9)), ALL_YEAR, -1,
         "1 fewer sessions there: of those aged 15 on 31 August nothing counts from the spring bank holiday on."),
        (one(codes("/", 50), NOTHING), ALL_YEAR, -1,
         "1 fewer sessions there: nothing was known of these enrolments by then."),
        (one(codes("/", 50), codes("/", 50, 51)), ALL_YEAR, 1,
         "1 more sessions there: marks that came, were corrected or were taken back after then."),
        (one(NOTHING, NOTHING, codes("/", 50, 51)), ALL_YEAR, 2,
         "2 more sessions there: marks known by then of days on which, as we know by now, the child was not on the "
         "roll."),
    ],
)  # fmt: skip
def test_a_reason_is_told_with_what_it_is_of(row: Row, asked: Asked, count: int, sentence: str) -> None:
    ours = tally([row], asked).along("possible")[0]
    found = figures(Theirs({"possible": ours + count}, {}), [row], asked, "then")["possible"]
    assert [(reason.count, reason.sentence) for reason in found.reasons] == [(count, sentence)]
    assert (found.difference, found.expected, found.unexplained) == (count, ours + count, 0)


def test_a_figure_of_enrolments_speaks_of_enrolments() -> None:
    found = figures(Theirs({"enrolments": 0, "persistent": 1}, {}), [one(codes("/", 50), born=None)])
    assert found["enrolments"].unit == found["persistent"].unit == "enrolments"
    assert found["enrolments"].reasons[0].sentence.startswith("1 fewer enrolments there: they count who was 5 to 15")
    assert (found["persistent"].theirs, found["persistent"].ours, found["persistent"].unexplained) == (1, 0, 1)


def test_what_no_reason_explains_is_left_over() -> None:
    its = [one(codes("/", 50))]
    found = figures(Theirs({"possible": 3}, {"/": 1, "I": 4}), its)
    assert {name: (one.unit, one.theirs, one.ours, one.difference, one.unexplained) for name, one in found.items()} == {
        "possible": ("sessions", 3, 1, 2, 2), "/": ("sessions", 1, 1, 0, 0), "I": ("sessions", 4, 0, 4, 4),
    }  # fmt: skip
    assert (found["possible"].expected, found["possible"].reasons) == (1, ())
    assert unexplained(found.values())
    assert not unexplained([found["/"]])


def test_a_number_that_they_hide_is_compared_with_nothing() -> None:
    found = figures(Theirs({"possible": None}, {"H": None}), [one(codes("/", 1, 50), born=None)])
    hidden = "Their number is hidden, or can't be told from what they show."
    age = "they count who was 5 to 15 on 31 August, and nobody whose date of birth is not known"
    assert found["possible"] == Figure(
        "possible", "sessions", None, 2, 0, None,
        (Reason("age", -2, f"2 fewer sessions there: {age}."), Reason("suppressed", 0, hidden)), None,
    )  # fmt: skip
    assert not unexplained(found.values())


# -- codes ------------------------------------------------------------------------------------------------------------


def test_a_code_is_retired_in_a_year_that_begins_after_it() -> None:
    assert [is_retired("H", year) for year in (2023, 2024)] == [False, True]
    assert (is_retired("I", 2025), is_retired("?", 2025)) == (False, True)


def explained(theirs: Theirs, its: Sequence[Row] = ()) -> dict[str, tuple[dict[str, int], int | None]]:
    its = its or [one(codes("/", *range(10)))]
    return {
        name: ({reason.reason: reason.count for reason in found.reasons}, found.unexplained)
        for name, found in figures(theirs, its).items()
    }


def test_codes_that_are_not_taken_are_in_the_sum_of_their_sort_and_in_all() -> None:
    sums: dict[str, int | None] = {"possible": 17, "attended": 12, "authorised": 5, "unauthorised": 0}
    found = explained(Theirs(sums, {"H": 3, "F": 2, "J": 2, "Y": 9}))
    assert found == {
        "possible": ({"codes": 7}, 0), "attended": ({"codes": 2}, 0), "authorised": ({"codes": 5}, 0),
        "unauthorised": ({}, 0), "H": ({"codes": 3}, 0), "F": ({"codes": 2}, 0), "J": ({"codes": 2}, 0),
        "Y": ({"codes": 9}, 0),
    }  # fmt: skip


def test_of_a_code_that_is_not_taken_only_what_we_do_not_have_is_stray() -> None:
    row = one(codes("H", 50), codes("H", 50, 51), codes("H", 60))
    assert explained(Theirs({}, {"H": 5}), [row]) == {"H": ({"late-mark": 1, "leaver": 1, "codes": 2}, 0)}


def test_a_hidden_sum_has_no_share_of_stray_codes() -> None:
    assert explained(Theirs({"possible": None, "authorised": None}, {"H": 2})) == {
        "possible": ({"suppressed": 0}, None), "authorised": ({"suppressed": 0}, None), "H": ({"codes": 2}, 0),
    }  # fmt: skip


def test_a_code_that_has_no_column_anywhere_is_not_missing() -> None:
    codes_: dict[str, int | None] = {**dict.fromkeys(code_table(), 0), "/": 10}
    del codes_["F"]
    sums: dict[str, int | None] = {"possible": 13, "attended": 10, "authorised": 0, "unauthorised": 3}
    found = explained(Theirs(sums, codes_, complete=True))
    assert (found["authorised"], found["unauthorised"], found["possible"]) == (
        ({}, 0),
        ({"codes": 3}, 0),
        ({"codes": 3}, 0),
    )


def test_what_a_sum_has_more_than_its_codes_is_of_a_code_without_a_column() -> None:
    codes_: dict[str, int | None] = {**dict.fromkeys(code_table(), 0), "/": 10}
    sums: dict[str, int | None] = {"possible": 12, "attended": 10, "authorised": 2, "unauthorised": 0}
    whole = explained(Theirs(sums, codes_, complete=True))
    assert (whole["authorised"], whole["possible"]) == (({"codes": 2}, 0), ({"codes": 2}, 0))
    for theirs in (Theirs(sums, codes_), Theirs(sums, codes_ | {"M": None}, complete=True)):
        found = explained(theirs)
        assert (found["authorised"], found["possible"]) == (({}, 2), ({}, 2))
    hidden = explained(Theirs(sums | {"authorised": None}, codes_, complete=True))
    assert hidden["possible"] == ({}, 2)


def test_a_sum_that_is_not_that_of_its_parts_has_codes_of_no_part() -> None:
    sums: dict[str, int | None] = {"possible": 13, "attended": 10, "authorised": 0, "unauthorised": 0}
    assert explained(Theirs(sums, {}))["possible"] == ({"codes": 3}, 0)
    assert explained(Theirs(sums | {"unauthorised": None}, {}))["possible"] == ({}, 3)
    assert explained(Theirs({"possible": 13}, {}))["possible"] == ({}, 3)


def test_as_many_sessions_as_there_are_of_d_are_those_of_dual_registration() -> None:
    sums: dict[str, int | None] = {"possible": 13, "attended": 10, "authorised": 0, "unauthorised": 0}
    dual = [one(codes("/", *range(10)) + codes("D", 20, 21, 22))]
    because = "they count D, at the other school of a dual registration, as possible"
    assert explained(Theirs(sums, {}), dual)["possible"] == ({"dual-registration": 3}, 0)
    assert figures(Theirs(sums, {}), dual)["possible"].reasons[0].sentence == f"3 more sessions there: {because}."
    assert explained(Theirs(sums, {"D": 3}))["possible"] == ({"dual-registration": 3}, 0)
    assert explained(Theirs(sums, {"D": 4}), dual)["possible"] == ({"codes": 3}, 0)
    assert explained(Theirs(sums | {"possible": 14}, {}), dual)["possible"] == ({"codes": 4}, 0)
    assert explained(Theirs(sums | {"possible": 10}, {"D": 0}))["possible"] == ({}, 0)
    later = [one(codes("/", *range(10)), codes("/", *range(10)) + codes("D", 20, 21), codes("D", 30))]
    assert explained(Theirs(sums, {}), later)["possible"] == ({"dual-registration": 3}, 0)
    stray = explained(Theirs(sums | {"possible": 15, "authorised": 2}, {"H": 2}), dual)
    assert stray["possible"] == ({"codes": 2, "dual-registration": 3}, 0)


def test_the_sentence_of_stray_codes_names_them() -> None:
    found = figures(Theirs({}, {"H": 2}), [one(codes("/", 1))])["H"]
    because = "codes that are retired or unknown, or that are in their sum and in none of its parts"
    assert found.reasons == (Reason("codes", 2, f"2 more sessions there: {because}."),)
