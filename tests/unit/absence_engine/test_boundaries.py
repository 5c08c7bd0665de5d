"""Every line of every threshold with its shipped numbers: what just reaches it, and what just does not."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from absence_engine.domain.flags import Flagged
from absence_engine.domain.policy import Policy, read
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, Span, spans
from absence_engine.domain.ticks import NEVER, day_of, session_of, tick_of, week_of
from common.academic import Session
from common.codes import code_table

from tests.unit.absence_engine.children import OTHER, URN, calendars, child, sheets, stay

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text())
DAYS = [date.fromisoformat(day) for day in VECTORS["school_days"]]
"""190 school days of one year, and those of the autumn after it; 39 school weeks in the first."""
TICKS = [tick_of(day, half) for day in DAYS for half in Session]
OPEN = calendars({URN: TICKS, OTHER: TICKS})
YEAR = [tick for tick in TICKS if tick < tick_of(date(2026, 8, 1))]

RATE: dict[str, Any] = {"rule": "rate", "part": 1, "minimum_possible": 40, "recovery_sessions": 10}
RUN: dict[str, Any] = {"rule": "run", "unsettled_codes": ["N"]}
WINDOW: dict[str, Any] = {"rule": "window", "sessions": 10, "weeks": 10, "reading": "school_weeks"}
THRESHOLDS: dict[str, Any] = {
    "AT_RISK": {**RATE, "of": 20, "minimum_possible": 20},
    "BELOW_95": {**RATE, "of": 20, "strict": True},
    "SCHOOL_TARGET": {
        "rule": "rate", "strict": True, "targets": {str(URN): "90"}, "minimum_possible": 40, "recovery_sessions": 10,
    },
    "CIN_CP_95": {**RATE, "of": 20, "strict": True, "flags": ["CIN", "CP"]},
    "PA": {**RATE, "of": 10},
    "SA": {**RATE, "of": 2},
    "PN_10_IN_10": {
        **WINDOW, "codes": ["G", "N", "O", "U"], "unsettled_codes": ["N"], "compulsory_age": True, "spendable": True,
    },
    "PUNCTUALITY": {**WINDOW, "codes": ["L", "U"], "compulsory_age": False, "spendable": False},
    "CONTINUOUS_10": {**RUN, "sessions": 20, "codes": ["G", "N", "O", "U"], "compulsory_age": True},
    "CONTINUOUS_20": {**RUN, "sessions": 40, "codes": ["G", "N", "O"], "compulsory_age": True},
    "UNEXPLAINED": {**RUN, "sessions": 1, "codes": ["N", "O"], "flags": ["CLA"], "compulsory_age": False},
    "SICKNESS_15": {"rule": "tally", "sessions": 30, "codes": ["I"], "compulsory_age": True},
}  # fmt: skip


def policy(**changed: Any) -> Policy:
    """The shipped numbers; `changed` by kind."""
    return read({"version": "test", "valid_from": "2024-08-19", "thresholds": {**THRESHOLDS, **changed}})


SHIPPED = policy()


def codes_of(said: str) -> list[str]:
    """`4xO 36x/ #` as codes."""
    found: list[str] = []
    for word in said.split():
        number, _, code = word.rpartition("x")
        found += [code] * int(number or 1)
    return found


def marked(said: str, at: list[int] = TICKS, **more: Any) -> ChildRecord:
    """A child at one school with these codes, one session after another."""
    codes = codes_of(said)
    assert all(code in code_table() for code in codes)
    return child(dict(zip(at, codes, strict=False)), **more)


def places(record: ChildRecord, kind: str, by: Policy = SHIPPED) -> list[tuple[int, int | None, int | None]]:
    """Where spans of a kind cross, are firm and end: the number of the session, from 1."""
    whole = Child.of(record)
    (found,) = spans([whole], [Scope.whole(whole)], OPEN, by)

    def number(tick: int | None) -> int | None:
        return None if tick is None else TICKS.index(tick) + 1

    return [
        (TICKS.index(span.crossed) + 1, number(span.firm), number(span.ended)) for span in found if span.kind == kind
    ]


# -- rates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("PA", "36x/ 4xO", [(40, 40, None)]),
        ("PA", "37x/ 4xO", []),
        ("SA", "20x/ 20xI", [(40, 40, None)]),
        ("SA", "21x/ 20xI", []),
        ("AT_RISK", "19x/ O", [(20, 20, None)]),
        ("AT_RISK", "20x/ O", []),
        ("AT_RISK", "18x/ O /", [(19, 20, None)]),
        ("BELOW_95", "38x/ 2xI", []),
        ("BELOW_95", "37x/ 2xI", [(39, None, None)]),
        ("BELOW_95", "38x/ 3xI", [(41, 41, None)]),
        ("SCHOOL_TARGET", "36x/ 4xI", []),
        ("SCHOOL_TARGET", "36x/ 5xI", [(41, 41, None)]),
    ],
)
def test_a_rate_is_compared_with_its_line_exactly(kind: str, said: str, expected: list[Any]) -> None:
    assert places(marked(said), kind) == expected


def test_a_rate_is_firm_with_the_fortieth_possible_session_and_not_before() -> None:
    assert places(marked("4xO 35x/"), "PA") == [(1, None, None)]
    assert places(marked("4xO 36x/"), "PA") == [(1, 40, None)]
    assert places(marked("4xO 2x# D Y4 X 36x/"), "PA") == [(1, 45, None)]


def test_a_rate_is_firm_by_its_own_sessions_and_not_by_those_of_a_later_crossing() -> None:
    assert places(marked("O 39x/ 6xO"), "PA") == [(1, None, 20), (44, 44, None)]


@pytest.mark.parametrize(("below", "ended"), [(9, None), (10, 51)])
def test_a_rate_ends_with_the_tenth_session_below_the_line(below: int, ended: int | None) -> None:
    assert places(marked(f"36x/ 4xO {below}x/"), "PA") == [(40, 40, 50 if ended else None)]


def test_a_target_is_of_the_school_that_gave_the_mark() -> None:
    there = ChildRecord(
        child({}).pupil_id, date(2014, 3, 9), (stay(OTHER),), tuple(sheets(dict.fromkeys(TICKS[:50], "O"), OTHER))
    )
    assert places(there, "SCHOOL_TARGET") == []
    targets = {**THRESHOLDS["SCHOOL_TARGET"], "targets": {str(OTHER): "0.01"}}
    assert places(there, "SCHOOL_TARGET", policy(SCHOOL_TARGET=targets)) == [(1, 40, None)]
    assert places(marked("50xO"), "SCHOOL_TARGET", policy(SCHOOL_TARGET=targets)) == []


@pytest.mark.parametrize(
    ("target", "strict", "said", "expected"),
    [
        ("90", False, "36x/ 4xI", [(40, 40, None)]),
        ("90", False, "37x/ 4xI", []),
        ("0", False, "40xI", [(1, 40, None)]),
        ("0", False, "/ 40xI", []),
        ("0", True, "40xI", []),
        ("100", False, "/", [(1, None, None)]),
        ("100", True, "39x/ I", [(40, 40, None)]),
    ],
)
def test_a_target_is_missed_below_it_or_with_it_as_the_policy_says(
    target: str, strict: bool, said: str, expected: list[Any]
) -> None:
    its = {**THRESHOLDS["SCHOOL_TARGET"], "targets": {str(URN): target}, "strict": strict}
    assert places(marked(said), "SCHOOL_TARGET", policy(SCHOOL_TARGET=its)) == expected


def flagged(first: int, last: int, flag: str = "CP") -> tuple[Flagged]:
    """A flag on the days of two sessions, told by their numbers, and between."""
    days = [DAYS[(number - 1) // 2] for number in (first, last)]
    return (Flagged(flag, tick_of(days[0]), tick_of(days[1], 1)),)


def test_a_rate_about_children_with_a_flag_holds_from_its_first_to_its_last_day() -> None:
    every_day = "60xO"
    assert places(marked(every_day), "CIN_CP_95") == []
    assert places(marked(every_day, flags=flagged(41, 50)), "CIN_CP_95") == [(41, 41, 60)]
    assert places(marked(every_day, flags=flagged(41, 52)), "CIN_CP_95") == [(41, 41, None)]
    assert places(marked(every_day, flags=flagged(41, 42, "FSM")), "CIN_CP_95") == []
    assert places(marked(every_day, flags=(Flagged("CIN", 0, NEVER),)), "CIN_CP_95") == [(1, 40, None)]


def test_no_rate_opens_outside_compulsory_school_age() -> None:
    first = DAYS[3]
    born = first.replace(year=first.year - 5)  # five on that day: of compulsory age from 31 December on
    from_ = next(number for number, tick in enumerate(TICKS) if tick >= tick_of(date(2025, 12, 31))) + 1
    for kind in ("AT_RISK", "BELOW_95", "SCHOOL_TARGET", "PA", "SA"):
        assert [span[0] for span in places(marked("380xO", born=born), kind)] == [from_], kind


FIRST_OF_AUGUST = tick_of(date(2025, 8, 1))


def test_the_first_morning_of_an_academic_year_is_one_of_its_sessions() -> None:
    at_once = policy(PA={**THRESHOLDS["PA"], "minimum_possible": 1}, CIN_CP_95={**THRESHOLDS["CIN_CP_95"], "of": 1000})
    (span,) = all_spans(child({FIRST_OF_AUGUST: "O"}), "PA", at_once)
    assert (span.year, span.crossed, span.firm) == (2025, FIRST_OF_AUGUST, FIRST_OF_AUGUST)
    for last, kinds in ((FIRST_OF_AUGUST - 1, []), (FIRST_OF_AUGUST, ["CIN_CP_95"])):
        its = child({FIRST_OF_AUGUST: "O"}, flags=(Flagged("CP", 0, last),))
        assert [span.kind for span in all_spans(its, "CIN_CP_95", at_once)] == kinds


def all_spans(record: ChildRecord, kind: str, by: Policy = SHIPPED, scope: Scope | None = None) -> list[Span]:
    whole = Child.of(record)
    (found,) = spans([whole], [scope or Scope.whole(whole)], OPEN, by)
    return [span for span in found if span.kind == kind]


def test_a_rate_ends_with_its_years_last_session_once_a_later_year_has_a_mark() -> None:
    last = len(YEAR)
    of_year = dict.fromkeys(TICKS[last - 50 : last], "O")
    (still,) = all_spans(child(of_year), "PA")
    assert (still.year, still.ended, still.reason) == (2025, None, None)
    (over,) = all_spans(child(of_year | {TICKS[last]: "#"}), "PA")
    assert (over.ended, over.reason) == (TICKS[last - 1], "year_end")
    back = dict.fromkeys(TICKS[last - 50 : last - 46], "O") | dict.fromkeys(TICKS[last - 46 : last], "/")
    (recovered,) = all_spans(child(back | {TICKS[last]: "/"}), "PA")
    assert (recovered.ended, recovered.reason) == (TICKS[last - 1], "recovered")


def test_a_later_year_whose_marks_have_all_gone_ends_nothing() -> None:
    (sheet,) = sheets(dict.fromkeys(TICKS[:50], "O"))
    emptied = child({})._replace(sheets=(sheet, sheet._replace(year=2026, codes=bytes(len(sheet.codes)))))
    (span,) = all_spans(emptied, "PA")
    assert (span.ended, span.reason) == (None, None)
    assert all_spans(emptied._replace(sheets=emptied.sheets[1:]), "PA") == []


def test_only_the_years_and_kinds_of_a_scope_are_looked_at() -> None:
    last = len(YEAR)
    both = child(dict.fromkeys(TICKS[last - 50 : last + 50], "O"))
    assert [span.year for span in all_spans(both, "PA")] == [2025, 2026]
    assert [span.year for span in all_spans(both, "PA", scope=Scope(frozenset({2026, 2030}), frozenset()))] == [2026]
    assert all_spans(both, "CONTINUOUS_10", scope=Scope(frozenset({2026}), frozenset({"CONTINUOUS_20"}))) == []
    assert len(all_spans(both, "CONTINUOUS_20", scope=Scope(frozenset(), frozenset({"CONTINUOUS_20"})))) == 1


def test_each_child_of_several_has_its_own_spans() -> None:
    several = [Child.of(marked(said)) for said in ("40x/", "30xI 10x/", "10xL", "40xO", "")]
    found = spans(several, [Scope.whole(one) for one in several], OPEN, SHIPPED)
    assert [{span.kind for span in its} & {"PUNCTUALITY", "SICKNESS_15", "CONTINUOUS_20"} for its in found] == [
        set(), {"SICKNESS_15"}, {"PUNCTUALITY"}, {"CONTINUOUS_20"}, set(),
    ]  # fmt: skip


def test_sessions_at_a_school_without_a_target_are_below_none() -> None:
    its = {**THRESHOLDS["SCHOOL_TARGET"], "targets": {str(URN): "0.02"}}
    away = sheets(dict.fromkeys(TICKS[:10], "O"), OTHER)
    two = ChildRecord(
        child({}).pupil_id, date(2014, 3, 9), (stay(URN), stay(OTHER)), (*away, *sheets({TICKS[10]: "/"}))
    )
    assert places(two, "SCHOOL_TARGET", policy(SCHOOL_TARGET=its)) == []
    absent = two._replace(sheets=(*away, *sheets({TICKS[10]: "O"})))
    assert places(absent, "SCHOOL_TARGET", policy(SCHOOL_TARGET=its)) == [(11, None, None)]


# -- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("CONTINUOUS_10", "19xO", []),
        ("CONTINUOUS_10", "20xO", [(20, 20, None)]),
        ("CONTINUOUS_10", "5xO 5xG 5xU 5xO", [(20, 20, None)]),
        ("CONTINUOUS_10", "19xO N", [(20, None, None)]),
        ("CONTINUOUS_10", "19xO N O", [(20, 21, None)]),
        ("CONTINUOUS_10", "19xO N /", [(20, None, 20)]),
        ("CONTINUOUS_10", "10xO I 10xO", []),
        ("CONTINUOUS_10", "10xO / 19xO", []),
        ("CONTINUOUS_10", "10xO L 20xO", [(31, 31, None)]),
        ("CONTINUOUS_10", "10xO # Y4 D X Q Y1 Z 10xO", [(27, 27, None)]),
        ("CONTINUOUS_10", "20xO #", [(20, 20, None)]),
        ("CONTINUOUS_10", "25xO /", [(20, 20, 25)]),
        ("CONTINUOUS_10", "20xO / 20xO", [(20, 20, 20), (41, 41, None)]),
        ("CONTINUOUS_20", "39xO", []),
        ("CONTINUOUS_20", "40xO", [(40, 40, None)]),
        ("CONTINUOUS_20", "20xO U 20xO", []),
        ("CONTINUOUS_20", "20xO I 20xO", []),
        ("CONTINUOUS_20", "13xO 13xG 14xN", [(40, None, None)]),
        ("CONTINUOUS_20", "20xO 3x# 20xO", [(43, 43, None)]),
    ],
)
def test_a_run_is_of_so_many_possible_sessions_one_after_another(kind: str, said: str, expected: list[Any]) -> None:
    assert places(marked(said), kind) == expected


def test_a_run_goes_on_over_the_summer_and_from_school_to_school() -> None:
    last = len(YEAR)
    edge = TICKS[last - 10 : last + 10]
    assert places(child(dict.fromkeys(edge, "O")), "CONTINUOUS_10") == [(last + 10, last + 10, None)]
    moved = ChildRecord(
        child({}).pupil_id, date(2014, 3, 9), (stay(URN, to=DAYS[4]), stay(OTHER, DAYS[5])),
        (*sheets(dict.fromkeys(TICKS[:10], "O")), *sheets(dict.fromkeys(TICKS[10:20], "O"), OTHER)),
    )  # fmt: skip
    assert places(moved, "CONTINUOUS_10") == [(20, 20, None)]


def sixteen_in(year: int) -> date:
    """Born so that compulsory age ends with the last Friday in June of a year."""
    return date(year - 16, 3, 9)


def crossings(marks: dict[int, str], kind: str, born: date) -> list[tuple[date, str]]:
    """Where a child's spans of a kind cross, on any day."""
    whole = Child.of(child(marks, born=born))
    (found,) = spans([whole], [Scope.whole(whole)], OPEN, SHIPPED)
    return [(day_of(span.crossed), session_of(span.crossed)) for span in found if span.kind == kind]


