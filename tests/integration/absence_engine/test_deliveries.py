"""The result depends on the ledgers, not on how they are delivered (invariants 2 and 3)."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest
from absence_engine.actions.rebuild import rebuild
from absence_engine.store.republish import republish
from common.db import Database
from common.events import Event
from common.events.absence_engine import ChildMerged, Threshold

from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger, enrolled, facts, marked, merged, pupil

DAYS = [day for n in range(40) if (day := date(2025, 6, 30) + timedelta(n)).weekday() < 5 and day.month < 8]
DAYS += [day for n in range(80) if (day := date(2025, 9, 1) + timedelta(n)).weekday() < 5]
FEWER_DAYS = [day for day in DAYS if day.isocalendar().week not in (37, 38, 40)]
PUPILS = [pupil(n) for n in range(1, 9)]


def history(chance: Random) -> dict[int, Ledger]:
    """Three schools, eight ids at two or three of them, a term of marks and corrections, facts, calendars, merges."""
    ledgers = {urn: Ledger(urn) for urn in (100001, 100002, 100003)}
    on_roll: dict[int, list[str]] = {}
    for urn, ledger in ledgers.items():
        ledger.school()
        ledger.calendar(DAYS)
        on_roll[urn] = chance.sample(PUPILS, 5)
        for one in on_roll[urn]:
            ledger.enrol(one, from_="2025-01-01", kind=chance.choice(["single", "main", "subsidiary"]))
    versions = dict.fromkeys(PUPILS, 0)
    for day in DAYS:
        for session in ("AM", "PM"):
            for urn, ledger in ledgers.items():
                if chance.random() < 0.7:
                    mark(chance, ledger, day, session, on_roll[urn])
                if chance.random() < 0.06:
                    something_else(chance, ledger, on_roll[urn], versions)
    for dead, survivor in ((PUPILS[0], PUPILS[1]), (PUPILS[1], PUPILS[2])):
        merge(ledgers, on_roll, dead, survivor)
    for urn, ledger in ledgers.items():
        mark(chance, ledger, DAYS[-1], "PM", on_roll[urn])
    return ledgers


def mark(chance: Random, ledger: Ledger, day: date, session: str, pupils: Sequence[str]) -> None:
    """One register, or one and a correction of an earlier one in the same write."""
    codes = {one: chance.choices("/ION DL".replace(" ", "U"), [12, 2, 4, 1, 1, 1, 1])[0] for one in pupils}
    told = [marked(day, session, codes)]
    if chance.random() < 0.3:
        earlier = chance.choice(DAYS[: DAYS.index(day) + 1])
        told.append(
            marked(earlier, chance.choice(["AM", "PM"]), {chance.choice(pupils): chance.choice(["/", "O", None])})
        )
    ledger.write(*told)


def something_else(chance: Random, ledger: Ledger, pupils: Sequence[str], versions: dict[str, int]) -> None:
    match chance.randrange(3):
        case 0:
            ledger.calendar(chance.choice([DAYS, FEWER_DAYS]))
        case 1:
            one = chance.choice(pupils)
            versions[one] += 1
            ledger.facts(one, chance.choice(["2014-03-09", "2020-05-02", None]), versions[one])
        case _:
            ledger.enrol(chance.choice(pupils), from_="2025-01-01", kind=chance.choice(["single", "main"]))


def merge(ledgers: dict[int, Ledger], on_roll: dict[int, list[str]], dead: str, survivor: str) -> None:
    """As registers does it: the merge in one ledger, the enrolments in each of the schools'."""
    for n, (urn, ledger) in enumerate(ledgers.items()):
        told = [merged(dead, survivor), facts(survivor, "2013-03-09", 99)] if n == 0 else []
        if dead in on_roll[urn]:
            told += [enrolled(dead, none=True), enrolled(survivor, kind="main")]
            on_roll[urn] = [*{survivor, *on_roll[urn]} - {dead}]
        if told:
            ledger.write(*told)


def batches(chance: Random, entries: Sequence[Event]) -> list[Sequence[Event]]:
    """Cut anywhere, writes included; some of it comes twice."""
    found: list[Sequence[Event]] = []
    at = 0
    while at < len(entries):
        size = chance.choice([1, 2, 7, 30, 200])
        found.append(entries[max(at - chance.choice([0, 0, 0, 5]), 0) : at + size])
        at += size
    return found


def partition(chance: Random, ledgers: Sequence[Ledger]) -> list[Event]:
    """The entries of several schools in one partition: each school's in order, mixed anyhow."""
    left = [list(ledger.entries) for ledger in ledgers]
    found: list[Event] = []
    while any(left):
        some = chance.choice([entries for entries in left if entries])
        for _ in range(min(chance.randint(1, 20), len(some))):
            found.append(some.pop(0))
    return found


async def state(engine: Engine) -> tuple[object, ...]:
    """All that must not depend on the delivery."""
    aliases = "select pupil_id, survivor from child where survivor is not null order by 1"
    return (
        await engine.standing(),
        await engine.sheets(),
        await engine.fetch(aliases),
        await engine.fetch("select urn, number, evaluated from ledger_position order by 1"),
        await engine.fetch("select * from pending"),
    )


