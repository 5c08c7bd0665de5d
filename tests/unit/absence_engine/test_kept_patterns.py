"""What becomes of patterns that were told: whatever shows from look to look, each is told once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from absence_engine.domain.patterns.kept import Kept, Shown, changes, event
from common.events.absence_engine import CountedSession
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.absence_engine.children import DEAD, OTHER, PUPIL, URN

NOW = datetime(2025, 10, 1, 16, tzinfo=UTC)
KEYS = [("weekday", "Monday"), ("weekday", "Tuesday"), ("streak", "")]


def shows(kind: str, what: str, sentence: str = "So it is.") -> Shown:
    session = CountedSession("2025-09-30", "PM", "I", URN)
    return Shown(kind, what, 2025, sentence, [session], {"missed": 1}, "england-2024.2")


def looked(kept: dict[str, Kept], shown: Sequence[Shown], day: int = 0, *, pupil: str = PUPIL, epoch: int = 1) -> int:
    """Applies a look to what is kept; how much was said."""
    said = changes(pupil, shown, list(kept.values()), epoch, NOW + timedelta(day))
    assert len({one.pattern_id for one in said}) == len(said)
    for one in said:
        before = kept.get(one.pattern_id)
        assert before is None or (before.epoch, before.revision) < (one.epoch, one.revision)
        kept[one.pattern_id] = one
    return len(said)


@given(st.lists(st.tuples(st.sets(st.sampled_from(KEYS)), st.integers(0, 1)), max_size=8))
def test_what_stands_is_what_shows_and_a_second_look_says_nothing(
    looks: list[tuple[set[tuple[str, str]], int]],
) -> None:
    kept: dict[str, Kept] = {}
    epoch = 1
    for day, (keys, later) in enumerate(looks):
        epoch += later
        shown = [shows(*key) for key in sorted(keys)]
        before = {one.shown.key[:2] for one in kept.values() if one.state == "standing"}
        assert looked(kept, shown, day, epoch=epoch) == len(keys ^ before)
        assert {one.shown.key[:2] for one in kept.values() if one.state == "standing"} == keys
        assert looked(kept, shown, day + 1, epoch=epoch) == 0
    assert len({one.shown.key for one in kept.values()}) == len(kept)


def test_a_pattern_that_only_rests_on_more_sessions_is_not_told_again() -> None:
    kept: dict[str, Kept] = {}
    assert looked(kept, [shows("streak", "")]) == 1
    assert looked(kept, [shows("streak", "", "It is longer.")]) == 0
    assert next(iter(kept.values())).shown.sentence == "So it is."


def test_of_merged_children_the_living_ids_pattern_goes_on_and_the_other_is_gone() -> None:
    kept: dict[str, Kept] = {}
    looked(kept, [shows("streak", "")])
    looked_at_dead: dict[str, Kept] = {}
    looked(looked_at_dead, [shows("streak", ""), shows("weekday", "Monday")], pupil=DEAD)
    kept |= looked_at_dead
    assert looked(kept, [shows("streak", ""), shows("weekday", "Monday")], 1) == 1
    assert {one.pupil_id for one in kept.values() if one.state == "gone"} == {PUPIL}
    assert looked(kept, [shows("streak", ""), shows("weekday", "Monday")], 2) == 0
    told = sorted((one.origin, one.shown.kind, one.state) for one in kept.values())
    assert told == [(DEAD, "streak", "gone"), (DEAD, "weekday", "standing"), (PUPIL, "streak", "standing")]


@pytest.mark.parametrize(("living", "other"), [(PUPIL, DEAD), (DEAD, PUPIL)])
@pytest.mark.parametrize("kind", ["streak", "weekday", "medical"])
def test_the_living_ids_pattern_goes_on_whatever_the_ids_are(living: str, other: str, kind: str) -> None:
    kept: dict[str, Kept] = {}
    looked(kept, [shows(kind, "")], pupil=living)
    theirs: dict[str, Kept] = {}
    looked(theirs, [shows(kind, "")], pupil=other)
    kept |= theirs
    assert looked(kept, [shows(kind, "")], 1, pupil=living) == 1
    assert {one.origin: one.state for one in kept.values()} == {living: "standing", other: "gone"}


def test_a_pattern_that_shows_again_is_told_as_it_is_now() -> None:
    kept: dict[str, Kept] = {}
    looked(kept, [shows("weekday", "Monday")])
    looked(kept, [], 1)
    again = shows("weekday", "Monday", "And again.")
    elsewhere = again._replace(sessions=[CountedSession("2025-10-03", "AM", "I", OTHER)])
    looked(kept, [elsewhere], 2)
    (one,) = kept.values()
    assert (one.shown, one.school_urn, one.detected_at, one.gone_at) == (elsewhere, OTHER, NOW + timedelta(2), None)
    assert (one.epoch, one.revision) == (1, 3)
    assert one.pattern_id == str(uuid5(NAMESPACE_URL, f"pattern/{PUPIL}/weekday/Monday/2025"))
    said = event(one, NOW)
    assert said.id == str(uuid5(NAMESPACE_URL, f"pattern/{one.pattern_id}/1/3"))
    assert (said.data.detected_at, said.data.gone_at) == ("2025-10-03T16:00:00.000+00:00", None)


def test_a_new_epoch_counts_from_one_and_each_revision_has_an_event_of_its_own() -> None:
    kept: dict[str, Kept] = {}
    looked(kept, [shows("streak", "")])
    (first,) = kept.values()
    looked(kept, [], 1, epoch=2)
    (gone,) = kept.values()
    assert (gone.epoch, gone.revision, gone.state) == (2, 1, "gone")
    one, other = event(first, NOW), event(gone, NOW)
    assert one.id != other.id
    assert event(gone, NOW + timedelta(1)).id == other.id
    assert (one.data.state, other.data.state, other.data.gone_at) == (
        "standing",
        "gone",
        "2025-10-02T16:00:00.000+00:00",
    )
    assert (one.subject, one.data.academic_year) == (PUPIL, "2025-26")