@pytest.mark.parametrize("kind", ["PA", "AT_RISK", "CONTINUOUS_10", "SICKNESS_15"])
def test_compulsory_age_begins_with_its_first_day(kind: str) -> None:
    first = date(2027, 3, 31)  # a Wednesday
    code = "I" if kind == "SICKNESS_15" else "O"
    number = {"PA": 1, "AT_RISK": 1, "CONTINUOUS_10": 20, "SICKNESS_15": 30}[kind]
    within = [tick_of(first) + n for n in range(number)]
    assert crossings(dict.fromkeys(within, code), kind, date(2022, 3, 1)) == [
        (day_of(within[-1]), session_of(within[-1]))
    ]
    before = [tick_of(first) - 1, *within[:-1]]
    assert crossings(dict.fromkeys(before, code), kind, date(2022, 3, 1)) == []


@pytest.mark.parametrize("kind", ["PA", "SA", "AT_RISK", "BELOW_95", "SCHOOL_TARGET"])
def test_no_rate_opens_after_the_last_day_of_compulsory_age(kind: str) -> None:
    afternoon = tick_of(date(2026, 6, 26), 1)
    assert crossings({afternoon: "O"}, kind, sixteen_in(2026)) == [(date(2026, 6, 26), "PM")]
    assert crossings({afternoon + 1: "O"}, kind, sixteen_in(2026)) == []


