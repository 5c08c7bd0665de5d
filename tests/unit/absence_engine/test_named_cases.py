"""What each kind of threshold is for, case by case: the rule book's examples of section E, and the edges of its section
12.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from absence_engine.domain.explain import explain
from absence_engine.domain.flags import Flagged
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, Span, spans
from absence_engine.domain.ticks import NEVER, tick_of
from common.events.absence_engine import Explanation

from tests.unit.absence_engine.children import OTHER, PUPIL, URN, calendars, child, said, sessions, sheets, stay
from tests.unit.absence_engine.policies import FULL, SHIPPED, changed


def weekdays(first: date, n: int) -> list[date]:
    days = [first + timedelta(day) for day in range(2 * n)]
    return [day for day in days if day.weekday() < 5][:n]


AUTUMN_DAYS = weekdays(date(2025, 9, 1), 75)
AUTUMN = sessions(AUTUMN_DAYS)
SUMMER = sessions(weekdays(date(2025, 6, 2), 35))
OPEN = calendars({URN: [*SUMMER, *AUTUMN], OTHER: [*SUMMER, *AUTUMN]})


def record(codes: str | list[str], **more: Any) -> ChildRecord:
    return child(dict(zip(AUTUMN, codes, strict=False)), **more)


def found(of: ChildRecord, kind: str, policy: Policy = FULL) -> list[Span]:
    one = Child.of(of)
    return [span for span in spans([one], [Scope.whole(one)], OPEN, policy)[0] if span.kind == kind]


def why(of: ChildRecord, span: Span, policy: Policy = FULL) -> Explanation:
    return explain(Child.of(of), span, OPEN, policy)


def crossed(of: ChildRecord, kind: str, policy: Policy = FULL) -> list[int]:
    """Which session of the autumn, from 1, each span opens with."""
    return [AUTUMN.index(span.crossed) + 1 for span in found(of, kind, policy)]


# -- ten and twenty days in a row -------------------------------------------------------------------------------------


def test_e01_an_attendance_return_is_due_on_the_twentieth_session_in_a_row() -> None:
    codes = "OGNU" * 5
    assert crossed(record(codes[:19]), "CONTINUOUS_10") == []
    assert crossed(record(codes), "CONTINUOUS_10") == [20]


def test_the_attendance_return_says_in_how_many_sessions_the_child_came_late() -> None:
    of = record("/" + "OOOU" * 5)
    (span,) = found(of, "CONTINUOUS_10")
    told = why(of, span)
    assert told.formula == {
        "sessions": 20, "unsettled": 0, "needed": 20, "late": 5, "comparison": "sessions in a row >= 20",
    }  # fmt: skip
    assert [session.code for session in told.sessions] == list("OOOU" * 5)
    assert "In 5 of them the child came after the register had closed." in told.sentence
    assert told.sentence.startswith("20 possible sessions in a row were missed without permission, from the afternoon")


def test_u_breaks_what_may_lead_to_a_deletion_but_counts_to_the_attendance_return() -> None:
    codes = "O" * 30 + "U" + "O" * 39
    assert crossed(record(codes), "CONTINUOUS_20") == []
    assert crossed(record(codes), "CONTINUOUS_10") == [20]
    assert crossed(record(codes + "O"), "CONTINUOUS_20") == [71]


@pytest.mark.parametrize("between", ["Y1", "#", "D", "X", "Q"])
def test_a_session_that_is_not_possible_neither_extends_a_run_nor_breaks_it(between: str) -> None:
    assert crossed(record([*"O" * 10, between, between, *"O" * 9]), "CONTINUOUS_10") == []
    assert crossed(record([*"O" * 10, between, between, *"O" * 10]), "CONTINUOUS_10") == [22]


@pytest.mark.parametrize("between", ["/", "I", "L", "C2"])
def test_every_other_possible_session_breaks_it(between: str) -> None:
    assert crossed(record([*"O" * 10, between, *"O" * 10]), "CONTINUOUS_10") == []


def test_a_run_ends_with_its_last_session_once_another_one_breaks_it() -> None:
    (still,) = found(record("O" * 23), "CONTINUOUS_10")
    assert (still.ended, still.reason, still.year) == (None, None, None)
    (over,) = found(record("O" * 23 + "/"), "CONTINUOUS_10")
    assert (over.ended, over.reason) == (AUTUMN[22], "recovered")


def test_a_run_goes_on_over_the_summer_and_a_move_of_school() -> None:
    stays = (stay(URN, to=date(2025, 8, 31)), stay(OTHER, date(2025, 9, 1)))
    before, after = dict.fromkeys(SUMMER[-12:], "O"), dict.fromkeys(AUTUMN[:8], "G")
    of = ChildRecord(PUPIL, date(2014, 3, 9), stays, (*sheets(before), *sheets(after, OTHER)))
    (span,) = found(of, "CONTINUOUS_10")
    assert (said(span.crossed), span.year) == (said(AUTUMN[7]), None)
    schools = [session.school_urn for session in why(of, span).sessions]
    assert schools == [URN] * 12 + [OTHER] * 8


def test_a_sentence_about_one_session_speaks_of_one() -> None:
    (of_rate,) = found(record("I//"), "PA")
    assert "1 of 1 possible sessions was missed" in why(record("I//"), of_rate).sentence


def test_n_leaves_a_run_provisional_until_it_is_settled() -> None:
    (open_n,) = found(record("O" * 19 + "N" * 3), "CONTINUOUS_10")
    assert (open_n.crossed, open_n.firm) == (AUTUMN[19], None)
    of = record("O" * 19 + "N" * 3)
    assert why(of, open_n).formula["unsettled"] == 1
    assert "The reason for 1 of them is not yet known." in why(of, open_n).sentence
    (settled,) = found(record("O" * 19 + "ONO"), "CONTINUOUS_10")
    assert (settled.crossed, settled.firm) == (AUTUMN[19], AUTUMN[19])
    (later,) = found(record("O" * 19 + "NOO"), "CONTINUOUS_10")
    assert (later.crossed, later.firm) == (AUTUMN[19], AUTUMN[20])
    assert found(record("O" * 19 + "I" * 3), "CONTINUOUS_10") == []


# -- sickness ---------------------------------------------------------------------------------------------------------


def test_e03_a_sickness_return_is_due_with_thirty_sessions_that_need_not_be_in_a_row() -> None:
    codes = "I/" * 30
    assert crossed(record(codes[:58]), "SICKNESS_15") == []
    assert crossed(record(codes), "SICKNESS_15") == [59]
    of = record(codes)
    (span,) = found(of, "SICKNESS_15")
    assert (span.year, span.firm, span.ended) == (2025, span.crossed, None)
    told = why(of, span)
    assert told.formula == {"sessions": 30, "needed": 30, "comparison": "sessions in the year >= 30"}
    assert len(told.sessions) == 30
    assert "30 in a year (15 school days)" in told.sentence


def test_sickness_is_counted_anew_each_year_and_its_episode_ends_with_the_year() -> None:
    summer = dict.fromkeys(SUMMER[:40], "I") | dict.fromkeys(SUMMER[40:44], "/")
    (of_year,) = found(child(summer), "SICKNESS_15")
    assert of_year.ended is None
    of = child(summer | dict.fromkeys(AUTUMN[:29], "I"))
    (of_year,) = found(of, "SICKNESS_15")
    assert (of_year.year, of_year.ended, of_year.reason) == (2024, SUMMER[43], "year_end")


# -- flags of social care ---------------------------------------------------------------------------------------------


def flag(name: str, first: int, last: int = NEVER) -> Flagged:
    return Flagged(name, first, last)


def test_an_unexplained_absence_is_told_of_the_flagged_alone_and_at_once() -> None:
    assert found(record("/N"), "UNEXPLAINED") == []
    of = record("/N", flags=[flag("CP", 0)])
    (span,) = found(of, "UNEXPLAINED")
    assert (span.crossed, span.firm) == (AUTUMN[1], None)
    assert why(of, span).sentence == (
        "1 possible session was missed without a known reason, in the afternoon of 1 September 2025. Such absences "
        "need a call to the social worker or the youth justice worker of a child who is known to them. The reason for "
        "1 of them is not yet known."
    )


def test_an_unexplained_absence_is_firm_with_its_first_session_that_stays_so() -> None:
    (span,) = found(record("NNO/", flags=[flag("CLA", 0)]), "UNEXPLAINED")
    assert (span.crossed, span.firm, span.ended) == (AUTUMN[0], AUTUMN[2], AUTUMN[2])


def test_a_flag_that_begins_and_ends_midway_counts_for_its_own_days() -> None:
    of = record("O" * 12, flags=[flag("CIN", AUTUMN[4], AUTUMN[7])])
    (span,) = found(of, "UNEXPLAINED")
    assert (span.crossed, span.ended) == (AUTUMN[4], AUTUMN[7])


def test_attendance_below_95_of_a_child_with_a_plan_counts_while_the_plan_lasts() -> None:
    codes = "IIII" + "/" * 46
    assert found(record(codes), "CIN_CP_95") == []
    begun = record(codes, flags=[flag("CP", AUTUMN[30])])
    (span,) = found(begun, "CIN_CP_95")
    assert (span.crossed, span.firm) == (AUTUMN[30], AUTUMN[39])
    assert why(begun, span).formula == {
        "absent": 4, "possible": 40, "one_in": 20, "comparison": "absent * 20 > possible",
    }  # fmt: skip
    over = record(codes, flags=[flag("CP", AUTUMN[30], AUTUMN[39])])
    (span,) = found(over, "CIN_CP_95")
    assert (span.ended, span.reason) == (AUTUMN[49], "recovered")


# -- rates ------------------------------------------------------------------------------------------------------------


def test_exactly_five_per_cent_is_at_risk_and_not_below_95() -> None:
    of = record("/" * 57 + "III")
    assert crossed(of, "AT_RISK") == [60]
    assert crossed(of, "BELOW_95") == []
    assert crossed(record("/" * 57 + "IIII"), "BELOW_95") == [61]


def test_a_schools_target_holds_for_the_sessions_at_that_school() -> None:
    policy = changed(SHIPPED, SCHOOL_TARGET={"targets": {str(OTHER): "96.5"}, "minimum_possible": 10})
    stays = (stay(URN, to=AUTUMN_DAYS[9]), stay(OTHER, AUTUMN_DAYS[10]))
    marks = dict.fromkeys(AUTUMN[:60], "/") | {AUTUMN[5]: "I"}
    here = {tick: code for tick, code in marks.items() if tick <= tick_of(AUTUMN_DAYS[9], 1)}
    there = {tick: code for tick, code in marks.items() if tick > tick_of(AUTUMN_DAYS[9], 1)}
    of = ChildRecord(PUPIL, date(2014, 3, 9), stays, (*sheets(here), *sheets(there, OTHER)))
    (span,) = found(of, "SCHOOL_TARGET", policy)
    assert (span.crossed, span.firm) == (AUTUMN[20], AUTUMN[20])  # 1 of 21: 95.24% attendance
    assert span.ended == AUTUMN[37]  # from 1 of 29 on (96.55%), ten in a row
    told = why(of, span, policy)
    assert told.formula == {
        "absent": 1, "possible": 21, "target_basis_points": 9650, "comparison": "absent * 10000 > possible * 350",
    }  # fmt: skip
    assert told.sentence.endswith("That is an attendance of 95.24%; the school's target is 96.50%.")
    assert found(record("I" * 30), "SCHOOL_TARGET", policy) == []


def test_severe_absence_by_a_part_time_timetable_shows_its_reasons() -> None:
    codes = [*["/", "C2"] * 20, "I"]
    of = record(codes)
    span = found(of, "SA")[-1]
    told = why(of, span)
    assert told.sentence.endswith("50% or more is severe absence. By reason: 20 C2.")
    assert told.formula == {"absent": 20, "possible": 40, "one_in": 2, "comparison": "absent * 2 >= possible"}


def test_no_episode_opens_after_the_leaving_date_of_year_11() -> None:
    left = date(2009, 9, 20)  # sixteen in September 2025: of compulsory age to the last Friday of June 2026
    gone = date(2009, 3, 1)  # sixteen in March 2025: to 27 June 2025
    codes = "O" * 60
    assert all(found(record(codes, born=left), kind) for kind in ("PA", "SA", "CONTINUOUS_10", "CONTINUOUS_20"))
    kinds = set(FULL.thresholds) - {"UNEXPLAINED", "PUNCTUALITY"}
    assert [kind for kind in kinds if found(record(codes, born=gone), kind)] == []


# -- windows ----------------------------------------------------------------------------------------------------------


def test_ten_late_arrivals_in_ten_weeks_are_a_matter_of_punctuality_at_any_age() -> None:
    codes = "L/U/" * 5
    assert crossed(record(codes[:18], born=date(2022, 1, 1)), "PUNCTUALITY") == []
    of = record(codes, born=date(2022, 1, 1))
    (span,) = found(of, "PUNCTUALITY")
    assert (span.crossed, span.firm, span.year) == (AUTUMN[18], AUTUMN[18], None)
    assert why(of, span).sentence.startswith(
        "10 sessions were late within 9 school weeks, from 2 June 2025 to 12 September 2025; 10 within 10 school weeks"
    )


FIFTY: Mapping[str, Any] = {"reading": "school_days", "days": 50}


def test_by_the_other_reading_a_window_is_fifty_school_days() -> None:
    policy = changed(FULL, PN_10_IN_10=dict(FIFTY))
    marks = dict.fromkeys(AUTUMN, "/") | dict.fromkeys(AUTUMN[:9], "O")
    inside, outside = (child(marks | {AUTUMN[2 * day]: "O"}) for day in (49, 50))
    assert [said(span.crossed) for span in found(inside, "PN_10_IN_10", policy)] == [said(AUTUMN[98])]
    assert found(outside, "PN_10_IN_10", policy) == []
    (span,) = found(inside, "PN_10_IN_10", policy)
    assert span.ended == AUTUMN[101]  # the next day's window has lost the first two
    told = why(inside, span, policy)
    assert told.formula == {
        "sessions": 10, "unsettled": 0, "needed": 10, "school_days": 50,
        "comparison": "sessions in 50 school days >= 10",
    }  # fmt: skip
    assert told.school_weeks[0] == "2025-09-01"
    assert "10 within 50 school days" in told.sentence
