"""Events as the absence engine and notifications tell them, and records as a broker hands them over."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID, uuid5

from common.broker import Partition, Record
from common.events import Data, Event, Revision, SessionRef, encode, make, notifications
from common.events import absence_engine as engine

SPACE = UUID("6f6c6c63-616c-4c00-8000-000000000000")
NOW = datetime(2025, 9, 30, 13, 20, tzinfo=UTC)
TODAY = NOW.date()
URN = 100001

TYPES: dict[str, type[engine.Threshold]] = {
    "crossed": engine.ThresholdCrossed,
    "changed": engine.ThresholdChanged,
    "ended": engine.ThresholdEnded,
    "reversed": engine.ThresholdReversed,
}


def some_id(name: str) -> str:
    """The same id for the same name."""
    return str(uuid5(SPACE, name))


def weekdays(after: date, number: int) -> list[str]:
    days = (after + timedelta(n) for n in range(1, 3 * number))
    return [day.isoformat() for day in days if day.weekday() < 5][:number]


class Changed(TypedDict, total=False):
    """What a test says of an episode that `crossing` would say otherwise: see `Threshold`, and there `revision`."""

    episode: str
    count: int
    pupil_id: str
    kind: str
    academic_year: str | None
    provisional: bool
    crossed_on: SessionRef
    firm_on: SessionRef | None
    ended_on: SessionRef | None
    ended_reason: str | None
    school_urn: int
    explanation: engine.Explanation
    stage: engine.Stage | None
    open_days: list[str]


def crossing(what: str = "crossed", **changes: Unpack[Changed]) -> engine.Threshold:
    """A firm PA episode of child c1, or what `changes` make of it."""
    state = {"ended": "ended", "reversed": "reversed"}.get(what, "open")
    sessions = [
        engine.CountedSession(date="2025-09-29", session="AM", code="I", school_urn=URN),
        engine.CountedSession(date="2025-09-29", session="PM", code="I", school_urn=URN),
        engine.CountedSession(date="2025-09-30", session="AM", code="O", school_urn=URN),
        engine.CountedSession(date="2025-09-30", session="PM", code="U", school_urn=URN),
    ]
    episode, count = changes.pop("episode", "e1"), changes.pop("count", 1)
    values: dict[str, Any] = {
        "episode_id": some_id(episode),
        "pupil_id": some_id("c1"),
        "kind": "PA",
        "academic_year": "2025-26",
        "state": state,
        "provisional": False,
        "crossed_on": SessionRef("2025-09-30", "PM"),
        "firm_on": SessionRef("2025-09-30", "PM"),
        "ended_on": None,
        "ended_reason": None,
        "reversed_at": None,
        "school_urn": URN,
        "revision": Revision(1, count),
        "explanation": engine.Explanation(
            sentence="4 of 40 possible sessions were missed (10.00%).",
            sessions=sessions,
            school_weeks=[],
            formula={"absent": 4, "possible": 40, "test": "absent * 10 >= possible"},
            policy_version="england-2024.1",
            hash="0" * 64,
        ),
        "sequence": [engine.SchoolSequence(URN, 40)],
        "open_days": weekdays(TODAY, 20),
    }
    return TYPES[what](**{**values, **changes})


def letter(kind: type[notifications.Letter] = notifications.LetterQueued, *, count: int = 1, **changes: Any) -> Data:
    """A queued letter l1 about episode e1 of child c1, or what `changes` make of it."""
    values: dict[str, Any] = {
        "letter_id": some_id("l1"),
        "kind": "persistent_absence",
        "pupil_id": some_id("c1"),
        "school_urn": URN,
        "episode_id": some_id("e1"),
        "recipient_id": some_id("contact"),
        "channel": "letter",
        "status": "queued",
        "overtaken": False,
        "template_version": "2025-1",
        "revision": Revision(1, count),
    }
    return kind(**(values | changes))


def reason(what: str = "due", *, number: int = 10, **changes: Any) -> Data:
    """A mark N of child c1 that is due, overdue or settled, or what `changes` make of it."""
    kind = {"due": engine.ReasonDue, "overdue": engine.ReasonOverdue, "settled": engine.ReasonSettled}[what]
    values: dict[str, Any] = {
        "pupil_id": some_id("c1"),
        "school_urn": URN,
        "date": "2025-09-25",
        "session": "AM",
        "due_on": None if what == "settled" else "2025-10-02",
        "sequence": number,
    }
    return kind(**(values | changes))


def merge(dead: str, survivor: str, version: int = 0) -> Data:
    """Child `dead` is `survivor` from now on."""
    return engine.ChildMerged(pupil_id=some_id(dead), survivor=some_id(survivor), identity_version=version)


def split(pupil: str, other: str, version: int, *, restored: bool = True) -> Data:
    """Child `other` is another one than `pupil` from now on."""
    return engine.ChildSplit(pupil_id=some_id(pupil), other=some_id(other), restored=restored, identity_version=version)


def event(data: Data) -> Event:
    """The event around some data; the same data make the same event."""
    return make(data, id=some_id(repr(data)), subject=getattr(data, "pupil_id", ""), now=NOW)


def records(told: Iterable[Data], topic: str = engine.TOPIC) -> Sequence[Record]:
    """The events as records of one partition."""
    return [
        Record(Partition(topic, 0), offset, one.subject.encode(), encode(one), one.id)
        for offset, one in enumerate(map(event, told))
    ]