def test_a_run_and_a_tally_stop_with_the_last_day_of_compulsory_age() -> None:
    friday = date(2026, 6, 26)
    at = [tick for tick in TICKS if tick_of(friday - timedelta(30)) <= tick <= tick_of(friday, 1)]
    born, after = sixteen_in(2026), TICKS[TICKS.index(at[-1]) + 1]
    assert len(places(child(dict.fromkeys(at[-20:], "O"), born=born), "CONTINUOUS_10")) == 1
    assert places(child(dict.fromkeys([*at[-19:], after], "O"), born=born), "CONTINUOUS_10") == []
    assert len(places(child(dict.fromkeys(at[-30:], "I"), born=born), "SICKNESS_15")) == 1
    assert places(child(dict.fromkeys([*at[-29:], after], "I"), born=born), "SICKNESS_15") == []
    ended = places(child(dict.fromkeys([*at[-20:], after], "O"), born=born), "CONTINUOUS_10")
    assert ended == [(TICKS.index(at[-1]) + 1, TICKS.index(at[-1]) + 1, TICKS.index(at[-1]) + 1)]


def test_an_absence_without_a_reason_of_a_looked_after_child_is_told_at_once() -> None:
    always = (Flagged("CLA", 0, NEVER),)
    assert places(marked("/ N"), "UNEXPLAINED") == []
    assert places(marked("/ N", flags=always), "UNEXPLAINED") == [(2, None, None)]
    assert places(marked("/ O", flags=always), "UNEXPLAINED") == [(2, 2, None)]
    assert places(marked("/ N O /", flags=always), "UNEXPLAINED") == [(2, 3, 3)]
    assert places(marked("/ G U I", flags=always), "UNEXPLAINED") == []
    assert places(marked("6xO", flags=flagged(3, 4, "CLA")), "UNEXPLAINED") == [(3, 3, 4)]
    assert places(marked("O", flags=always, born=date(2022, 1, 1)), "UNEXPLAINED") == [(1, 1, None)]