async def check_events(engine: Engine) -> None:
    """What was said ends in what is stored: each episode once, by its highest revision."""
    latest: dict[str, Threshold] = {}
    for event in await engine.said():
        if isinstance(event.data, ChildMerged):
            continue
        before = latest.get(event.data.episode_id)
        assert before is None or before.revision < event.data.revision
        assert before is None or event.data.revision.count == before.revision.count + 1
        latest[event.data.episode_id] = event.data
    stored = await engine.fetch(
        "select episode_id::text, pupil_id::text, state, revision, hash from episode order by 1"
    )
    assert stored == sorted(
        (d.episode_id, d.pupil_id, d.state, d.revision.count, d.explanation.hash) for d in latest.values()
    )


@pytest.mark.parametrize("seed", range(4))
async def test_any_cutting_repeating_and_mixing_gives_the_same(engine: Engine, other_engine: Engine, seed: int) -> None:
    chance = Random(seed)
    ledgers = list(history(chance).values())
    for ledger in ledgers:
        await engine.take(ledger.entries)
    for batch in batches(chance, partition(chance, ledgers)):
        await other_engine.take(batch)
    assert await state(other_engine) == await state(engine)
    assert len(await engine.standing()) > 3
    await check_events(engine)
    await check_events(other_engine)


@pytest.mark.parametrize("seed", range(10, 13))
async def test_two_replicas_at_once_give_the_same(engine: Engine, other_engine: Engine, seed: int) -> None:
    chance = Random(seed)
    ledgers = list(history(chance).values())
    for ledger in ledgers:
        await other_engine.take(ledger.entries)
    second = await Database.open(engine.database.url)
    replicas = [(engine, ledgers[:1], 0), (Engine(second), ledgers[1:2], 1), (Engine(second), ledgers[2:], 2)]

    async def follow(replica: Engine, its: Sequence[Ledger], number: int) -> None:
        mine = Random(seed + number)
        for batch in batches(mine, partition(mine, its)):
            await replica.take(batch, number)

    await asyncio.gather(*(follow(*one) for one in replicas))
    await second.close()
    assert await state(engine) == await state(other_engine)
    await check_events(engine)


async def test_a_rebuild_says_nothing_new_and_evaluates_nobody_before_all_schools_are_read(engine: Engine) -> None:
    chance = Random(21)
    ledgers = list(history(chance).values())
    for ledger in ledgers:
        await engine.take(ledger.entries)
    before, said = await state(engine), len(await engine.said())
    assert await rebuild(engine.database) == 2
    assert await engine.sheets() == []
    for ledger in ledgers:
        for batch in batches(chance, ledger.entries):
            await engine.take(batch)
            assert len(await engine.said()) == said
    assert await state(engine) == before
    ledgers[0].marks(DAYS[-1], "AM", dict.fromkeys(PUPILS[3:5], "/"))
    await engine.take(ledgers[0].entries[-1:])
    assert {event.data.revision.epoch for event in (await engine.said())[said:]} <= {2}


async def test_a_child_is_looked_at_whole_once_the_school_that_it_waited_for_is_parked(engine: Engine) -> None:
    """What its other school told in the meantime was noted by nobody."""
    child, here, there = PUPILS[0], Ledger(100001), Ledger(100002)
    for ledger in (here, there):
        ledger.calendar(DAYS)
        ledger.enrol(child)
        await engine.take(ledger.entries, ledger.urn % 2)
    in_two = there.write(marked(DAYS[8], "AM", {child: "/"}), marked(DAYS[8], "PM", {child: "/"}))
    await engine.take(there.entries[in_two - 2 : in_two - 1])
    for day in DAYS[:5]:
        here.marks(day, "AM", {child: "O"})
        here.marks(day, "PM", {child: "O"})
    await engine.take(here.entries, 1)
    assert await engine.said() == []
    there.marks(DAYS[9], "AM", {child: "/"})
    await engine.take(there.entries[in_two:])  # the end of the write is missing
    here.marks(DAYS[5], "AM", {child: "/"})
    await engine.take(here.entries[-1:], 1)
    assert {event.data.kind for event in await engine.said() if isinstance(event.data, Threshold)} == {
        "PA", "SA", "PN_10_IN_10", "AT_RISK", "BELOW_95",
    }  # fmt: skip


async def test_republish_says_every_state_and_alias_again(engine: Engine) -> None:
    for ledger in history(Random(5)).values():
        await engine.take(ledger.entries)
    latest = {event.id: event for event in await engine.said()}
    async with engine.database.transaction() as tx:
        await tx.execute("delete from outbox")
        count = await republish(tx, clock=CLOCK)
    again = await engine.said()
    assert len(again) == count
    assert all(latest[event.id] == event for event in again)
    episodes = await engine.fetch("select count(*) from episode")
    assert len({e.data.episode_id for e in again if isinstance(e.data, Threshold)}) == episodes[0][0]
    assert sum(isinstance(event.data, ChildMerged) for event in again) == 2
    async with engine.database.transaction() as tx:
        await tx.execute("delete from outbox")
        assert await republish(tx, school=100001, clock=CLOCK) == len(
            {e.data.episode_id for e in again if isinstance(e.data, Threshold) and e.data.school_urn == 100001}
        )
