"""Which child an id means: the same for whoever was told the same, in whatever order."""

from random import Random

from common.lineage import Link, is_news, living
from hypothesis import given
from hypothesis import strategies as st

IDS = "abcde"


class Truth:
    """Merges and splits as they were decided: never a circle."""

    def __init__(self) -> None:
        self.links: dict[str, Link | None] = dict.fromkeys(IDS)
        self.told: list[tuple[str, Link]] = []

    def _say(self, pupil_id: str, parent: str, *, apart: bool) -> None:
        before = self.links[pupil_id]
        link = Link(parent, 1 if before is None else before.version + 1, apart)
        self.links[pupil_id] = link
        self.told.append((pupil_id, link))

    def merge(self, dead: str, into: str) -> None:
        means = living(self.links)
        if means[dead] == dead and means[into] != dead:
            self._say(dead, means[into], apart=False)

    def split(self, dead: str) -> None:
        means = living(self.links)
        if means[dead] != dead:
            self._say(dead, means[dead], apart=True)


steps = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from([*IDS, None])), max_size=12)


@given(steps, st.randoms(use_true_random=False))
def test_whatever_the_order_in_which_it_is_told_the_end_is_the_same(
    what: list[tuple[str, str | None]], chance: Random
) -> None:
    truth = Truth()
    for pupil_id, into in what:
        truth.split(pupil_id) if into is None else truth.merge(pupil_id, into)
    heard: dict[str, Link | None] = dict.fromkeys(IDS)
    told = truth.told * 2
    chance.shuffle(told)
    for pupil_id, link in told:
        if is_news(heard[pupil_id], link):
            heard[pupil_id] = link
        assert set(living(heard).values()) <= set(IDS)  # it ends, also while two ids mean each other
    assert living(heard) == living(truth.links)


def test_a_chain_means_its_end_and_a_split_cuts_it() -> None:
    links: dict[str, Link | None] = {"a": Link("b", 1), "b": Link("c", 1), "c": None}
    assert living(links) == {"a": "c", "b": "c", "c": "c"}
    assert living(links | {"b": Link("c", 2, apart=True)}) == {"a": "b", "b": "b", "c": "c"}


def test_of_two_ids_that_mean_each_other_the_lower_lives_until_more_is_told() -> None:
    links: dict[str, Link | None] = {"a": Link("b", 1), "b": Link("a", 1)}
    assert living(links) == {"a": "a", "b": "a"}
    assert living(links | {"a": Link("b", 2, apart=True)}) == {"a": "a", "b": "a"}
