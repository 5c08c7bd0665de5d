"""What the sentence of an episode says, word by word: parents, heads and courts read it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from absence_engine.domain import sentences
from absence_engine.domain.explain import explain, for_pupil
from absence_engine.domain.penalty import PENALTY
from absence_engine.domain.policy import Policy, policies
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, spans
from absence_engine.domain.thresholds import Rate, Run, Tally, Window
from absence_engine.domain.ticks import day_of, tick_of
from common.academic import Session
from common.events.absence_engine import Explanation

from tests.unit.absence_engine.children import AUTUMN, DEAD, OTHER, PUPIL, URN, calendars, child, sheets, stay
from tests.unit.absence_engine.policies import SMALL, changed

POLICY = policies()[-1]
CALENDARS = calendars({URN: AUTUMN})
MORNING, AFTERNOON = tick_of(date(2025, 9, 30)), tick_of(date(2025, 9, 30), Session.PM)


@pytest.mark.parametrize(("codes", "unknown"), [("O" * 10, 0), ("O" * 9 + "N", 1), ("O" * 9 + "NO", 1)])
def test_a_reason_that_is_not_known_yet_is_told_firm_or_not(codes: str, unknown: int) -> None:
    marked = Child.of(child(dict(zip(AUTUMN, codes, strict=False))))
    ((*_, span),) = spans([marked], [Scope.whole(marked)], CALENDARS, POLICY)
    assert span.kind == PENALTY
    sentence = explain(marked, span, CALENDARS, POLICY).sentence
    assert ("The reason for 1 of them is not yet known." in sentence) == bool(unknown)


def explained(record: ChildRecord, kind: str, policy: Policy = POLICY) -> Explanation:
    """The explanation of a child's first span of a kind."""
    one = Child.of(record)
    (found,) = spans([one], [Scope.whole(one)], CALENDARS, policy)
    span = next(span for span in found if span.kind == kind)
    return explain(one, span, CALENDARS, policy)


def test_an_explanation_names_the_version_since_which_its_threshold_is_as_it_is() -> None:
    absent = child(dict.fromkeys(AUTUMN[:3], "O"))
    assert explained(absent, "PA").policy_version == POLICY.version
    assert explained(absent, "PA", replace(POLICY, since={"PA": "england-1"})).policy_version == "england-1"


def test_a_line_of_several_in_so_many_is_compared_as_integers() -> None:
    told = explained(child(dict.fromkeys(AUTUMN[:3], "O")), "AT_RISK", SMALL)
    assert told.formula == {
        "absent": 1, "possible": 1, "part": 2, "of": 30, "comparison": "absent * 30 >= possible * 2",
    }  # fmt: skip
    assert explained(child(dict.fromkeys(AUTUMN[:3], "O")), "PA").formula["comparison"] == "absent * 10 >= possible"


def test_each_session_is_of_the_school_whose_mark_counts() -> None:
    record = child({}, stays=[stay(URN, to=day_of(AUTUMN[3])), stay(OTHER, from_=day_of(AUTUMN[4]))])
    here, there = dict.fromkeys(AUTUMN[:3], "O") | {AUTUMN[3]: "/"}, dict.fromkeys(AUTUMN[4:40], "O")
    one = record._replace(sheets=(*sheets(here), *sheets(there, OTHER)))
    told = explained(one, "PA").sessions
    assert [session.school_urn for session in told] == [URN] * 3 + [OTHER] * 36
    assert [(session.date, session.session) for session in told[:3]] == [
        (day_of(tick).isoformat(), "PM" if tick % 2 else "AM") for tick in AUTUMN[:3]
    ]
    (window,) = {session.school_urn for session in explained(child(here), "PA").sessions}
    assert window == URN


def test_a_window_names_its_own_weeks_and_none_before_them() -> None:
    told = explained(child(dict.fromkeys(AUTUMN[-10:], "L")), "PUNCTUALITY", in_weeks(5))
    mondays = sorted({day_of(tick) - timedelta(day_of(tick).weekday()) for tick in AUTUMN})
    first, last = mondays[-5], day_of(AUTUMN[-1])
    assert told.school_weeks == [day.isoformat() for day in mondays[-5:]]
    assert told.sentence.startswith(
        f"10 sessions were late within 5 school weeks, from {first.day} {first:%B %Y} to {last.day} {last:%B %Y}; 10 "
        "within 5 school weeks are"
    )


def in_weeks(weeks: int) -> Policy:
    return changed(POLICY, PUNCTUALITY={"weeks": weeks})


