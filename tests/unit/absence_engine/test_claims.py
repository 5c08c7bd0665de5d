"""Which episode a span continues, and what happened to it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid5

import pytest
from absence_engine.domain.claims import NAMESPACE, Change, Episode, Evaluation, as_told, claims, decide, new_id
from absence_engine.domain.policy import Policy, policies
from absence_engine.domain.spans import YEARLESS, Child, Scope, Span, spans
from absence_engine.domain.ticks import NEVER, day_of, tick_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine.children import (
    AUTUMN,
    DEAD,
    OTHER,
    PUPIL,
    TERM,
    URN,
    calendars,
    child,
    marked,
    sheets,
    stay,
)

POLICY = policies()[-1]
NOW = datetime(2025, 10, 1, tzinfo=UTC)
CALENDARS = calendars({URN: TERM})


def span(crossed: int, ended: int | None = None) -> Span:
    return Span("PA", 2025, crossed, None, ended, None if ended is None else "recovered")


def episode(name: str, crossed: int, ended: int | None = None, *, reversed_after: int | None = None) -> Episode:
    state = "reversed" if reversed_after is not None else "open" if ended is None else "ended"
    return Episode(
        episode_id=name,
        pupil_id=PUPIL,
        kind="PA",
        year=2025,
        state=state,
        crossed=crossed,
        firm=None,
        ended=ended,
        reason=None if ended is None else "recovered",
        reversed_at=NOW if state == "reversed" else None,
        last_mark=reversed_after or 0,
        school_urn=URN,
        epoch=1,
        revision=3,
        hash="",
        policy_version="",
        event="crossed",
        origin=PUPIL,
    )


def claimed(found: list[Span], old: list[Episode]) -> list[str | None]:
    return [None if one is None else one.episode_id for one in claims(found, old)]


def test_an_overlapping_span_keeps_the_id() -> None:
    assert claimed([span(12)], [episode("a", 10)]) == ["a"]
    assert claimed([span(5, 10)], [episode("a", 10, 20)]) == ["a"]
    assert claimed([span(5, 9)], [episode("a", 10, 20)]) == [None]
    assert claimed([span(21)], [episode("a", 10, 20)]) == [None]


def test_a_standing_episode_is_claimed_before_a_reversed_one() -> None:
    old = [episode("reversed", 8, reversed_after=40), episode("standing", 10)]
    assert claimed([span(12)], old) == ["standing"]
    assert claimed([span(12, 15), span(30)], old) == ["standing", "reversed"]


def test_a_reversed_one_that_was_open_ends_at_the_last_mark_of_its_child() -> None:
    assert claimed([span(25)], [episode("a", 10, reversed_after=25)]) == ["a"]
    assert claimed([span(26)], [episode("a", 10, reversed_after=25)]) == [None]


def test_of_reversed_ones_the_last_reversed_stands_again() -> None:
    merged = episode("a child merged into this one had it", 8, reversed_after=40)
    last = episode("stood last", 10, reversed_after=40)._replace(reversed_at=NOW + timedelta(hours=1))
    assert claimed([span(9)], [merged, last]) == ["stood last"]
    assert claimed([span(9)], [merged, last._replace(reversed_at=NOW)]) == [merged.episode_id]  # at once: the earlier


def test_an_episode_whose_marks_went_in_two_parts_is_brought_back_under_its_id() -> None:
    """The first part was written without being evaluated: the marks before the second do not reach to the crossing."""
    kept = Kept()
    marks = dict.fromkeys(AUTUMN[:20], "/") | dict.fromkeys(AUTUMN[20:26], "O")
    before = {change.episode.episode_id for change in kept.take(marks)}
    kept.before = Child.of(child(dict.fromkeys(AUTUMN[:20], "/")))
    assert {change.happened for change in kept.take({})} == {"reversed"}
    assert {change.episode.episode_id for change in kept.take(marks)} == before


def test_in_time_order_each_is_claimed_once() -> None:
    old = [episode("b", 30), episode("a", 10, 20)]
    assert claimed([span(5, 12), span(15, 18), span(40)], old) == ["a", None, "b"]
    assert claimed([span(5)], old) == ["a"]


def test_a_new_id_is_that_of_pupil_kind_year_and_session_unless_it_is_taken() -> None:
    first = new_id(PUPIL, span(tick_of(date(2025, 9, 1))), [])
    assert first == new_id(PUPIL, span(tick_of(date(2025, 9, 1)), 9), [])
    assert first != new_id(DEAD, span(tick_of(date(2025, 9, 1))), [])
    second = new_id(PUPIL, span(tick_of(date(2025, 9, 1))), [first])
    third = new_id(PUPIL, span(tick_of(date(2025, 9, 1))), [first, second])
    name = f"{PUPIL}/PA/2025/2025-09-01/AM"
    assert [first, second, third] == [str(uuid5(NAMESPACE, f"{name}{more}")) for more in ("", "/2", "/3")]
    yearless = span(tick_of(date(2025, 9, 1), 1))._replace(kind="PUNCTUALITY", year=None)
    assert new_id(PUPIL, yearless, []) == str(uuid5(NAMESPACE, f"{PUPIL}/PUNCTUALITY//2025-09-01/PM"))


def test_episodes_claim_in_time_order_whatever_their_ids_say() -> None:
    old = [episode("a", 30), episode("b", 10)]
    assert claimed([span(5, 50), span(60)], old) == ["b", "a"]


class Kept:
    """What is stored: applies evaluations one after another."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.before = Child.of(child({}))

    def take(self, marks: dict[int, str], touched: int = 0) -> list[Change]:
        after = Child.of(child(marks))
        scope = Scope.whole(after)
        (found,) = spans([after], [scope], CALENDARS, POLICY)
        scope = Scope(scope.years | {2024, 2025}, YEARLESS)
        evaluation = Evaluation(scope, touched, self.before.record.sheets, 1, NOW)
        changes = decide(after, found, list(self.episodes.values()), evaluation, CALENDARS, POLICY)
        for change in changes:
            self.episodes[change.episode.episode_id] = change.episode
        self.before = after
        standing = [one.span for one in self.episodes.values() if one.stands]
        assert sorted(standing, key=str) == sorted(found, key=str)
        return changes


