"""What becomes of a task when its episode changes, and when it is due."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Unpack

import pytest
from casework.actions.hear import EpisodeNews, hear
from casework.domain import tasks
from casework.domain.policy import policy_on
from casework.domain.values import Episode, Task
from common.errors import ConflictError
from common.events.absence_engine import Stage
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.told import NOW, TODAY, Changed, crossing, event, some_id

POLICY = policy_on(TODAY)


def episode(what: str = "crossed", **changes: Unpack[Changed]) -> Episode:
    heard = hear(event(crossing(what, **changes)))
    assert isinstance(heard, EpisodeNews)
    return heard.episode


def after(task: Task | None, of: Episode, today: date = TODAY) -> Task | None:
    return tasks.after_episode(task, of, POLICY.episodes[of.kind], some_id("case"), today, NOW)


def opened(what: str = "crossed", **changes: Unpack[Changed]) -> Task:
    task = after(None, episode(what, **changes))
    assert task is not None
    return task


@pytest.mark.parametrize(
    ("kind", "task_kind", "number"),
    [
        ("PA", "support_review", 10),
        ("SA", "multi_agency_plan", 5),
        ("PN_10_IN_10", "consider_notice", 10),
        ("CONTINUOUS_10", "attendance_return", 5),
        ("CONTINUOUS_20", "joint_enquiry", 5),
        ("SICKNESS_15", "sickness_return", 5),
        ("UNEXPLAINED", "inform_social_worker", 1),
    ],
)
def test_each_kind_of_crossing_opens_its_task_due_on_the_nth_open_day(kind: str, task_kind: str, number: int) -> None:
    of = episode(kind=kind)
    task = opened(kind=kind)
    assert (task.kind, task.status, task.due_on) == (task_kind, "open", of.open_days[number - 1])


def test_the_policy_of_a_childs_authority_says_which_task_and_when() -> None:
    told = crossing("crossed", kind="PA")
    told = structs.replace(told, stage=Stage("ring_home", 3, True))
    heard = hear(event(told))
    assert isinstance(heard, EpisodeNews)
    rule = POLICY.rule_of("PA", heard.episode.rule)
    assert rule is not None
    task = tasks.after_episode(None, heard.episode, rule, some_id("case"), TODAY, NOW)
    assert task is not None
    assert (task.kind, task.due_on) == ("ring_home", heard.episode.open_days[2])
    assert tasks.is_needed(replace(heard.episode, provisional=True), rule)


def test_kinds_without_a_task_have_none() -> None:
    assert [POLICY.rule_of(kind, None) for kind in ("AT_RISK", "BELOW_95", "SCHOOL_TARGET", "PUNCTUALITY")] == [
        None
    ] * 4


def test_an_unexplained_absence_is_told_the_social_worker_at_once() -> None:
    task = opened(kind="UNEXPLAINED", provisional=True)
    assert "social worker" in task.reason
    assert "penalty notice" not in task.reason


@pytest.mark.parametrize("kind", ["PA", "SA", "CONTINUOUS_10", "CONTINUOUS_20"])
def test_a_provisional_absence_episode_has_no_task(kind: str) -> None:
    assert after(None, episode(kind=kind, provisional=True)) is None


def test_a_provisional_penalty_episode_opens_its_task_which_says_that_n_must_be_settled() -> None:
    provisional = opened(kind="PN_10_IN_10", provisional=True)
    assert provisional.status == "open"
    assert "N must be settled first" in provisional.reason
    firm = after(provisional, episode("changed", kind="PN_10_IN_10", count=2))
    assert firm is not None
    assert firm.status == "open"
    assert "N must be settled" not in firm.reason
    assert firm.due_on == provisional.due_on


def test_a_penalty_episode_that_is_provisional_again_keeps_its_task() -> None:
    firm = opened(kind="PN_10_IN_10")
    again = after(firm, episode("changed", kind="PN_10_IN_10", provisional=True))
    assert again is not None
    assert (again.status, "N must be settled first" in again.reason) == ("open", True)


def test_a_reversal_cancels_the_open_task_and_standing_again_reopens_it_with_a_new_due_date() -> None:
    task = opened()
    cancelled = after(task, episode("reversed"))
    assert cancelled is not None
    assert cancelled.status == "cancelled"
    later = TODAY + timedelta(7)
    again = after(cancelled, episode("crossed"), later)
    assert again is not None
    assert (again.task_id, again.status) == (task.task_id, "open")
    assert again.due_on > task.due_on
    assert again.revision.count == 3


def test_an_absence_episode_that_is_provisional_again_cancels_its_task() -> None:
    cancelled = after(opened(), episode("changed", provisional=True))
    assert cancelled is not None
    assert cancelled.status == "cancelled"


def test_the_end_of_an_episode_changes_nothing() -> None:
    task = opened()
    assert after(task, episode("ended")) == task


def test_an_episode_first_heard_of_when_it_had_ended_still_needs_its_task() -> None:
    assert opened("ended").status == "open"


def test_what_was_done_stays_done() -> None:
    done = tasks.completed(opened(), "support_agreed", None, NOW)
    assert after(done, episode("reversed")) == done
    assert after(done, episode("crossed")) == done


def test_completing_twice_with_the_same_words_is_well_and_with_others_a_conflict() -> None:
    done = tasks.completed(opened(), "support_agreed", "note", NOW)
    assert tasks.completed(done, "support_agreed", "note", NOW) == done
    with pytest.raises(ConflictError):
        tasks.completed(done, "support_agreed", "another note", NOW)


def test_a_cancelled_task_cannot_be_completed() -> None:
    cancelled = after(opened(), episode("reversed"))
    assert cancelled is not None
    with pytest.raises(ConflictError):
        tasks.completed(cancelled, "support_agreed", None, NOW)


def test_past_the_last_known_open_day_monday_to_friday_count() -> None:
    friday = date(2025, 10, 3)
    assert tasks.due_on(friday, [], 1) == date(2025, 10, 6)
    assert tasks.due_on(friday, [date(2025, 10, 6), date(2025, 10, 9)], 4) == date(2025, 10, 13)


def test_open_days_that_have_passed_when_the_task_opens_do_not_count() -> None:
    days = [date(2025, 10, 1), date(2025, 10, 2), date(2025, 10, 6)]
    assert tasks.due_on(date(2025, 10, 1), days, 2) == date(2025, 10, 6)


@given(
    today=st.dates(date(2025, 9, 1), date(2026, 7, 31)),
    steps=st.sets(st.integers(-10, 60), max_size=20),
    number=st.integers(1, 20),
)
def test_exactly_n_counting_days_lie_between_opening_and_due(today: date, steps: set[int], number: int) -> None:
    days = sorted(today + timedelta(step) for step in steps)
    due = tasks.due_on(today, days, number)
    last = max([day for day in days if day > today], default=today)
    between = [today + timedelta(n) for n in range(1, (due - today).days + 1)]
    counting = [day for day in between if (day in days if day <= last else day.weekday() < 5)]
    assert (len(counting), counting[-1]) == (number, due)


def test_every_change_raises_the_revision_and_no_change_does_not() -> None:
    task = opened()
    assert after(task, episode("changed", count=2)) is task
    moved = after(task, replace(episode("changed"), school_urn=100002))
    assert moved is not None
    assert (moved.school_urn, moved.revision.count) == (100002, 2)
