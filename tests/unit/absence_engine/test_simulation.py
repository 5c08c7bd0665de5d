"""A draft of a policy beside the one in force: who would have crossed, who would not, and the work of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from absence_engine.domain.in_force import Book
from absence_engine.domain.policy import Policy
from absence_engine.domain.simulation import Answer, Question, Sums, answers
from absence_engine.domain.spans import Child, Span
from absence_engine.domain.thresholds import Stage
from absence_engine.domain.ticks import tick_of

from tests.unit.absence_engine.children import AUTUMN, OTHER, TERM, URN, calendars, child, sheets, stay
from tests.unit.absence_engine.policies import SHIPPED, changed

MONDAY, TUESDAY, NEXT_WEEK = tick_of(date(2025, 9, 15)), tick_of(date(2025, 9, 16)), tick_of(date(2025, 9, 22))
FIRST, LAST = tick_of(date(2025, 9, 1)), tick_of(date(2025, 9, 30), 1)
LOWER = replace(changed(SHIPPED, PA={"of": 20}), version="draft", suppress_below=2)


def question(draft: Policy = LOWER, held: Policy = SHIPPED) -> Question:
    return Question(2025, FIRST, LAST, draft, Book.of((), [held], date(2025, 12, 1)))


def span(kind: str, crossed: int, firm: int | None = None) -> Span:
    return Span(kind, 2025, crossed, firm, None, None)


def answer(*, held: list[Span], draft: list[Span], school: int = URN, pupil: str = "a") -> Answer:
    return Answer(pupil, school, held, draft)


def test_a_crossing_is_asked_for_from_the_first_session_to_the_last() -> None:
    asked = question()
    assert [asked.inside(tick) for tick in (FIRST - 1, FIRST, LAST, LAST + 1, None)] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_a_child_would_cross_or_would_not_or_does_both_times() -> None:
    one = answer(held=[span("PA", 1), span("SA", 1)], draft=[span("SA", 5), span("AT_RISK", 2)])
    assert one.outcomes() == {"PA": "would_not", "SA": "both", "AT_RISK": "would"}


def whole(codes: str, school: int = URN, pupil: str = "a") -> Child:
    marks = dict(zip(AUTUMN, codes, strict=False))
    record = child({}, stays=(stay(school),))._replace(pupil_id=pupil, sheets=tuple(sheets(marks, school, pupil)))
    return Child.of(record)


def test_both_policies_are_tried_on_the_marks_of_the_year_and_children_without_one_are_left_out() -> None:
    of_last_year = Child.of(child(dict.fromkeys([tick_of(date(2025, 6, 2))], "O")))
    asked = [whole("/" * 36 + "OO", pupil="a"), of_last_year, whole("O" * 4, OTHER, "b"), Child.of(child({}))]
    found = list(answers(asked, calendars({URN: AUTUMN, OTHER: AUTUMN}), question()))
    assert [(one.pupil_id, one.school) for one in found] == [("a", URN), ("b", OTHER)]
    assert [one.outcomes().get("PA") for one in found] == ["would", "both"]


def test_what_runs_over_the_years_is_judged_by_what_is_in_force_today() -> None:
    """The version of November holds for the year and for today; that of July for last year alone."""
    before = replace(SHIPPED, version="1", valid_from=date(2024, 8, 1))
    today = replace(
        changed(SHIPPED, PUNCTUALITY={"sessions": 3}, PA={"of": 2}), version="2", valid_from=date(2026, 9, 1)
    )
    book = Book.of((), [before, today], date(2026, 10, 1))
    (found,) = answers(
        [whole("LLL" + "/" * 33 + "OOOO")], calendars({URN: AUTUMN}), Question(2025, FIRST, LAST, before, book)
    )
    assert {one.kind for one in found.held} >= {"PA", "PUNCTUALITY"}
    assert "PUNCTUALITY" not in {one.kind for one in found.draft}
    assert found.outcomes()["PA"] == "both"


def test_each_policy_is_asked_for_its_own_spans_once() -> None:
    of_year = replace(
        changed(SHIPPED, PUNCTUALITY={"sessions": 3}, PA={"of": 10}), version="1", valid_from=date(2024, 8, 1)
    )
    today = replace(changed(SHIPPED, PA={"of": 1000}), version="2", valid_from=date(2026, 9, 1))
    book = Book.of((), [of_year, today], date(2026, 10, 1))
    codes = dict(zip(AUTUMN, "LLL" + "/" * 33 + "OOOO", strict=False))
    june = [tick for tick in TERM if tick < AUTUMN[0]]
    both_years = Child.of(child(codes | dict.fromkeys(june[:50], "O")))
    (found,) = answers([both_years], calendars({URN: TERM}), Question(2025, FIRST, LAST, of_year, book))
    kinds = [(one.kind, one.year) for one in found.held if one.kind in ("PA", "PUNCTUALITY")]
    assert kinds == [("PA", 2025)]
    assert {one.year for one in (*found.held, *found.draft)} <= {2025, None}


def result(*found: Answer, phases: Mapping[int, str] | None = None, asked: Question | None = None) -> dict[str, Any]:
    sums = Sums(asked or question())
    for one in found:
        sums.add(one)
    assert sums.children == len(found)
    return sums.result(phases or {})


def test_children_are_counted_by_kind_school_and_phase_and_small_numbers_of_those_are_not_shown() -> None:
    found = result(
        answer(held=[span("PA", MONDAY)], draft=[span("PA", MONDAY)]),
        answer(held=[span("PA", MONDAY)], draft=[span("PA", TUESDAY)]),
        answer(held=[], draft=[span("PA", MONDAY)], school=OTHER),
        answer(held=[span("AT_RISK", MONDAY)], draft=[], school=OTHER),
        phases={URN: "secondary"},
    )
    of_all = [
        {"kind": "AT_RISK", "would": 0, "would_not": 1, "both": 0},
        {"kind": "PA", "would": 1, "would_not": 0, "both": 2},
    ]
    of_other = [
        {"kind": "AT_RISK", "would": 0, "would_not": None, "both": 0},
        {"kind": "PA", "would": None, "would_not": 0, "both": 0},
    ]
    of_here = [{"kind": "PA", "would": 0, "would_not": 0, "both": 2}]
    assert found["kinds"] == of_all
    assert found["schools"] == [{"school_urn": URN, "kinds": of_here}, {"school_urn": OTHER, "kinds": of_other}]
    assert found["phases"] == [{"phase": "secondary", "kinds": of_here}, {"phase": "unknown", "kinds": of_other}]


def test_a_crossing_counts_in_its_week_and_a_task_in_that_in_which_its_stage_calls_for_it() -> None:
    found = result(answer(held=[span("PA", MONDAY, NEXT_WEEK)], draft=[span("PA", TUESDAY), span("AT_RISK", MONDAY)]))
    assert found["weeks"] == [
        {
            "week": "2025-09-15",
            "crossings": [
                {"name": "AT_RISK", "in_force": 0, "draft": 1},
                {"name": "PA", "in_force": 1, "draft": 1},
            ],
            "tasks": [],
        },
        {"week": "2025-09-22", "crossings": [], "tasks": [{"name": "support_review", "in_force": 1, "draft": 0}]},
    ]


def test_a_task_is_that_of_the_policy_that_calls_for_it() -> None:
    draft = replace(LOWER, stages={"PA": Stage(task="visit", due_open_days=1)})
    both = answer(held=[span("PA", MONDAY, MONDAY)], draft=[span("PA", MONDAY, MONDAY)])
    (week,) = result(both, asked=question(draft))["weeks"]
    assert week["tasks"] == [
        {"name": "support_review", "in_force": 1, "draft": 0}, {"name": "visit", "in_force": 0, "draft": 1},
    ]  # fmt: skip


def test_a_task_that_is_called_for_while_provisional_counts_with_the_crossing() -> None:
    found = result(answer(held=[], draft=[span("UNEXPLAINED", MONDAY)]))
    (week,) = found["weeks"]
    assert week["tasks"] == [{"name": "inform_social_worker", "in_force": 0, "draft": 1}]


def test_crossings_of_other_days_are_not_counted_but_the_task_that_one_makes_within_them_is() -> None:
    sums = Sums(question())
    assert sums.add(answer(held=[span("PA", FIRST - 1, MONDAY)], draft=[span("PA", LAST + 1, LAST + 1)])) == {}
    found = sums.result({})
    assert (found["kinds"], found["schools"]) == ([], [])
    assert [(week["week"], week["crossings"]) for week in found["weeks"]] == [("2025-09-15", [])]
