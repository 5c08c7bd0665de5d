"""Which tasks and letters episodes call for; each wrong one is told."""

from dataclasses import replace

import pytest
from audit.effects import NOBODY, EpisodeState, LetterState, TaskState, letter_differences, task_differences
from audit.policy import Stage

FIRM = EpisodeState("e1", "p1", "PA", 2025, "open", provisional=False, stage=Stage("support_review"))
SEVERE = EpisodeState("e2", "p1", "SA", 2025, "open", provisional=False, stage=Stage("multi_agency_plan"))
AT_ONCE = Stage("consider_notice", while_provisional=True)
TEN = EpisodeState("e3", "p1", "PN_10_IN_10", None, "open", provisional=True, stage=AT_ONCE)
AT_RISK = EpisodeState("e4", "p1", "AT_RISK", 2025, "open", provisional=False)
TASK = TaskState("t1", "support_review", "p1", "e1", None, "open")
SEVERE_TASK = TaskState("t2", "multi_agency_plan", "p1", "e2", None, "open")
TEN_TASK = TaskState("t3", "consider_notice", "p1", "e3", None, "open")
LETTER = LetterState("l1", "persistent_absence", "p1", "e1", "r1", "queued", overtaken=False, withheld=False)


def tasks(episode: EpisodeState, *own: TaskState) -> list[str]:
    return task_differences({episode.episode_id: episode}, own, [])


def letters(episodes: list[EpisodeState], *own: LetterState) -> list[str]:
    by_id = {episode.episode_id: episode for episode in episodes}
    return letter_differences(by_id, own, {*by_id})


@pytest.mark.parametrize("status", ["open", "done"])
@pytest.mark.parametrize(
    ("episode", "task"),
    [
        (FIRM, TASK), (replace(FIRM, state="ended"), TASK), (SEVERE, SEVERE_TASK), (TEN, TEN_TASK),
        (replace(TEN, provisional=False), TEN_TASK),
    ],
)  # fmt: skip
def test_what_stands_has_its_one_task(episode: EpisodeState, task: TaskState, status: str) -> None:
    assert tasks(episode, replace(task, status=status)) == []
    assert tasks(episode) != []
    assert tasks(episode, replace(task, status="cancelled")) != []
    assert tasks(episode, task, replace(task, task_id="t9")) != []
    assert tasks(episode, replace(task, kind="other")) != []
    assert tasks(episode, replace(task, pupil_id="p2")) != []


@pytest.mark.parametrize(
    ("episode", "task"),
    [
        (replace(FIRM, state="reversed"), TASK), (replace(FIRM, provisional=True), TASK),
        (replace(TEN, state="reversed"), TEN_TASK),
    ],
)  # fmt: skip
def test_what_is_reversed_or_provisional_has_no_open_task(episode: EpisodeState, task: TaskState) -> None:
    assert tasks(episode) == []
    assert tasks(episode, replace(task, status="cancelled")) == []
    assert tasks(episode, replace(task, status="done")) == []
    assert tasks(episode, task) != []


def test_a_kind_without_a_stage_has_no_task_and_none_but_three_has_a_letter() -> None:
    assert tasks(AT_RISK) == letter_differences({"e4": AT_RISK}, [], set()) == []
    assert tasks(AT_RISK, replace(TASK, episode_id="e4")) != []
    assert letters([AT_RISK], replace(LETTER, episode_id="e4")) != []


def test_a_task_about_nothing_is_told() -> None:
    assert task_differences({}, [TASK], []) == ["task t1 (support_review) is about an unknown episode e1"]
    about_letter = replace(TASK, kind="already_sent", letter_id="l9")
    assert task_differences({}, [about_letter], []) == ["task t1 (already_sent) is about an unknown letter l9"]