# -- tallies ----------------------------------------------------------------------------------------------------------


def test_fifteen_days_of_illness_are_thirty_sessions_of_one_year() -> None:
    assert places(marked("29xI"), "SICKNESS_15") == []
    assert places(marked("30xI"), "SICKNESS_15") == [(30, 30, None)]
    assert places(marked("35xI"), "SICKNESS_15") == [(30, 30, None)]
    assert places(marked("29xI 10xM 10xO"), "SICKNESS_15") == []
    assert places(marked("10x/ " + "I / " * 30), "SICKNESS_15") == [(69, 69, None)]
    last = len(YEAR)
    over_the_edge = TICKS[last - 29 : last + 1]
    assert places(child(dict.fromkeys(over_the_edge, "I")), "SICKNESS_15") == []
    in_the_year = TICKS[last - 30 : last + 1]
    assert places(child(dict.fromkeys(in_the_year, "I")), "SICKNESS_15") == [(last, last, last)]
    (over,), (still,) = (all_spans(child(dict.fromkeys(of, "I")), "SICKNESS_15") for of in (in_the_year, TICKS[:30]))
    assert (over.reason, still.reason) == ("year_end", None)


# -- windows ----------------------------------------------------------------------------------------------------------


def test_ten_late_marks_are_counted_whatever_the_age_and_no_other_code() -> None:
    assert places(marked("9xL"), "PUNCTUALITY") == []
    assert places(marked("5xL 5xU"), "PUNCTUALITY") == [(10, 10, None)]
    assert places(marked("9xL N O G I"), "PUNCTUALITY") == []
    assert places(marked("10xL", born=date(2022, 1, 1)), "PUNCTUALITY") == [(10, 10, None)]
    spent = marked("10xL")._replace(spent=frozenset(TICKS[:10]))
    assert places(spent, "PUNCTUALITY") == [(10, 10, None)]


