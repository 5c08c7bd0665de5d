"""Entries in, episodes and events out."""

from datetime import date, timedelta
from typing import Any

from common.events import SessionRef
from common.events.absence_engine import (
    ChildMerged,
    ChildSplit,
    Threshold,
    ThresholdChanged,
    ThresholdCrossed,
    ThresholdEnded,
    ThresholdReversed,
)

from tests.integration.absence_engine.ledgers import (
    Engine,
    Ledger,
    enrolled,
    facts,
    marked,
    merged,
    pupil,
    split,
    three_kinds,
)

DAYS = [day for n in range(61) if (day := date(2025, 9, 1) + timedelta(n)).weekday() < 5]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
ANN, BEN = pupil(1), pupil(2)
pytestmark = three_kinds


def school(urn: int = 100001, *pupil_ids: str, **stay: Any) -> Ledger:
    ledger = Ledger(urn)
    ledger.school()
    ledger.calendar(DAYS)
    ledger.enrol(*(pupil_ids or (ANN,)), **stay)
    return ledger


def play(ledger: Ledger, pupil_id: str, codes: str, first: int = 0) -> None:
    for (day, half), code in zip(SESSIONS[first:], codes, strict=False):
        ledger.marks(day, half, {pupil_id: code})


async def kinds(engine: Engine) -> list[tuple[str, str]]:
    return [(type(event.data).__name__, getattr(event.data, "kind", "")) for event in await engine.said()]


async def test_a_crossing_is_announced_with_its_evidence_and_the_next_open_days(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "/" * 18 + "II")
    await engine.take(ledger.entries)
    (event,) = await engine.said()
    data = event.data
    assert isinstance(data, ThresholdCrossed)
    assert (data.kind, data.state, data.provisional) == ("PA", "open", True)
    assert (data.crossed_on.date, data.crossed_on.session) == ("2025-09-12", "PM")
    assert [(s.date, s.code) for s in data.explanation.sessions] == [("2025-09-12", "I"), ("2025-09-12", "I")]
    assert data.explanation.formula["absent"] == 2
    assert data.explanation.formula["possible"] == 20
    assert [(s.school_urn, s.sequence) for s in data.sequence] == [(100001, 23)]
    assert data.open_days[:3] == ["2025-10-02", "2025-10-03", "2025-10-06"]
    assert len(data.open_days) == 20
    assert event.subject == ANN


async def test_a_correction_reverses_and_its_return_keeps_the_id(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "/" * 18 + "II")
    await engine.take(ledger.entries)
    day, half = SESSIONS[19]
    ledger.marks(day, half, {ANN: "V"})
    await engine.take(ledger.entries[-1:])
    ledger.marks(day, half, {ANN: "M"})
    await engine.take(ledger.entries[-1:])
    said = [event.data for event in await engine.said()]
    assert [type(data) for data in said] == [ThresholdCrossed, ThresholdReversed, ThresholdCrossed]
    assert len({data.episode_id for data in said}) == 1
    assert [data.revision.count for data in said] == [1, 2, 3]
    assert said[1].reversed_at is not None
    assert said[2].reversed_at is None
    assert said[0].explanation.hash != said[2].explanation.hash


async def test_an_episode_ends_on_recovery_and_with_the_year(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "II" + "/" * 28)
    await engine.take(ledger.entries)
    (ended,) = [e.data for e in await engine.said() if e.data.kind == "PA"]
    assert isinstance(ended, Threshold)
    assert (ended.state, ended.ended_reason) == ("ended", "recovered")
    play(ledger, ANN, "IIIIIIIIII", 30)
    await engine.take(ledger.entries[-10:])
    ledger.calendar([date(2026, 9, 1)])
    ledger.marks(date(2026, 9, 1), "AM", {ANN: "/"})
    await engine.take(ledger.entries[-2:])
    ends = [e.data for e in await engine.said() if isinstance(e.data, ThresholdEnded)]
    assert [(e.kind, e.ended_reason, e.ended_on.date) for e in ends if e.ended_on] == [("PA", "year_end", "2025-09-26")]


async def test_a_duplicate_batch_changes_nothing(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "/" * 18 + "II")
    for _ in range(3):
        await engine.take(ledger.entries)
    assert len(await engine.said()) == 1