def test_a_merged_childs_explanation_is_the_same_under_its_new_id() -> None:
    marks = dict.fromkeys(AUTUMN[:20], "O")
    told = explained(child(marks), "CONTINUOUS_10")
    under_another = explained(
        child(marks)._replace(pupil_id=DEAD, sheets=tuple(sheets(marks, URN, DEAD))), "CONTINUOUS_10"
    )
    assert for_pupil(told, DEAD, "CONTINUOUS_10") == under_another
    assert for_pupil(told, PUPIL, "CONTINUOUS_10") == told
    assert under_another.hash != told.hash


@pytest.mark.parametrize(
    ("kind", "one_in", "said"),
    [
        ("PA", 10, "10% or more is persistent absence."),
        ("SA", 2, "50% or more is severe absence. By reason: 2 I, 1 C2, 1 O."),
        ("AT_RISK", 20, "5% or more is a risk of persistent absence."),
        ("BELOW_95", 20, "More than 5% is an attendance below 95%."),
        ("CIN_CP_95", 20, "More than 5% is an attendance below 95%, and the child is known to social care."),
        ("BELOW_95", 40, "More than 2.50% is an attendance below 97.50%."),
        ("OWN", 10, "The line of OWN is 10%."),
    ],
)
def test_a_rate_says_its_year_its_integers_its_percentage_and_its_line(kind: str, one_in: int, said: str) -> None:
    rate = Rate(part=1, of=one_in, minimum_possible=40, recovery_sessions=10)
    told = sentences.of_rate(kind, rate, 2025, AFTERNOON, 12, None, ["O", "I", "C2", "I"])
    assert told == (
        "In the school year 2025-26, up to the afternoon of 30 September 2025, 4 of 12 possible sessions were missed: "
        f"33.33%. {said}"
    )


def test_a_rate_below_a_schools_target_says_both() -> None:
    rate = Rate(targets={}, minimum_possible=40, recovery_sessions=10)
    assert sentences.of_rate("SCHOOL_TARGET", rate, 2025, MORNING, 40, 9800, ["I"]) == (
        "In the school year 2025-26, up to the morning of 30 September 2025, 1 of 40 possible sessions was missed: "
        "2.50%. That is an attendance of 97.50%; the school's target is 98.00%."
    )


WINDOW: dict[str, Any] = {"codes": ("O", "N"), "unsettled_codes": ("N",), "compulsory_age": True, "spendable": True}
FIRST, LAST = date(2025, 9, 1), date(2025, 11, 14)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "PN_10_IN_10",
            "11 sessions were missed without permission within 9 school weeks, from 1 September 2025 to 14 November "
            "2025; 10 within 10 school weeks are the point at which the school must consider a penalty notice.",
        ),
        (
            "PUNCTUALITY",
            "11 sessions were late within 9 school weeks, from 1 September 2025 to 14 November 2025; 10 within 10 "
            "school weeks are the point at which to look at punctuality.",
        ),
        (
            "OWN",
            "11 sessions were counted within 9 school weeks, from 1 September 2025 to 14 November 2025; 10 within 10 "
            "school weeks are the line.",
        ),
    ],
)
def test_a_window_says_its_sessions_its_weeks_and_what_they_are_the_point_of(kind: str, said: str) -> None:
    assert sentences.of_window(kind, Window(sessions=10, weeks=10, **WINDOW), 11, 0, 9, FIRST, LAST) == said


def test_a_window_of_school_days_speaks_of_days_and_of_one_as_one() -> None:
    of_days = Window(sessions=2, weeks=10, reading="school_days", days=1, **WINDOW)
    assert sentences.of_window("PUNCTUALITY", of_days, 2, 1, 1, FIRST, FIRST) == (
        "2 sessions were late within 1 school day, from 1 September 2025 to 1 September 2025; 2 within 1 school day "
        "are the point at which to look at punctuality. The reason for 1 of them is not yet known."
    )


@pytest.mark.parametrize(
    ("kind", "what", "so"),
    [
        ("CONTINUOUS_10", "permission", "are the point at which the school must send an attendance return."),
        (
            "CONTINUOUS_20",
            "permission",
            "are the point at which school and local authority must look for the child together.",
        ),
        (
            "UNEXPLAINED",
            "a known reason",
            "need a call to the social worker or the youth justice worker of a child who is known to them.",
        ),
        ("OWN", "permission", "are the line."),
    ],
)
def test_a_run_says_from_when_to_when_and_what_it_is_the_point_of(kind: str, what: str, so: str) -> None:
    rule = Run(sessions=2, codes=("O",), compulsory_age=True)
    assert sentences.of_run(kind, rule, [MORNING, AFTERNOON], 0, 0) == (
        f"2 possible sessions in a row were missed without {what}, from the morning of 30 September 2025 to the "
        f"afternoon of 30 September 2025; 2 in a row {so}"
    )