def test_ten_in_ten_are_firm_with_the_tenth_settled_one_and_none_that_a_notice_has_spent() -> None:
    assert places(marked("9xO"), "PN_10_IN_10") == []
    assert places(marked("9xO N"), "PN_10_IN_10") == [(10, None, None)]
    assert places(marked("9xO N G"), "PN_10_IN_10") == [(10, 11, None)]
    assert places(marked("10xO I L"), "PN_10_IN_10") == [(10, 10, None)]
    assert places(marked("10xO")._replace(spent=frozenset(TICKS[:1])), "PN_10_IN_10") == []
    assert places(marked("11xO")._replace(spent=frozenset(TICKS[:1])), "PN_10_IN_10") == [(11, 11, None)]


def test_the_tenth_session_is_that_of_the_window_and_not_of_all() -> None:
    first, last = mondays()[0], mondays()[10]
    ticks = [*TICKS[first : first + 2], *TICKS[last : last + 10]]
    assert places(child(dict.fromkeys(ticks, "L")), "PUNCTUALITY") == [(last + 10, last + 10, None)]


def mondays() -> list[int]:
    """The first open session of each school week, as its place."""
    weeks: dict[date, int] = {}
    for place, day in enumerate(DAYS):
        weeks.setdefault(day - timedelta(day.weekday()), place * 2)
    return list(weeks.values())


