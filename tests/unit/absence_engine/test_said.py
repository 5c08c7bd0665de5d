"""What the engine says of episodes, merges and marks N: full states, each with an id that follows from what it says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL

import pytest
from absence_engine.domain import thresholds
from absence_engine.domain.claims import Episode
from absence_engine.domain.events import Told, meaning, reasons, split, states
from absence_engine.domain.ids import named
from absence_engine.domain.ticks import tick_of
from common.events import Revision, SessionRef, make, registers
from common.events import absence_engine as said
from common.events.absence_engine import Explanation, SchoolSequence

from tests.unit.absence_engine.children import DEAD, OTHER, PUPIL, URN, calendars, sessions

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
TODAY = date(2025, 10, 1)
DAYS = [date(2025, 9, 29) + timedelta(n) for n in range(5)]
WRITE: dict[str, Any] = {"previous": None, "write_last": 9}
EXPLANATION = Explanation(sentence="So.", sessions=[], school_weeks=[], formula={}, policy_version="1", hash="h")
SEQUENCE = [SchoolSequence(URN, 7)]


def episode(**fields: Any) -> Episode:
    """An open episode of persistent absence that is provisional."""
    plain: dict[str, Any] = {
        "episode_id": "e-1", "pupil_id": PUPIL, "kind": "PA", "year": 2025, "state": "open",
        "crossed": tick_of(DAYS[0]),
        "firm": None, "ended": None, "reason": None, "reversed_at": None, "last_mark": 0, "school_urn": URN, "epoch": 4,
        "revision": 2, "hash": "h", "policy_version": "1", "event": "crossed", "origin": PUPIL,
    }  # fmt: skip
    return Episode(**(plain | fields))


def state(stage: thresholds.Stage | None = None, **fields: Any) -> Any:
    (found,) = states([Told(episode(**fields), EXPLANATION, SEQUENCE, stage)], calendars({}), TODAY, NOW)
    return found


# -- episodes ---------------------------------------------------------------------------------------------------------


def test_a_crossing_is_said_in_full() -> None:
    found = state()
    open_days = found.data.open_days
    assert found.data == said.ThresholdCrossed(
        episode_id="e-1", pupil_id=PUPIL, kind="PA", academic_year="2025-26", state="open", provisional=True,
        crossed_on=SessionRef("2025-09-29", "AM"), firm_on=None, ended_on=None, ended_reason=None, reversed_at=None,
        school_urn=URN, revision=Revision(4, 2), explanation=EXPLANATION, sequence=SEQUENCE, open_days=open_days,
        stage=None,
    )  # fmt: skip
    assert (found.subject, found.time) == (PUPIL, "2025-10-01T09:30:00.000Z")
    assert (len(open_days), open_days[0], open_days[-1]) == (20, "2025-10-02", "2025-10-29")


def test_an_episode_that_is_firm_and_over_says_since_when() -> None:
    found = state(event="ended", state="ended", firm=tick_of(DAYS[1], 1), ended=tick_of(DAYS[2]), reason="recovered")
    assert isinstance(found.data, said.ThresholdEnded)
    assert (found.data.firm_on, found.data.ended_on) == (SessionRef("2025-09-30", "PM"), SessionRef("2025-10-01", "AM"))
    assert (found.data.ended_reason, found.data.state, found.data.provisional) == ("recovered", "ended", False)


def test_an_episode_that_is_taken_back_says_when() -> None:
    found = state(event="reversed", state="reversed", reversed_at=NOW + timedelta(microseconds=123_456), year=None)
    assert isinstance(found.data, said.ThresholdReversed)
    assert (found.data.reversed_at, found.data.academic_year) == ("2025-10-01T09:30:00.123+00:00", None)


@pytest.mark.parametrize(
    ("kind", "event", "type_"),
    [
        ("AT_RISK", "crossed", said.ThresholdApproaching), ("AT_RISK", "changed", said.ThresholdChanged),
        ("AT_RISK", "ended", said.ThresholdEnded), ("PA", "crossed", said.ThresholdCrossed),
        ("PA", "changed", said.ThresholdChanged),
    ],
)  # fmt: skip
def test_the_crossing_of_a_risk_is_said_to_approach_one(kind: str, event: str, type_: type) -> None:
    assert type(state(kind=kind, event=event).data) is type_


def test_what_a_policy_wants_done_goes_along() -> None:
    found = state(thresholds.Stage(task="review", due_open_days=3, while_provisional=True))
    assert found.data.stage == said.Stage("review", 3, True)


def test_open_days_are_those_of_each_episodes_school() -> None:
    told = [Told(episode(school_urn=urn), EXPLANATION, SEQUENCE) for urn in (URN, OTHER)]
    here = [*DAYS, date(2025, 11, 8)]
    found = states(told, calendars({URN: sessions(here), OTHER: sessions(DAYS)}), TODAY, NOW)
    assert [event.data.open_days[:3] for event in found] == [
        ["2025-10-02", "2025-10-03", "2025-11-08"], ["2025-10-02", "2025-10-03", "2025-10-06"],
    ]  # fmt: skip


def test_the_same_state_said_again_is_the_same_event() -> None:
    assert state().id == state().id == named(NAMESPACE_URL, "threshold/e-1/4/2")
    others = [state(revision=3), state(epoch=5), state(episode_id="e-2")]
    assert len({event.id for event in (state(), *others)}) == 4


# -- who is who -------------------------------------------------------------------------------------------------------


def test_an_id_that_is_part_of_another_child_says_which() -> None:
    found = meaning(DEAD, PUPIL, DEAD, 3, NOW)
    assert found.data == said.ChildMerged(pupil_id=DEAD, survivor=PUPIL, identity_version=3)
    assert (found.subject, found.id) == (DEAD, named(NAMESPACE_URL, f"child-merged/{DEAD}/{PUPIL}/3"))
    first = meaning(DEAD, PUPIL, DEAD, 0, NOW)
    assert first.id == named(NAMESPACE_URL, f"child-merged/{DEAD}/{PUPIL}")


def test_an_id_that_is_its_own_again_was_split_from_the_other() -> None:
    found = meaning(DEAD, DEAD, PUPIL, 4, NOW)
    assert found == split(PUPIL, DEAD, 4, NOW, restored=True)
    assert found.data == said.ChildSplit(pupil_id=PUPIL, other=DEAD, restored=True, identity_version=4)
    assert (found.subject, found.id) == (DEAD, named(NAMESPACE_URL, f"child-split/{PUPIL}/{DEAD}/4"))
    assert not split(PUPIL, DEAD, 4, NOW, restored=False).data.restored


# -- marks N ----------------------------------------------------------------------------------------------------------


def entry(data: Any) -> Any:
    return make(data, id="x", subject=str(URN), now=NOW, sequence=9, schoolurn=URN)


def open_reasons() -> list[registers.OpenReason]:
    return [
        registers.OpenReason(pupil_id=PUPIL, date="2025-09-29", session="AM", due_on="2025-10-06"),
        registers.OpenReason(pupil_id=DEAD, date="2025-09-29", session="PM", due_on=None),
    ]


@pytest.mark.parametrize(
    ("source", "kind"), [(registers.ReasonDue, said.ReasonDue), (registers.ReasonOverdue, said.ReasonOverdue)]
)
def test_each_mark_n_of_an_entry_is_said_by_itself(source: Any, kind: Any) -> None:
    first, second = reasons([entry(source(**WRITE, reasons=open_reasons()))], NOW)
    assert first.data == kind(
        pupil_id=PUPIL, school_urn=URN, date="2025-09-29", session="AM", due_on="2025-10-06", sequence=9
    )
    assert (second.data.pupil_id, second.data.due_on, second.subject) == (DEAD, None, DEAD)
    assert first.id == named(NAMESPACE_URL, f"reason/{URN}/9/{PUPIL}/2025-09-29/AM")


def test_a_reason_that_is_settled_is_due_no_more() -> None:
    settled = registers.SettledReason(pupil_id=PUPIL, date="2025-09-29", session="AM", code="I")
    (found,) = reasons([entry(registers.ReasonSettled(**WRITE, reasons=[settled]))], NOW)
    assert found.data == said.ReasonSettled(
        pupil_id=PUPIL, school_urn=URN, date="2025-09-29", session="AM", due_on=None, sequence=9
    )


def test_other_entries_say_nothing_of_reasons() -> None:
    marked = registers.SessionMarked(**WRITE, date="2025-09-29", session="AM", marks=[])
    assert reasons([entry(marked)], NOW) == []