@given(st.lists(marked(AUTUMN[:60]), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_whatever_happens_every_announced_episode_stands_or_is_reversed_and_revisions_rise(
    histories: list[dict[int, str]],
) -> None:
    kept = Kept()
    revisions: dict[str, int] = {}
    for marks in histories:
        changes = kept.take(marks)
        assert len({change.episode.episode_id for change in changes}) == len(changes)
        for change in changes:
            assert change.episode.revision == revisions.get(change.episode.episode_id, 0) + 1
            revisions[change.episode.episode_id] = change.episode.revision
            assert (change.happened == "reversed") == (change.episode.state == "reversed")
        assert kept.take(marks) == []  # evaluated again, nothing happened
    first = kept.take(histories[0])
    assert all(change.happened in ("crossed", "changed", "ended", "reversed") for change in first)


def test_going_back_to_what_was_brings_the_ids_back() -> None:
    kept = Kept()
    marks = dict.fromkeys(AUTUMN[:6], "O")
    before = {change.episode.episode_id for change in kept.take(marks)}
    assert {change.happened for change in kept.take(dict.fromkeys(AUTUMN[:6], "/"))} == {"reversed"}
    again = kept.take(marks)
    assert {change.episode.episode_id for change in again} == before
    assert {change.happened for change in again} == {"crossed"}


def test_a_new_episode_where_an_old_one_bore_the_id_gets_another() -> None:
    """An episode moves away from where it crossed first; then something else crosses there."""
    kept = Kept()
    year = AUTUMN
    (first,) = [c for c in kept.take({year[0]: "I", year[1]: "/", year[2]: "/"}) if c.episode.kind == "SA"]
    moved = episode(first.episode.episode_id, year[40])
    kept.episodes = {first.episode.episode_id: moved._replace(kind="SA")}
    changes = kept.take({year[0]: "I"} | dict.fromkeys(year[1:31], "/") | dict.fromkeys(year[31:63], "I"))
    ids = {change.episode.crossed: change.episode.episode_id for change in changes if change.episode.kind == "SA"}
    assert ids[year[0]] != first.episode.episode_id
    assert first.episode.episode_id in ids.values()


@pytest.mark.parametrize("kind", ["PA", "SA"])
def test_a_change_of_evidence_alone_is_told(kind: str) -> None:
    kept = Kept()
    kept.take(dict.fromkeys(AUTUMN[:4], "I"))
    changes = kept.take(dict.fromkeys(AUTUMN[:4], "M"), touched=AUTUMN[0])
    assert [(c.happened, c.episode.kind) for c in changes if c.episode.kind == kind] == [("changed", kind)]


def test_marks_behind_the_evidence_of_an_episode_may_end_it() -> None:
    kept = Kept()
    marks = dict.fromkeys(AUTUMN[:20], "O") | dict.fromkeys(AUTUMN[20:42], "/")
    assert "SA" in {one.episode.kind for one in kept.take(marks)}
    changes = kept.take(marks | dict.fromkeys(AUTUMN[42:60], "/"), touched=AUTUMN[42])
    assert [(one.happened, one.episode.kind) for one in changes if one.episode.kind == "SA"] == [("ended", "SA")]


def test_an_episode_may_rest_on_another_hash() -> None:
    assert episode("a", 1).with_hash("of another explanation").hash == "of another explanation"


# -- what happened ----------------------------------------------------------------------------------------------------

ABSENT = dict.fromkeys(AUTUMN[:40], "O")
"""PA open and firm with its fortieth session."""


def decided(
    marks: dict[int, str],
    old: list[Episode],
    *,
    scope: Scope | None = None,
    touched: int = 0,
    epoch: int = 1,
    before: dict[int, str] | None = None,
    policy: Policy = POLICY,
    pupil: str = PUPIL,
) -> list[Change]:
    """What happened to the episodes of PA of a child with these marks."""
    record = child(marks)._replace(pupil_id=pupil)
    whole = Child.of(record)
    its = scope or Scope(frozenset({2024, 2025}), frozenset())
    (found,) = spans([whole], [its], CALENDARS, policy)
    sheets_before = child(ABSENT if before is None else before).sheets
    evaluation = Evaluation(its, touched, sheets_before, epoch, NOW)
    changes = decide(whole, [one for one in found if one.kind == "PA"], old, evaluation, CALENDARS, policy)
    assert all(change.happened == change.episode.event for change in changes)
    return changes


def test_a_new_span_is_an_episode_that_crosses() -> None:
    (change,) = decided(ABSENT, [], epoch=4)
    one = change.episode
    assert (change.happened, one.state, one.stands, one.provisional) == ("crossed", "open", True, False)
    assert (one.crossed, one.firm, one.ended, one.reason) == (AUTUMN[0], AUTUMN[39], None, None)
    assert (one.epoch, one.revision, one.origin, one.pupil_id) == (4, 1, PUPIL, PUPIL)
    assert (one.last_mark, one.school_urn, one.reversed_at) == (AUTUMN[39], URN, None)
    assert one.policy_version == POLICY.version
    assert change.explanation is not None
    assert one.hash == change.explanation.hash != ""


def test_an_open_span_is_provisional_until_it_is_firm_and_ends_once() -> None:
    (crossed,) = decided(dict.fromkeys(AUTUMN[:3], "O"), [])
    assert crossed.episode.provisional
    (firm,) = decided(ABSENT, [crossed.episode])
    assert (firm.happened, firm.episode.revision, firm.episode.provisional) == ("changed", 2, False)
    recovering = dict.fromkeys(AUTUMN[:3], "O") | dict.fromkeys(AUTUMN[3:43], "/")
    (ended,) = decided(recovering, [firm.episode])
    assert (ended.happened, ended.episode.state, ended.episode.reason) == ("ended", "ended", "recovered")
    assert ended.episode.ended is not None
    (again,) = decided(recovering | {AUTUMN[0]: "I"}, [ended.episode])
    assert (again.happened, again.episode.state) == ("changed", "ended")
    (reopened,) = decided(ABSENT, [ended.episode])
    assert (reopened.happened, reopened.episode.state) == ("changed", "open")


def test_what_is_as_it_was_is_not_said_again_even_when_its_marks_are_looked_at() -> None:
    (crossed,) = decided(ABSENT, [])
    assert decided(ABSENT, [crossed.episode], touched=AUTUMN[39] + 1) == []
    assert decided(ABSENT, [crossed.episode], touched=0) == []
    assert decided(ABSENT | {AUTUMN[40]: "/"}, [crossed.episode], touched=0) == []


def test_a_rebuild_says_what_changed_in_its_own_epoch() -> None:
    (crossed,) = decided(ABSENT, [], epoch=1)
    assert decided(ABSENT, [crossed.episode], epoch=2) == []
    (changed,) = decided(ABSENT | {AUTUMN[0]: "G"}, [crossed.episode], epoch=2)
    assert (changed.happened, changed.episode.epoch, changed.episode.revision) == ("changed", 2, 2)


def test_an_episode_that_nothing_claims_is_reversed_and_keeps_how_far_its_child_was_marked() -> None:
    (crossed,) = decided(ABSENT, [])
    (gone,) = decided({}, [crossed.episode], epoch=3)
    one = gone.episode
    assert (gone.happened, one.state, one.reversed_at, one.stands) == ("reversed", "reversed", NOW, False)
    assert (one.last_mark, one.epoch, one.revision, gone.explanation) == (AUTUMN[39], 3, 2, None)
    assert decided({}, [one]) == []
    (further,) = decided({}, [crossed.episode], before=ABSENT | {AUTUMN[50]: "/"})
    assert further.episode.last_mark == AUTUMN[50]
    (less,) = decided({}, [crossed.episode._replace(last_mark=AUTUMN[45])], before={AUTUMN[3]: "O"})
    assert less.episode.last_mark == AUTUMN[39]
    (none,) = decided({}, [crossed.episode._replace(last_mark=AUTUMN[45])], before={})
    assert none.episode.last_mark == AUTUMN[45]
    (provisional,) = decided({}, [crossed.episode._replace(firm=None)], before={AUTUMN[0]: "O"})
    assert provisional.episode.last_mark == AUTUMN[0]
    (back,) = decided(ABSENT, [one])
    assert (back.happened, back.episode.episode_id, back.episode.reversed_at) == ("crossed", one.episode_id, None)


def test_episodes_out_of_scope_are_left_alone() -> None:
    (crossed,) = decided(ABSENT, [])
    assert decided({}, [crossed.episode], scope=Scope(frozenset({2024}), YEARLESS)) == []
    assert decided({}, [crossed.episode._replace(kind="PUNCTUALITY", year=None)]) == []


def test_episodes_follow_their_child_into_a_merge_and_keep_their_origin() -> None:
    (crossed,) = decided(ABSENT, [])
    (moved,) = decided(ABSENT, [crossed.episode], touched=NEVER, pupil=DEAD)
    one = moved.episode
    assert (moved.happened, one.pupil_id, one.origin) == ("changed", DEAD, PUPIL)
    assert one.episode_id == crossed.episode.episode_id
    (gone,) = decided({}, [crossed.episode], pupil=DEAD)
    assert (gone.happened, gone.episode.pupil_id) == ("reversed", DEAD)
    (reversed_one,) = decided({}, [crossed.episode])
    (followed,) = decided({}, [reversed_one.episode], pupil=DEAD)
    assert (followed.happened, followed.episode.pupil_id, followed.episode.origin) == ("reversed", DEAD, PUPIL)
    assert followed.episode.revision == reversed_one.episode.revision + 1


def test_another_version_of_a_threshold_explains_its_episode_anew() -> None:
    (crossed,) = decided(ABSENT, [])
    (changed,) = decided(ABSENT, [crossed.episode], touched=NEVER, policy=replace(POLICY, version="330-1"))
    assert (changed.happened, changed.episode.policy_version) == ("changed", "330-1")
    assert changed.episode.hash != crossed.episode.hash


@pytest.mark.parametrize(("first", "school"), [(2, URN), (6, OTHER)])
def test_an_episode_is_of_the_school_whose_mark_crossed(first: int, school: int) -> None:
    there = dict.fromkeys(AUTUMN[4:12], "/") | {tick: "O" for tick in AUTUMN[first:12] if tick >= AUTUMN[4]}
    here = dict.fromkeys(AUTUMN[:4], "/") | dict.fromkeys(AUTUMN[first:4], "O")
    stays = [stay(URN, to=day_of(AUTUMN[3])), stay(OTHER, from_=day_of(AUTUMN[4]))]
    one = Child.of(child({}, stays=stays)._replace(sheets=(*sheets(here), *sheets(there, OTHER))))
    (crossed,) = (its for its in spans([one], [Scope.whole(one)], CALENDARS, POLICY)[0] if its.kind == "SA")
    assert as_told(one, crossed, None, (), POLICY).school_urn == school