def test_an_overtaken_or_failed_letter_has_one_task_of_its_own() -> None:
    overtaken, failed = replace(LETTER, status="sent", overtaken=True), replace(LETTER, status="failed")
    sent_task = TaskState("t8", "already_sent", "p1", "e1", "l1", "open")
    check_task = TaskState("t9", "check_sending", "p1", "e1", "l1", "done")
    assert task_differences({}, [sent_task], [overtaken]) == []
    assert task_differences({}, [check_task], [failed]) == []
    assert task_differences({}, [], [overtaken]) != []
    assert task_differences({}, [], [failed]) != []
    assert task_differences({}, [sent_task], [LETTER]) != []
    assert task_differences({}, [sent_task, sent_task], [overtaken]) != []


def test_a_letter_that_goes_to_nobody_has_its_recipient_checked() -> None:
    withheld = replace(LETTER, status="recalled", withheld=True, withheld_why="barred")
    check = TaskState("t9", "check_recipient", "p1", "e1", "l1", "open")
    cancelled = replace(check, status="cancelled")
    assert task_differences({}, [check], [withheld]) == []
    assert task_differences({}, [replace(check, status="done")], [withheld]) == []
    assert task_differences({}, [], [withheld]) != []
    assert task_differences({}, [cancelled], [withheld]) != []
    assert task_differences({}, [check], [LETTER]) != []
    assert task_differences({}, [cancelled], [LETTER]) == []
    assert task_differences({}, [], [replace(withheld, withheld_why=None)]) == []


def test_a_letter_to_nobody_waits_while_its_episode_is_open_and_no_longer() -> None:
    to_nobody = replace(LETTER, recipient_id=NOBODY, status="recalled", withheld=True, withheld_why="nobody")
    over = replace(to_nobody, withheld=False, withheld_why=None)
    ended = replace(FIRM, state="ended")
    assert letters([FIRM], to_nobody) == letters([ended], over) == []
    assert letters([FIRM], over) != []
    assert letters([ended], to_nobody) != []
    assert letters([FIRM], replace(over, status="queued")) != []


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "delivered", "returned", "failed"])
def test_a_firm_episode_may_have_a_letter(status: str) -> None:
    assert letters([FIRM], replace(LETTER, status=status)) == []


def test_a_recalled_letter_waits_again_once_its_episode_is_firm() -> None:
    recalled = replace(LETTER, status="recalled")
    assert letters([FIRM], recalled) != []
    assert letters([FIRM], replace(recalled, withheld=True)) == []
    assert letters([FIRM, SEVERE], recalled) == []
    assert letters([replace(FIRM, provisional=True)], recalled) == []


@pytest.mark.parametrize("episode", [replace(FIRM, state="reversed"), replace(FIRM, provisional=True)])
def test_a_letter_that_has_lost_its_reason_is_held_back_or_told_of(episode: EpisodeState) -> None:
    assert letters([episode], LETTER) != []
    assert letters([episode], replace(LETTER, status="sent")) != []
    assert letters([episode], replace(LETTER, status="sent", overtaken=True)) == []
    assert letters([episode], replace(LETTER, status="failed")) != []


def test_no_letter_about_persistent_absence_waits_while_absence_is_severe() -> None:
    assert letters([FIRM, SEVERE], LETTER) != []
    assert letters([FIRM, replace(SEVERE, provisional=True)], LETTER) == []
    assert letters([FIRM, replace(SEVERE, year=2024)], LETTER) == []
    assert letters([FIRM, SEVERE], replace(LETTER, status="sent")) == []


def test_nobody_is_written_to_twice_about_one_episode() -> None:
    assert letters([FIRM], LETTER, replace(LETTER, letter_id="l2")) != []
    assert letters([FIRM], LETTER, replace(LETTER, letter_id="l2", recipient_id="r2")) == []


def test_a_letter_about_nothing_or_of_another_child_is_told() -> None:
    assert letters([], LETTER) != []
    assert letters([FIRM], replace(LETTER, pupil_id="p2")) != []
    assert letters([FIRM], replace(LETTER, overtaken=True)) != []


def test_a_firm_episode_has_had_its_recipients_asked_for() -> None:
    by_id = {"e1": FIRM, "e2": SEVERE, "e3": TEN}
    assert letter_differences(by_id, [], {"e2"}) == []
    assert letter_differences(by_id, [], {"e1"}) != []
    assert letter_differences({"e1": FIRM}, [], set()) != []
