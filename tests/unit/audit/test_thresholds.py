"""Each rule of the second implementation on small children made by hand: the n-th session, and the one before it."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from audit.child import Child, FlagSpan
from audit.codes import code_table
from audit.episodes import Episode, always, episodes
from audit.explain import Evidence, evidence
from audit.policy import Policy, policy_of

from tests.unit.audit.children import OTHER, SCHOOL, SESSIONS, child_of, marks_of

CODES = code_table()
RATE = {"rule": "rate", "minimum_possible": 4, "recovery_sessions": 2}
RUN = {"rule": "run", "sessions": 3, "codes": ["G", "N", "O"], "unsettled_codes": ["N"], "compulsory_age": True}
WINDOW = {"rule": "window", "sessions": 3, "weeks": 2, "reading": "school_weeks", "codes": ["L", "U"]}
TALLY = {"rule": "tally", "sessions": 3, "codes": ["I"], "compulsory_age": True}


def policy(kind: str, **said: Any) -> Policy:
    return policy_of({"version": "test", "valid_from": "2024-08-19", "thresholds": {kind: said}})


def found(child: Child, said: Policy) -> list[Episode]:
    return episodes(child, CODES, always(said))


def crossings(told: str, kind: str, **said: Any) -> list[tuple[int, int | None, int | None]]:
    """The places (from 1) at which episodes cross, are firm and end."""

    def place(at: Any) -> int | None:
        return None if at is None else SESSIONS.index(at) + 1

    child = child_of(marks_of(told))
    return [
        (SESSIONS.index(e.crossed_on) + 1, place(e.firm_on), place(e.ended_on))
        for e in found(child, policy(kind, **said))
    ]


def explained(told: str, kind: str, **said: Any) -> Evidence:
    child, own = child_of(marks_of(told)), policy(kind, **said)
    (episode,) = found(child, own)
    return evidence(child, episode, CODES, own)


# -- rates ------------------------------------------------------------------------------------------------------------


def test_exactly_the_line_is_enough_unless_more_is_asked_for() -> None:
    assert crossings("///O", "AT_RISK", **RATE, part=1, of=4) == [(4, 4, None)]
    assert crossings("///O", "BELOW_95", **RATE, part=1, of=4, strict=True) == []
    assert crossings("///OO", "BELOW_95", **RATE, part=1, of=4, strict=True) == [(5, 5, None)]


def test_a_rate_ends_after_so_many_sessions_in_a_row_below_the_line() -> None:
    assert crossings("///O//", "AT_RISK", **RATE, part=1, of=4) == [(4, 4, 6)]
    assert crossings("///O/", "AT_RISK", **RATE, part=1, of=4) == [(4, 4, None)]


def test_a_target_is_that_of_the_school_that_gave_the_mark() -> None:
    own = policy("SCHOOL_TARGET", **RATE, strict=True, targets={str(OTHER): "75.00"})
    assert found(child_of(marks_of("OOOO")), own) == []
    marks = marks_of("O") + marks_of("///", OTHER, SESSIONS[1:4])
    assert found(child_of(marks), own) == [  # 1 of 2, of 3; exactly a quarter is no longer below the target
        Episode("SCHOOL_TARGET", 2025, SESSIONS[1], OTHER)
    ]


def test_a_rate_about_flagged_children_holds_while_they_are() -> None:
    own = policy("CIN_CP_95", **RATE, part=1, of=4, flags=["CIN", "CP"])
    child = child_of(marks_of("OOOOOOOO"))
    assert found(child, own) == []
    assert found(replace(child, flags=frozenset({"CP"})), own)[0].crossed_on == SESSIONS[0]
    second_day, third_day = SESSIONS[2][0], SESSIONS[4][0]
    spans = (FlagSpan("CIN", second_day, third_day),)
    assert found(replace(child, flag_spans=spans), own) == [
        Episode("CIN_CP_95", 2025, SESSIONS[2], SCHOOL, SESSIONS[3], SESSIONS[7], "recovered")
    ]


# -- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "places"),
    [
        ("OO", []),
        ("OGO", [(3, 3, None)]),
        ("ONO", [(3, None, None)]),
        ("ONOG", [(3, 4, None)]),
        ("OOO/", [(3, 3, 3)]),
        ("OOOO/", [(3, 3, 4)]),
        ("OO/O", []),
        ("OOIO", []),
        ("OOUO", []),
        ("OO##O", [(5, 5, None)]),
        ("OODXO", [(5, 5, None)]),
        ("OOO/OOO", [(3, 3, 3), (7, 7, None)]),
        ("ONO/", [(3, None, 3)]),
        ("OOO#", [(3, 3, None)]),
    ],
)
def test_a_run_is_one_possible_session_after_another(codes: str, places: list[Any]) -> None:
    assert crossings(codes, "CONTINUOUS_20", **RUN) == places


def test_a_run_tells_its_sessions_and_how_many_were_late() -> None:
    late = {**RUN, "codes": ["G", "N", "O", "U"]}
    told = explained("UONO//", "CONTINUOUS_10", **late)
    assert told.formula == {
        "sessions": 4, "unsettled": 1, "needed": 3, "late": 1, "comparison": "sessions in a row >= 3",
    }  # fmt: skip
    assert [mark.code for mark in told.sessions] == ["U", "O", "N", "O"]
    assert "late" not in explained("OOO", "CONTINUOUS_20", **RUN).formula


def test_a_run_outside_compulsory_age_or_without_the_flag_is_none() -> None:
    child = child_of(marks_of("OOO"), born=date(2021, 6, 1))
    assert found(child, policy("CONTINUOUS_20", **RUN)) == []
    assert found(child, policy("CONTINUOUS_20", **{**RUN, "compulsory_age": False})) != []
    flagged = policy("UNEXPLAINED", **{**RUN, "compulsory_age": False, "sessions": 1, "flags": ["CLA"]})
    assert found(child, flagged) == []
    until = FlagSpan("CLA", date(2025, 1, 1), SESSIONS[0][0])
    (episode,) = found(replace(child, flag_spans=(until,)), flagged)
    assert (episode.crossed_on, episode.ended_on) == (SESSIONS[0], SESSIONS[1])


# -- tallies ----------------------------------------------------------------------------------------------------------


def test_a_tally_is_of_one_year_and_ends_with_it() -> None:
    assert crossings("I/I", "SICKNESS_15", **TALLY) == []
    assert crossings("I/I/I/", "SICKNESS_15", **TALLY) == [(5, 5, None)]
    last = next(place for place, (day, _) in enumerate(SESSIONS) if day >= date(2026, 8, 1))
    marks = marks_of("III/#", sessions=SESSIONS[last - 5 :]) + marks_of("D", sessions=SESSIONS[last:])
    assert found(child_of(marks), policy("SICKNESS_15", **TALLY)) == [
        Episode(
            "SICKNESS_15", 2025, SESSIONS[last - 3], SCHOOL, SESSIONS[last - 3], SESSIONS[last - 2], "year_end"
        )
    ]  # fmt: skip
    told = explained("IIII", "SICKNESS_15", **TALLY)
    assert told.formula == {"sessions": 3, "needed": 3, "comparison": "sessions in the year >= 3"}
    assert len(told.sessions) == 3


# -- windows ----------------------------------------------------------------------------------------------------------


def test_lateness_is_counted_at_any_age_and_never_spent() -> None:
    assert crossings("LU/L", "PUNCTUALITY", **WINDOW) == [(4, 4, None)]
    marks = marks_of("LUL")
    child = child_of(marks, born=date(2021, 6, 1), spent=SESSIONS[:3])
    assert len(found(child, policy("PUNCTUALITY", **WINDOW))) == 1
    assert found(child, policy("PUNCTUALITY", **WINDOW, compulsory_age=True)) == []
    assert found(child_of(marks, spent=SESSIONS[:1]), policy("PUNCTUALITY", **WINDOW, spendable=True)) == []


def test_a_window_of_days_ends_with_a_day() -> None:
    days = {**WINDOW, "reading": "school_days", "days": 2, "weeks": 10}
    assert crossings("LL//L", "PUNCTUALITY", **days) == []
    assert crossings("LLL", "PUNCTUALITY", **days) == [(3, 3, None)]
    assert crossings("LLL///", "PUNCTUALITY", **days) == [(3, 3, None)]  # its last day is not over yet
    assert crossings("LLL/////", "PUNCTUALITY", **days) == [(3, 3, 6)]
