"""Patterns of absence: told once after the school day, gone after a correction, live for a child."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from absence_engine.actions.looking import LookingForPatterns
from absence_engine.actions.patterns import look_next
from absence_engine.actions.rebuild import rebuild
from absence_engine.domain.policy import policies
from absence_engine.store.republish import republish
from common.clock import Clock
from common.db import Transaction
from common.events import Event
from common.events.absence_engine import PatternDetected
from common.listen import Signal

from tests.delivery import until
from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger, merged
from tests.integration.absence_engine.policy_sets import Council, document
from tests.integration.absence_engine.test_answers import (
    ANN,
    BEN,
    CAL,
    DAYS,
    OTHER,
    SESSIONS,
    URN,
    Asker,
    asker,
    bearer,
    play,
    school,
)

__all__ = ["asker"]

TUESDAYS = [n for n, (day, _) in enumerate(SESSIONS[:46]) if day.weekday() == 1]
LAST = len(SESSIONS[:46]) - 1


def codes(missed: Iterable[int], code: str = "I", n: int = 46) -> str:
    """Present but for some of the sessions, up to the afternoon of 1 October."""
    return "".join(code if at in set(missed) else "/" for at in range(n))


async def look(engine: Engine, clock: Clock = CLOCK) -> list[int]:
    """Looks at schools until none is due; which they were."""
    looked: list[int] = []
    while (urn := await engine.database.in_transaction(lambda tx: look_next(tx, clock, engine.policies))) is not None:
        looked.append(urn)
    return looked


def on(day: int) -> Clock:
    """The clock on a day of October."""
    return Clock(fixed_today=date(2025, 10, day), wall=lambda: datetime(2025, 10, day, 16, tzinfo=UTC))


async def told(engine: Engine) -> list[PatternDetected]:
    events: list[Event] = await engine.said()
    return [event.data for event in events if isinstance(event.data, PatternDetected)]


@pytest.fixture
def ledger() -> Ledger:
    """Ann misses her Tuesdays, Ben is there, Cal is ill for two weeks."""
    found = school(URN, ANN, BEN, CAL)
    play(found, ANN, codes(TUESDAYS))
    play(found, BEN, codes([]))
    play(found, CAL, codes(range(10, 30)))
    return found


async def test_a_pattern_is_told_once_with_its_sentence_and_sessions(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    assert await look(engine) == [URN]
    said = {(one.pupil_id, one.kind): one for one in await told(engine)}
    assert set(said) == {(ANN, "weekday"), (CAL, "streak")}
    pattern = said[ANN, "weekday"]
    assert (pattern.what, pattern.academic_year, pattern.state, pattern.school_urn) == (
        "Tuesday", "2025-26", "standing", URN,
    )  # fmt: skip
    assert [(one.date, one.session, one.code) for one in pattern.sessions] == [
        (SESSIONS[n][0].isoformat(), SESSIONS[n][1], "I") for n in TUESDAYS
    ]
    assert pattern.sentence.startswith("Absences gather on Tuesdays: 5 of 5 Tuesdays were missed whole or in part")
    assert (pattern.revision.count, pattern.gone_at) == (1, None)
    assert await look(engine) == []
    assert await look(engine, on(2)) == []
    assert len(await told(engine)) == 2


async def test_a_school_is_looked_at_after_its_day_and_once_more_for_what_came_late(
    engine: Engine, ledger: Ledger
) -> None:
    await engine.take(ledger.entries)
    assert await look(engine) == [URN]
    ledger.marks(*SESSIONS[LAST], {BEN: "I"})
    await engine.take(ledger.entries[-1:])
    assert await look(engine) == []  # the day has been looked at
    assert await look(engine, on(2)) == [URN]
    ledger.marks(date(2025, 10, 2), "AM", {BEN: "/"})
    await engine.take(ledger.entries[-1:])
    assert await look(engine, on(2)) == []  # its afternoon has not come
    ledger.marks(date(2025, 10, 2), "PM", {BEN: "/"})
    await engine.take(ledger.entries[-1:])
    assert await look(engine, on(2)) == [URN]


async def test_days_that_are_caught_up_on_are_not_looked_at_one_by_one(engine: Engine, ledger: Ledger) -> None:
    later = Clock(fixed_today=date(2025, 12, 1), wall=CLOCK.wall)
    await engine.take(ledger.entries[:40])
    assert await look(engine, later) == []  # sixty days and more ago
    await engine.take(ledger.entries[40:])
    (last,) = await engine.fetch("select max(last_register_date) from ledger_position")
    assert last == (date(2025, 10, 1),)
    assert await look(engine, on(20)) == [URN]
    ledger.marks(date(2025, 10, 2), "PM", {ANN: "/"})
    await engine.take(ledger.entries[-1:])
    assert await look(engine, on(20)) == []
    assert await look(engine, on(21)) == [URN]


async def test_a_correction_makes_a_pattern_go_and_another_brings_it_back(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    for day, (code, state) in enumerate((("/", "gone"), ("I", "standing")), 2):
        before = len(ledger.entries)
        for n in TUESDAYS[:4]:
            ledger.marks(*SESSIONS[n], {ANN: code})
        await engine.take(ledger.entries[before:])
        assert await look(engine, on(day)) == [URN]
        last = (await told(engine))[-1]
        assert (last.pupil_id, last.kind, last.state, last.revision.count) == (ANN, "weekday", state, day)
        assert (last.gone_at is None) == (state == "standing")
    assert len({one.pattern_id for one in await told(engine) if one.pupil_id == ANN}) == 1


async def test_two_processes_and_a_failure_tell_a_pattern_once(engine: Engine, ledger: Ledger) -> None:
    other = school(OTHER, ANN, la_code="330")
    await engine.take(ledger.entries)
    await engine.take(other.entries, 1)
    other.marks(DAYS[0], "PM", {ANN: "D"})
    await engine.take(other.entries[-1:], 1)

    async def broken(tx: Transaction) -> None:
        await look_next(tx, CLOCK, engine.policies)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await engine.database.in_transaction(broken)
    assert await told(engine) == []
    both = await asyncio.gather(*(look(engine) for _ in range(3)))
    assert sorted(urn for one in both for urn in one) == [URN, OTHER]
    assert len(await told(engine)) == 2


async def test_a_merge_brings_patterns_along(engine: Engine, ledger: Ledger, asker: Asker) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    before = {one.kind: one.pattern_id for one in await told(engine)}
    ledger.write(merged(CAL, BEN, 1))
    await engine.take(ledger.entries[-1:])
    listed = await asker.get(f"/v1/schools/{URN}/patterns", kind="streak")
    assert [(one["pupil_id"], one["pattern_id"]) for one in listed["items"]] == [(BEN, before["streak"])]
    before_look = len(await told(engine))
    assert await look(engine, on(2)) == [URN]
    # Ben's own marks and Cal's are of one school: the living id's stand, and the illness is his no more.
    (gone,) = (await told(engine))[before_look:]
    assert (gone.pupil_id, gone.pattern_id, gone.state) == (BEN, before["streak"], "gone")


async def test_what_was_told_is_told_again_with_its_revision(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    before = [(event.id, event.data) for event in await engine.said() if isinstance(event.data, PatternDetected)]
    await engine.database.in_transaction(lambda tx: republish(tx, school=OTHER, clock=CLOCK))
    assert len(await told(engine)) == 2
    await engine.database.in_transaction(lambda tx: republish(tx, clock=CLOCK))
    again = [(event.id, event.data) for event in await engine.said() if isinstance(event.data, PatternDetected)]
    assert sorted(again[2:], key=lambda one: one[0]) == sorted(before, key=lambda one: one[0])


async def test_a_rebuild_takes_no_pattern_back(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    await rebuild(engine.database)
    assert await look(engine, on(2)) == []
    await engine.take(ledger.entries[:30])
    assert await look(engine, on(2)) == []
    await engine.take(ledger.entries[30:])
    await look(engine, on(3))
    assert {one.state for one in await told(engine)} == {"standing"}
    assert len(await told(engine)) == 2


async def test_a_policy_that_wants_no_such_pattern_makes_it_go(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    council = Council(engine)
    await council.follow()
    await look(engine)
    await council.publish("330-2025.1", document() | {"patterns": {"weekday": None, "streak": {"sessions": 18}}})
    await council.follow()
    assert await look(engine) == [URN]
    assert [(one.kind, one.state) for one in (await told(engine))[2:]] == [("weekday", "gone")]


async def test_background_work_finds_them_and_stops(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    stop, said = asyncio.Event(), asyncio.Event()
    working = LookingForPatterns(engine.database, CLOCK, engine.policies, Signal(), said.set)
    task = asyncio.create_task(working.run(stop))

    async def found() -> bool:
        return len(await told(engine)) == 2

    await until(found)
    assert said.is_set()
    assert working.health().ok
    stop.set()
    await task


async def test_a_childs_patterns_are_those_of_its_marks_now(engine: Engine, ledger: Ledger, asker: Asker) -> None:
    await engine.take(ledger.entries)
    answer: dict[str, Any] = await asker.get(f"/v1/pupils/{ANN}/patterns", at_least=f"{URN}:{len(ledger.entries)}")
    assert (answer["academic_year"], answer["policy_version"]) == ("2025-26", policies()[-1].version)
    (pattern,) = answer["items"]
    assert (pattern["kind"], pattern["what"]) == ("weekday", "Tuesday")
    assert pattern["numbers"] == {"missed": 5, "possible": 5, "missed_elsewhere": 0, "possible_elsewhere": 18}
    assert pattern["sessions"][0] == {"date": "2025-09-02", "session": "AM", "code": "I", "school_urn": URN}
    assert answer["freshness"]["schools"][0]["school_urn"] == URN
    assert (await asker.get(f"/v1/pupils/{ANN}/patterns", academic_year="2024-25"))["items"] == []
    await asker.get(f"/v1/pupils/{ANN}/patterns", 404, headers=bearer([OTHER]))


async def test_a_school_sees_its_patterns_in_pages(engine: Engine, ledger: Ledger, asker: Asker) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    path = f"/v1/schools/{URN}/patterns"
    whole = await asker.get(path)
    assert {(one["pupil_id"], one["kind"], one["state"]) for one in whole["items"]} == {
        (ANN, "weekday", "standing"),
        (CAL, "streak", "standing"),
    }
    first = await asker.get(path, page_size=1)
    second = await asker.get(first["next"])
    assert first["items"] + second["items"] == whole["items"]
    assert second["next"] is None
    assert [one["kind"] for one in (await asker.get(path, kind="streak"))["items"]] == ["streak"]
    assert (await asker.get(path, state="gone"))["items"] == []
    await asker.get(path, 422, cursor="bm90IG9uZQ")
    await asker.get(path, 404, headers=bearer([OTHER]))
    await asker.get("/v1/schools/999999/patterns", 404)