@pytest.mark.parametrize(("later", "crosses"), [(9, True), (10, False)])
def test_a_window_is_of_ten_school_weeks(later: int, crosses: bool) -> None:
    first, last = mondays()[0], mondays()[later]
    ticks = [*TICKS[first : first + 4], *TICKS[last : last + 6]]
    for kind, code in (("PUNCTUALITY", "L"), ("PN_10_IN_10", "O")):
        found = places(child(dict.fromkeys(ticks, code)), kind)
        assert [span[0] for span in found] == ([last + 6] if crosses else []), kind


@pytest.mark.parametrize(("days", "crosses"), [(50, True), (49, False)])
def test_a_window_of_school_days_is_of_so_many(days: int, crosses: bool) -> None:
    by_days = policy(PUNCTUALITY={**THRESHOLDS["PUNCTUALITY"], "reading": "school_days", "days": days})
    ticks = [*TICKS[:8], *TICKS[98:100]]  # on the first four days, and the fiftieth
    expected = [(100, 100, None)] if crosses else []
    assert places(child(dict.fromkeys(ticks, "L")), "PUNCTUALITY", by_days) == expected


def test_a_window_of_school_days_ends_with_the_first_day_that_holds_fewer_once_a_later_one_is_marked() -> None:
    by_days = policy(PUNCTUALITY={**THRESHOLDS["PUNCTUALITY"], "reading": "school_days", "days": 10})
    assert places(marked("10xL 12x/"), "PUNCTUALITY", by_days) == [(10, 10, None)]
    assert places(marked("10xL 13x/"), "PUNCTUALITY", by_days) == [(10, 10, 22)]


