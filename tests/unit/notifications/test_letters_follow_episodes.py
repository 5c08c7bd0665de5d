"""However the revisions of a child's episodes arrive, the letters end up the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Unpack

from common.events import Data
from hypothesis import given
from hypothesis import strategies as st
from notifications.actions.hear import hear
from notifications.domain import follow, letters
from notifications.domain.policy import policy_on
from notifications.domain.values import Contact, Episode, ExplainedEpisode, Letter, Settlement

from tests.told import NOW, TODAY, Changed, crossing, event, some_id

POLICY = policy_on(TODAY)
HOLD = timedelta(hours=24)
PARENTS = [
    Contact(
        contact_id=some_id(name), school_urn=100001, name=name, parental_responsibility=True, do_not_contact=False,
        priority=1, email=None, address=None,
    )
    for name in ("p1", "p2")
]  # fmt: skip


def episode(what: str = "crossed", **changes: Unpack[Changed]) -> ExplainedEpisode:
    heard = hear(event(crossing(what, **changes)))
    assert isinstance(heard, ExplainedEpisode)
    return heard


class Kept:
    """The store, in memory, for one child."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.letters: dict[str, Letter] = {}
        self.settlements: dict[str, Settlement] = {}

    def hear(self, batch: Sequence[Data]) -> follow.Changes:
        told = [one for one in (hear(event(data)) for data in batch) if isinstance(one, ExplainedEpisode)]
        fresh = follow.newest(told, self.episodes)
        self.episodes |= {one.episode_id: one for one in fresh}
        by_episode: dict[str, list[Letter]] = {}
        for letter in self.letters.values():
            by_episode.setdefault(letter.episode_id, []).append(letter)
        changes = follow.Changes()
        follow.follow(changes, list(self.episodes.values()), by_episode, self.settlements, POLICY, NOW, HOLD)
        self.letters |= {one.letter_id: one for one in changes.letters}
        self.settlements |= {one.episode_id: one for one in changes.due}
        for gone in changes.dropped:
            del self.settlements[gone.episode_id]
        return changes

    def settle(self) -> None:
        """What the worker does with everything that is due."""
        for settlement in list(self.settlements.values()):
            if settlement.state == "due":
                of = self.episodes[settlement.episode_id]
                rule = POLICY.letters[of.kind]
                made = [letters.made(of, rule, parent, "letter", NOW, HOLD) for parent in PARENTS]
                self.letters |= {one.letter_id: one for one in made}
                self.settlements[of.episode_id] = replace(settlement, state="settled")

    def standing(self) -> set[tuple[str, str]]:
        """What matters: a letter that was recalled is as good as one that never was."""
        return {(one.letter_id, one.status) for one in self.letters.values() if one.status != "recalled"}

    def statuses(self, kind: str = "persistent_absence") -> set[str]:
        return {one.status for one in self.letters.values() if one.kind == kind}


@st.composite
def histories(draw: st.DrawFn) -> list[Data]:
    """The revisions of a few episodes of one child, each the state after one more change."""
    told: list[Data] = []
    for name in draw(st.sets(st.sampled_from(["e1", "e2", "e3", "e4"]), min_size=1)):
        kind = draw(st.sampled_from(["PA", "SA", "PN_10_IN_10", "AT_RISK"]))
        for count in range(1, draw(st.integers(2, 5))):
            what = draw(st.sampled_from(["crossed", "changed", "ended", "reversed"]))
            firm = draw(st.booleans())
            told.append(crossing(what, episode=name, count=count, kind=kind, provisional=not firm))
    return told


@given(told=histories(), data=st.data())
def test_any_order_repetition_and_batching_of_the_same_revisions_ends_with_the_same_letters(
    told: list[Data], data: st.DataObject
) -> None:
    at_once, shuffled = Kept(), Kept()
    at_once.hear(told)
    at_once.settle()
    again = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=5))))
    while again:
        size = data.draw(st.integers(1, len(again)))
        shuffled.hear(again[:size])
        if data.draw(st.booleans()):
            shuffled.settle()
        again = again[size:]
    shuffled.settle()
    assert shuffled.standing() == at_once.standing()


def settled(*told: Data) -> Kept:
    kept = Kept()
    kept.hear(told)
    kept.settle()
    return kept


