"""The worked examples of the rule book, sections A to C, through the second implementation."""

from datetime import date
from typing import Any

import pytest
from audit import figures
from audit.child import Enrolment, Session
from audit.codes import code_table
from audit.episodes import Episode, always, episodes
from audit.policy import policy_on

from tests.unit.audit.children import (
    BY_ID,
    DAYS,
    OTHER,
    SCHOOL,
    SESSIONS,
    child_of,
    listed_marks,
    marks_of,
    session,
)

CODES = code_table()
POLICY = policy_on(date(2026, 1, 1))
RULES, PENALTY = always(POLICY), POLICY.thresholds["PN_10_IN_10"]
LISTED = [v for v in BY_ID.values() if "codes" in v]
MARKED = [v for v in BY_ID.values() if v["id"][0] in "BC" and "marks" in v and v["id"] not in ("C10", "C15")]


def counts(sums: figures.Totals) -> dict[str, Any]:
    """Totals under the names that the examples use."""

    def percent(part: int) -> float | None:
        return round(100 * part / sums.possible, 2) if sums.possible else None

    return {
        "possible": sums.possible, "attended": sums.attended, "absent": sums.absent, "auth": sums.authorised,
        "unauth": sums.unauthorised, "late_L": sums.late_before_close, "late_U": sums.late_after_close,
        "att_pct": percent(sums.attended), "abs_pct": percent(sums.absent),
        "PA": figures.reaches(sums.absent, sums.possible, 1, 10),
        "SA": figures.reaches(sums.absent, sums.possible, 1, 2),
    }  # fmt: skip


def flips(codes: list[str]) -> list[str]:
    """Where the flags change, session by session."""
    found: list[str] = []
    before = {"PA": False, "SA": False}
    for place in range(1, len(codes) + 1):
        sums = figures.totals(marks_of(codes[:place]), CODES)
        for kind in before:
            flag = figures.reaches(sums.absent, sums.possible, 1, POLICY.thresholds[kind].of)
            if flag != before[kind]:
                found.append(f"{kind}{'+' if flag else '-'}@{place}")
            before[kind] = flag
    return found


@pytest.mark.parametrize("vector", LISTED, ids=lambda v: v["id"])
def test_totals_flags_and_their_flips_are_those_of_the_rule_book(vector: dict[str, Any]) -> None:
    sums = figures.child_totals(child_of(marks_of(vector["codes"])), 2025, CODES)
    assert {**counts(sums), "crossings": flips(vector["codes"])} == vector["expected"]


@pytest.mark.parametrize("vector", LISTED, ids=lambda v: v["id"])
def test_the_first_flip_is_where_the_episode_crossed(vector: dict[str, Any]) -> None:
    found = episodes(child_of(marks_of(vector["codes"])), CODES, RULES)
    for kind in ("PA", "SA"):
        first = [flip for flip in vector["expected"]["crossings"] if flip.startswith(kind + "+")][:1]
        crossed = [SESSIONS[int(flip.split("@")[1]) - 1] for flip in first]
        assert [episode.crossed_on for episode in found if episode.kind == kind] == crossed


def test_a_mover_has_a_row_for_the_child_and_one_for_each_enrolment() -> None:
    stays = [Enrolment(SCHOOL, DAYS[0], DAYS[49], "single"), Enrolment(OTHER, DAYS[50], None, "single")]
    marks = marks_of("/" * 85 + "I" * 15) + marks_of("/" * 270 + "I" * 10, OTHER, SESSIONS[100:])
    child = child_of(marks, enrolments=stays)
    expected = BY_ID["A23"]["expected"]
    own = counts(figures.child_totals(child, 2025, CODES))
    assert {key: own[key] for key in expected["pupil"]} == expected["pupil"]
    for stay, name in zip(stays, "AB", strict=True):
        at_school = counts(figures.enrolment_totals(child, stay, 2025, CODES))
        assert {key: at_school[key] for key in expected[name]} == expected[name]


def tens(found: list[Episode]) -> list[Episode]:
    return [episode for episode in found if episode.kind == "PN_10_IN_10"]


def crossed(found: list[Episode]) -> Session | None:
    own = tens(found)
    assert len(own) <= 1
    return own[0].crossed_on if own else None


@pytest.mark.parametrize("vector", MARKED, ids=lambda v: v["id"])
def test_the_ten_session_threshold_is_met_where_the_rule_book_says(vector: dict[str, Any]) -> None:
    born = date(2020, 11, 10) if vector["id"] == "C13" else date(2014, 3, 9)
    child = child_of(listed_marks(vector["marks"]), born=born)
    best = figures.best_window(child, PENALTY)
    expected = vector["expected"]
    assert best is not None
    assert len(best.marks) == expected["max_count"]
    assert (len(best.marks) >= 10) == expected["met"]
    met_on = session(expected["met_on"]) if expected["met_on"] else None
    assert crossed(episodes(child, CODES, RULES)) == met_on


def test_an_n_among_the_ten_keeps_the_crossing_provisional_until_it_is_settled() -> None:
    (provisional,) = tens(episodes(child_of(listed_marks(BY_ID["B02"]["marks"])), CODES, RULES))
    (firm,) = tens(episodes(child_of(listed_marks(BY_ID["B04"]["marks"])), CODES, RULES))
    assert provisional.provisional
    assert firm.firm_on == firm.crossed_on == provisional.crossed_on


def test_sessions_at_two_schools_make_ten_together() -> None:
    listed = BY_ID["C10"]["marks"]
    marks = listed_marks(listed[:5]) + listed_marks(listed[5:], OTHER)
    stays = [
        Enrolment(SCHOOL, DAYS[0], date(2025, 11, 1), "single"),
        Enrolment(OTHER, date(2025, 11, 2), None, "single"),
    ]
    child = child_of(marks, enrolments=stays)
    assert crossed(episodes(child, CODES, RULES)) == session(BY_ID["C10"]["expected"]["met_on"])
    best = figures.best_window(child, PENALTY)
    assert best is not None
    assert {mark.urn for mark in best.marks} == {SCHOOL, OTHER}


def test_sessions_spent_by_a_notice_are_not_counted_again() -> None:
    marks = listed_marks(BY_ID["C15"]["marks"])
    child = child_of(marks, spent=[mark.session for mark in marks[:10]])
    best = figures.best_window(child, PENALTY)
    assert best is not None
    assert len(best.marks) == BY_ID["C15"]["expected"]["max_count"]
    assert crossed(episodes(child, CODES, RULES)) is None


def test_an_amended_mark_takes_the_crossing_back() -> None:
    before, after = ["/"] * 18 + ["I", "I"], ["/"] * 18 + ["I", "V"]
    assert flips(before) == [BY_ID["B06"]["expected"]["before"]]
    amended = counts(figures.totals(marks_of(after), CODES))
    expected = BY_ID["B06"]["expected"]["after"]
    assert {key: amended[key] for key in expected} == expected
    assert "PA" not in {episode.kind for episode in episodes(child_of(marks_of(after)), CODES, RULES)}