def test_a_window_is_firm_by_its_own_sessions_and_not_by_those_of_a_later_one() -> None:
    """The first holds nine and an N, and has ended weeks before the settled ones of the second come."""
    first, later = mondays()[0], mondays()[12]
    marks = dict.fromkeys(TICKS[: later + 30], "/") | dict(zip(TICKS[first : first + 10], "OOOOOOOOON", strict=True))
    marks |= dict.fromkeys(TICKS[later : later + 11], "O")
    before, after = places(child(marks), "PN_10_IN_10")
    assert before == (10, None, mondays()[11])
    assert after == (later + 10, later + 10, None)


def test_a_window_of_weeks_may_open_again_in_the_week_after_the_one_in_which_it_ended() -> None:
    first, again = mondays()[0], mondays()[11]
    marks = dict.fromkeys(TICKS[: again + 10], "/") | dict.fromkeys(TICKS[first : first + 10], "L")
    marks |= dict.fromkeys(TICKS[again : again + 10], "L")
    assert places(child(marks), "PUNCTUALITY") == [(10, 10, again), (again + 10, again + 10, None)]


def test_windows_of_one_week_open_from_the_first_week_on_and_again_after_each_without() -> None:
    """Three late marks in the first and the third of four weeks."""
    weeks = [[tick for tick in YEAR if week_of(tick) == week] for week in sorted({week_of(tick) for tick in YEAR})][:5]
    marks = {tick: "/" for week in weeks for tick in week}
    marks |= {tick: "L" for week in (weeks[0], weeks[2]) for tick in week[:3]}
    one = Child.of(child(marks))
    its = policy(PUNCTUALITY={**THRESHOLDS["PUNCTUALITY"], "sessions": 3, "weeks": 1})
    found = [span for span in spans([one], [Scope.whole(one)], OPEN, its)[0] if span.kind == "PUNCTUALITY"]
    assert [(span.crossed, span.firm, span.ended) for span in found] == [
        (weeks[0][2], weeks[0][2], weeks[1][-1]), (weeks[2][2], weeks[2][2], weeks[3][-1]),
    ]  # fmt: skip