def test_the_same_news_again_change_nothing() -> None:
    kept = settled(crossing())
    changes = kept.hear([crossing()])
    assert (changes.letters, changes.due, changes.dropped) == ([], [], [])


def test_a_firm_episode_writes_to_each_recipient_and_a_provisional_one_to_nobody() -> None:
    assert len(settled(crossing()).letters) == 2
    assert settled(crossing(provisional=True)).letters == {}


def test_a_reversal_recalls_what_is_queued_and_standing_again_queues_it_under_its_id_with_a_new_hold() -> None:
    kept = settled(crossing())
    before = set(kept.letters)
    kept.hear([crossing("reversed", count=2)])
    assert kept.statuses() == {"recalled"}
    kept.hear([crossing(count=3)])
    assert (kept.statuses(), set(kept.letters)) == ({"queued"}, before)
    assert {one.revision.count for one in kept.letters.values()} == {3}


def test_a_reversal_before_anybody_was_found_leaves_nothing_to_settle() -> None:
    kept = Kept()
    kept.hear([crossing()])
    kept.hear([crossing("reversed", count=2)])
    assert kept.settlements == {}


def test_a_firm_severe_episode_recalls_the_queued_persistent_letter_and_its_reversal_brings_it_back() -> None:
    kept = settled(crossing())
    kept.hear([crossing(episode="e2", kind="SA")])
    kept.settle()
    assert (kept.statuses(), kept.statuses("severe_absence")) == ({"recalled"}, {"queued"})
    kept.hear([crossing("ended", episode="e2", kind="SA", count=2)])
    assert kept.statuses() == {"recalled"}
    kept.hear([crossing("reversed", episode="e2", kind="SA", count=3)])
    assert (kept.statuses(), kept.statuses("severe_absence")) == ({"queued"}, {"recalled"})


def test_no_persistent_letter_is_made_beside_a_firm_severe_episode_of_the_same_year_only() -> None:
    assert settled(crossing(), crossing(episode="e2", kind="SA")).statuses() == set()
    other_year = crossing(episode="e2", kind="SA", academic_year="2024-25")
    assert settled(crossing(), other_year).statuses() == {"queued"}
    provisional = crossing(episode="e2", kind="SA", provisional=True)
    assert settled(crossing(), provisional).statuses() == {"queued"}


def one_letter(**changes: object) -> Letter:
    rule = POLICY.letters["PA"]
    return replace(letters.made(episode(), rule, PARENTS[0], "letter", NOW, HOLD), **changes)


def after(letter: Letter, of: Episode, *, wanted: bool) -> Letter:
    return letters.after_episode(letter, of, POLICY.letters["PA"], wanted=wanted, now=NOW, hold=HOLD)


def test_what_reached_sending_is_overtaken_once_and_never_queued_again() -> None:
    for status in ("sending", "sent", "failed"):
        gone = after(one_letter(status=status), episode("reversed"), wanted=False)
        assert (gone.status, gone.overtaken, gone.revision.count) == (status, True, 2)
        assert after(gone, episode(), wanted=True) is gone
        assert after(gone, episode("reversed"), wanted=False) is gone


def test_being_displaced_overtakes_nothing_that_has_left() -> None:
    sent = one_letter(status="sent")
    assert after(sent, episode(), wanted=False) is sent


def test_a_letter_withheld_from_its_recipient_stays_recalled_while_the_episode_stands() -> None:
    kept_back = letters.withheld(one_letter(), "barred")
    assert kept_back.status == "recalled"
    assert after(kept_back, episode("changed"), wanted=True) is kept_back
    gone = after(kept_back, episode("reversed"), wanted=False)
    assert after(gone, episode(), wanted=True).status == "queued"


def test_one_recipient_has_one_letter_of_a_kind_about_an_episode() -> None:
    first = letters.letter_id(some_id("e1"), "persistent_absence", some_id("p1"))
    assert first == letters.letter_id(some_id("e1"), "persistent_absence", some_id("p1"))
    others = {
        letters.letter_id(some_id("e2"), "persistent_absence", some_id("p1")),
        letters.letter_id(some_id("e1"), "severe_absence", some_id("p1")),
        letters.letter_id(some_id("e1"), "persistent_absence", some_id("p2")),
    }
    assert first not in others
    assert len(others) == 3