async def test_children_are_evaluated_only_at_the_end_of_a_write(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "/" * 18)
    last = ledger.write(
        marked(*SESSIONS[18], {ANN: "I"}), marked(*SESSIONS[19], {ANN: "I"}), marked(*SESSIONS[20], {BEN: "/"})
    )
    await engine.take(ledger.entries[: last - 1])
    assert await engine.said() == []
    assert await engine.fetch("select evaluated from ledger_position") == [(last - 3,)]
    await engine.take(ledger.entries[last - 1 :])
    assert await kinds(engine) == [("ThresholdCrossed", "PA")]
    assert await engine.fetch("select evaluated from ledger_position") == [(last,)]
    assert await engine.fetch("select * from pending") == []


async def test_a_change_of_calendar_moves_the_window(engine: Engine) -> None:
    """Nine in one week and a tenth ten school weeks later; then a week between is closed, or opened."""
    days = [date(2025, 9, 1) + timedelta(7 * week + n) for week in range(12) for n in range(5)]
    ledger = Ledger(100001)
    ledger.calendar([*days[:15], *days[20:]])
    ledger.enrol(ANN)
    for n in range(9):
        ledger.marks(days[n // 2], ["AM", "PM"][n % 2], {ANN: "O"})
    ledger.marks(days[50], "AM", {ANN: "O"})
    await engine.take(ledger.entries)
    assert ("ThresholdCrossed", "PN_10_IN_10") in await kinds(engine)
    ledger.calendar(days)
    await engine.take(ledger.entries[-1:])
    assert (await kinds(engine))[-1] == ("ThresholdReversed", "PN_10_IN_10")
    ledger.calendar([*days[:15], *days[20:]])
    await engine.take(ledger.entries[-1:])
    assert (await kinds(engine))[-1] == ("ThresholdCrossed", "PN_10_IN_10")
    assert len({e.data.episode_id for e in await engine.said() if e.data.kind == "PN_10_IN_10"}) == 1


async def test_a_date_of_birth_takes_sessions_out_of_compulsory_age(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "O" * 10)
    ledger.facts(ANN, "2014-03-09", version=3)
    await engine.take(ledger.entries)
    assert {kind for _, kind in await kinds(engine)} == {"PA", "SA", "PN_10_IN_10"}
    ledger.facts(ANN, "2013-03-09", version=2)
    await engine.take(ledger.entries[-1:])
    assert len(await engine.said()) == 3
    ledger.facts(ANN, "2021-03-09", version=4)
    await engine.take(ledger.entries[-1:])
    assert {name for name, _ in (await kinds(engine))[3:]} == {"ThresholdReversed"}
    assert await engine.standing() == []


async def test_a_merge_across_schools_adds_the_marks_and_moves_the_episodes(engine: Engine) -> None:
    first, second = school(100001, ANN), school(100002, BEN)
    play(first, ANN, "OOOOO")
    play(second, BEN, "OOOOO", 6)
    await engine.take(first.entries, 0)
    await engine.take(second.entries, 1)
    before = {e.data.episode_id: e.data for e in await engine.said()}
    assert sorted(e.kind for e in before.values()) == ["PA", "PA", "SA", "SA"]
    last = second.write(merged(BEN, ANN), facts(ANN, "2014-03-09", 2), enrolled(BEN, none=True), enrolled(ANN))
    await engine.take(second.entries[last - 4 :], 1)
    said = (await engine.said())[len(before) :]
    assert isinstance(said[0].data, ChildMerged)
    assert (said[0].data.pupil_id, said[0].data.survivor, said[0].subject) == (BEN, ANN, BEN)
    latest = {e.data.episode_id: e.data for e in said[1:]}
    assert {data.pupil_id for data in latest.values()} == {ANN}
    assert sorted((d.kind, d.state) for d in latest.values() if d.state != "reversed") == [("PN_10_IN_10", "open")]
    assert [(d.kind, d.state) for d in latest.values() if d.state == "reversed"] == [
        ("PA", "reversed"),
        ("SA", "reversed"),
    ]
    penalty = next(d for d in latest.values() if d.kind == "PN_10_IN_10")
    assert {s.school_urn for s in penalty.explanation.sessions} == {100001, 100002}
    assert [s.school_urn for s in penalty.sequence] == [100001, 100002]
    standing = await engine.standing()
    assert [(row[1], row[0]) for row in standing] == [("PA", ANN), ("PN_10_IN_10", ANN), ("SA", ANN)]


async def test_merges_told_in_either_order_end_in_one_child(engine: Engine, other_engine: Engine) -> None:
    first, second = school(100001, pupil(1), pupil(2)), school(100002, pupil(3))
    play(first, pupil(1), "OOO")
    first.write(merged(pupil(1), pupil(2)), enrolled(pupil(1), none=True), enrolled(pupil(2)))
    play(second, pupil(3), "OOO", 3)
    second.write(merged(pupil(2), pupil(3)), enrolled(pupil(3)))
    await engine.take(first.entries, 0)
    await engine.take(second.entries, 1)
    await other_engine.take(second.entries, 1)
    await other_engine.take(first.entries, 0)
    aliases = "select pupil_id::text, survivor::text from child where survivor is not null order by 1"
    assert await engine.fetch(aliases) == [(pupil(1), pupil(3)), (pupil(2), pupil(3))]
    assert await other_engine.fetch(aliases) == await engine.fetch(aliases)
    assert await other_engine.standing() == await engine.standing()
    for one in (engine, other_engine):
        told: dict[str, str] = {}
        for event in await one.said():
            if isinstance(event.data, ChildMerged):
                told[event.data.pupil_id] = event.data.survivor
        assert told == {pupil(1): pupil(3), pupil(2): pupil(3)}


async def test_a_split_gives_each_child_its_own_episodes_back(engine: Engine) -> None:
    first, second = school(100001, ANN), school(100002, BEN)
    play(first, ANN, "OOOOO")
    play(second, BEN, "OOOOO", 6)
    await engine.take(first.entries, 0)
    await engine.take(second.entries, 1)
    before = await engine.fetch("select episode_id::text, pupil_id::text, state from episode order by 1")
    alone = await engine.standing()
    number = len(second.entries)
    second.write(merged(BEN, ANN, 1), enrolled(BEN, none=True), enrolled(ANN))
    await engine.take(second.entries[number:], 1)
    number = len(second.entries)
    second.write(split(ANN, BEN, 2), enrolled(ANN, none=True), enrolled(BEN))
    await engine.take(second.entries[number:], 1)
    assert await engine.standing() == alone
    after = await engine.fetch("select episode_id::text, pupil_id::text, state from episode order by 1")
    assert [row for row in after if row[2] != "reversed"] == before
    assert [row[2] for row in after if row not in before] == ["reversed"]  # ten in ten, which only both together had
    told = [event.data for event in await engine.said() if isinstance(event.data, ChildMerged | ChildSplit)]
    assert [type(data) for data in told] == [ChildMerged, ChildSplit]
    assert told[0].identity_version < told[1].identity_version


async def test_a_split_in_another_ledger_holds_though_the_merge_is_heard_later(
    engine: Engine, other_engine: Engine
) -> None:
    first, second = school(100001, ANN), school(100002, BEN)
    play(first, ANN, "OOO")
    play(second, BEN, "OOO", 3)
    second.write(merged(BEN, ANN, 1), enrolled(BEN, none=True), enrolled(ANN))
    first.write(split(ANN, BEN, 2))
    second.write(enrolled(ANN, none=True), enrolled(BEN))
    second.write(merged(ANN, BEN, 1))
    for one, order in ((engine, (first, second)), (other_engine, (second, first))):
        for ledger in order:
            await one.take(ledger.entries, ledger.urn - 100001)
    assert await engine.standing() == await other_engine.standing()
    aliases = "select pupil_id::text, survivor::text from child where survivor is not null"
    assert await engine.fetch(aliases) == await other_engine.fetch(aliases) == [(ANN, BEN)]


async def test_a_moved_crossing_is_a_change_and_so_is_becoming_firm(engine: Engine) -> None:
    ledger = school()
    play(ledger, ANN, "/" * 18 + "II")
    await engine.take(ledger.entries)
    ledger.marks(*SESSIONS[17], {ANN: "I"})
    await engine.take(ledger.entries[-1:])
    play(ledger, ANN, "/" * 19 + "I", 20)
    await engine.take(ledger.entries[-20:])
    said = [event.data for event in await engine.said()]
    assert [type(data) for data in said] == [ThresholdCrossed, ThresholdChanged, ThresholdChanged]
    assert len({data.episode_id for data in said}) == 1
    assert [(data.crossed_on.date, data.crossed_on.session) for data in said[:2]] == [
        ("2025-09-12", "PM"),
        ("2025-09-12", "AM"),
    ]
    assert [data.provisional for data in said] == [True, True, False]
    assert said[2].firm_on == SessionRef("2025-09-26", "PM")
    assert len(said[2].explanation.sessions) == 4