def test_a_run_says_how_often_the_child_came_late_and_how_many_reasons_are_not_known() -> None:
    rule = Run(sessions=2, codes=("O",), compulsory_age=True)
    told = sentences.of_run("CONTINUOUS_10", rule, [MORNING, AFTERNOON], 1, 1)
    assert told.endswith(
        "attendance return. In 1 of them the child came after the register had closed. The reason for 1 of them is "
        "not yet known."
    )


def test_a_run_of_one_speaks_of_one_session() -> None:
    rule = Run(sessions=1, codes=("N", "O"), compulsory_age=False)
    needs = "need a call to the social worker or the youth justice worker of a child who is known to them."
    assert sentences.of_run("UNEXPLAINED", rule, [MORNING], 1, 0) == (
        "1 possible session was missed without a known reason, in the morning of 30 September 2025. Such absences "
        f"{needs} The reason is not yet known."
    )
    assert sentences.of_run("UNEXPLAINED", rule, [MORNING, AFTERNOON], 1, 0) == (
        "2 possible sessions in a row were missed without a known reason, from the morning of 30 September 2025 to the "
        f"afternoon of 30 September 2025. Such absences {needs} The reason for 1 of them is not yet known."
    )


def test_a_run_goes_from_its_first_session_to_its_last() -> None:
    rule = Run(sessions=3, codes=("O",), compulsory_age=True)
    told = sentences.of_run("CONTINUOUS_10", rule, [MORNING - 1, MORNING, AFTERNOON], 0, 0)
    assert "from the afternoon of 29 September 2025 to the afternoon of 30 September 2025" in told


def test_a_run_of_one_that_was_late_says_so() -> None:
    rule = Run(sessions=1, codes=("U",), compulsory_age=True)
    assert sentences.of_run("CONTINUOUS_10", rule, [MORNING], 0, 1).endswith(
        "return. The child came after the register had closed."
    )


def test_a_tally_says_its_sessions_and_how_many_days_they_are() -> None:
    rule = Tally(sessions=25, codes=("I",), compulsory_age=True)
    assert sentences.of_tally(rule, 2025, MORNING, 25) == (
        "In the school year 2025-26, up to the morning of 30 September 2025, 25 sessions were missed through illness; "
        "25 in a year (12.5 school days) are the point at which the school must send a sickness return."
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("PN_10_IN_10", "missed without permission within 1 school week, from 30 September 2025 to 30 September 2025; "
         "1 within 1 school week is the point at which the school must consider a penalty notice."),
        ("PUNCTUALITY", "late within 1 school week, from 30 September 2025 to 30 September 2025; 1 within 1 school "
         "week is the point at which to look at punctuality."),
        ("ANOTHER", "counted within 1 school week, from 30 September 2025 to 30 September 2025; 1 within 1 school week "
         "is the line."),
    ],
)  # fmt: skip
def test_a_window_of_one_speaks_of_one_session(kind: str, said: str) -> None:
    rule = Window(sessions=1, codes=("O", "N"), compulsory_age=True, weeks=1, spendable=True)
    day = day_of(MORNING)
    assert sentences.of_window(kind, rule, 1, 0, 1, day, day) == f"1 session was {said}"
    assert sentences.of_window(kind, rule, 1, 1, 1, day, day).endswith(". The reason is not yet known.")
    more = sentences.of_window(kind, rule, 2, 0, 1, day, day)
    assert more == f"2 sessions were {said}"


@pytest.mark.parametrize(
    ("sessions", "said"),
    [
        (1, "1 session was missed through illness; 1 in a year (half a school day) is the point"),
        (2, "2 sessions were missed through illness; 2 in a year (1 school day) are the point"),
        (3, "3 sessions were missed through illness; 3 in a year (1.5 school days) are the point"),
    ],
)
def test_a_tally_of_few_speaks_of_few(sessions: int, said: str) -> None:
    rule = Tally(sessions=sessions, codes=("I",), compulsory_age=True)
    assert sentences.of_tally(rule, 2025, MORNING, sessions) == (
        f"In the school year 2025-26, up to the morning of 30 September 2025, {said} at which the school must send a "
        "sickness return."
    )
