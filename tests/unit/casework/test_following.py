"""However the same news arrive, the tasks end up the same."""

from collections.abc import Sequence

from casework.actions.hear import EpisodeNews, LetterNews, hear
from casework.domain import follow, wording
from casework.domain.policy import policy_on
from casework.domain.tasks import completed
from casework.domain.values import Case, Episode, Letter, Task
from common.events import Data
from common.events import absence_engine as engine
from common.events import notifications as letters
from hypothesis import given
from hypothesis import strategies as st

from tests.told import NOW, TODAY, crossing, event, letter, some_id

POLICY = policy_on(TODAY)


HOME_VISIT = engine.Stage("home_visit", 5, while_provisional=False)


class Kept:
    """The store, in memory."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.letters: dict[str, Letter] = {}
        self.tasks: dict[str, Task] = {}
        self.cases: dict[str, Case] = {}
        self.lines: dict[str, str] = {}

    def hear(self, batch: Sequence[Data]) -> follow.Changes:
        told = [hear(event(data)) for data in batch]
        episodes = [one.episode for one in told if isinstance(one, EpisodeNews)]
        heard = [one.letter for one in told if isinstance(one, LetterNews)]
        stored = follow.Stored(episodes=self.episodes, letters=self.letters, tasks=self.tasks, cases=self.cases)
        changes = follow.follow(stored, episodes, heard, POLICY, TODAY, NOW)
        self.episodes |= {one.episode_id: one for one in changes.episodes}
        self.letters |= {one.letter_id: one for one in changes.letters}
        self.tasks |= {one.task_id: one for one in changes.tasks}
        self.cases |= {one.pupil_id: one for one in changes.cases}
        self.lines |= {entry.entry_id: entry.kind for entry in changes.entries}
        return changes

    def standing(self) -> set[tuple[str, str, str, str]]:
        """What matters: a task that was cancelled is as good as one that never was."""
        return {
            (task.task_id, task.kind, task.status, task.reason)
            for task in self.tasks.values()
            if task.status != "cancelled"
        }


@st.composite
def histories(draw: st.DrawFn) -> list[Data]:
    """The revisions of a few episodes and letters, each the state after one more change."""
    told: list[Data] = []
    for name in draw(st.sets(st.sampled_from(["e1", "e2", "e3"]), min_size=1)):
        kind = draw(st.sampled_from(["PA", "SA", "PN_10_IN_10", "AT_RISK"]))
        for count in range(1, draw(st.integers(2, 5))):
            what = draw(st.sampled_from(["crossed", "changed", "ended", "reversed"]))
            firm = draw(st.booleans())
            stage = draw(st.sampled_from([None, None, HOME_VISIT]))
            told.append(crossing(what, episode=name, count=count, kind=kind, provisional=not firm, stage=stage))
    for name in draw(st.sets(st.sampled_from(["l1", "l2"]))):
        overtaken = False
        for count in range(1, draw(st.integers(2, 4))):
            overtaken = overtaken or draw(st.booleans())
            status = draw(st.sampled_from(["sending", "sent"]))
            told.append(
                letter(letters.LetterSent, count=count, letter_id=some_id(name), status=status, overtaken=overtaken)
            )
    return told


@given(told=histories(), data=st.data())
def test_any_order_repetition_and_batching_of_the_same_news_ends_with_the_same_tasks(
    told: list[Data], data: st.DataObject
) -> None:
    in_order, shuffled = Kept(), Kept()
    for one in told:
        in_order.hear([one])
    again = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=5))))
    while again:
        size = data.draw(st.integers(1, len(again)))
        shuffled.hear(again[:size])
        again = again[size:]
    assert shuffled.standing() == in_order.standing()


def test_the_same_news_again_change_nothing() -> None:
    kept = Kept()
    batch = [crossing(), letter()]
    kept.hear(batch)
    changes = kept.hear(batch)
    assert (changes.tasks, changes.cases, changes.entries, changes.episodes, changes.letters) == ([], [], [], [], [])


def test_a_policy_that_asks_for_another_task_has_the_open_one_cancelled_with_its_reason() -> None:
    kept = Kept()
    kept.hear([crossing()])
    kept.hear([crossing("changed", count=2, stage=HOME_VISIT)])
    assert [(task.kind, task.status) for task in kept.tasks.values()] == [
        ("support_review", "cancelled"),
        ("home_visit", "open"),
    ]
    assert next(iter(kept.tasks.values())).reason == wording.REPLACED
    kept.hear([crossing("changed", count=3)])
    assert [task.status for task in kept.tasks.values()] == ["open", "cancelled"]


def test_a_task_that_was_done_stays_done_when_the_policy_asks_for_another() -> None:
    kept = Kept()
    kept.hear([crossing()])
    (task,) = kept.tasks.values()
    kept.tasks[task.task_id] = completed(task, "no_action", None, NOW)
    kept.hear([crossing("changed", count=2, stage=HOME_VISIT)])
    assert [task.status for task in kept.tasks.values()] == ["done", "open"]


def test_the_first_task_opens_the_childs_case_and_later_ones_join_it() -> None:
    kept = Kept()
    kept.hear([crossing()])
    kept.hear([crossing(episode="e2", kind="SA")])
    (case,) = kept.cases.values()
    assert {task.case_id for task in kept.tasks.values()} == {case.case_id}
    assert sorted(kept.lines.values()) == ["case-opened", "task-opened", "task-opened"]


def test_a_letter_overtaken_opens_one_task_however_often_it_is_told() -> None:
    kept = Kept()
    kept.hear([letter(letters.LetterOvertaken, count=2, status="sending", overtaken=True)])
    kept.hear([letter(letters.LetterSent, count=3, status="sent", overtaken=True)])
    (task,) = kept.tasks.values()
    assert (task.kind, task.status, task.letter_id, task.episode_id) == (
        "already_sent", "open", some_id("l1"), some_id("e1"),
    )  # fmt: skip


def test_a_letter_that_failed_opens_a_task_to_check_it() -> None:
    kept = Kept()
    kept.hear([letter(letters.LetterFailed, count=3, status="failed")])
    assert [task.kind for task in kept.tasks.values()] == ["check_sending"]


def test_kinds_without_a_rule_are_remembered_but_need_no_task() -> None:
    kept = Kept()
    kept.hear([crossing(kind="AT_RISK")])
    assert (len(kept.episodes), kept.tasks, kept.cases) == (1, {}, {})
