"""A replay puts many polls together in memory (`LedgerPile`): the result is that of small batches, or there is none."""

import asyncio
import tracemalloc
from datetime import date, timedelta
from random import Random

import pytest
from absence_engine.actions import batch
from absence_engine.actions.batch import Batch
from absence_engine.actions.rebuild import rebuild
from absence_engine.consumer import LedgerPile
from common.broker import Partition, Record
from common.consume import MovedError
from common.events.registers import TOPIC, Mark, SessionMarked

from tests.integration.absence_engine.ledgers import Engine, Ledger, pupil, records
from tests.integration.absence_engine.test_deliveries import (
    DAYS,
    PUPILS,
    batches,
    check_events,
    history,
    partition,
    state,
)

URN = 100001
AUTUMN = DAYS[-50:]
DEADLOCK_AT_THIRD_SAVE = """
create sequence saves;
create function deadlock() returns trigger language plpgsql as $$
begin
    if nextval('saves') = 3 then raise exception using errcode = 'deadlock_detected'; end if;
    return null;
end $$;
create trigger deadlock after insert on sheet for each statement execute function deadlock()
"""


@pytest.mark.parametrize("seed", range(20, 24))
async def test_piles_give_what_small_batches_give(engine: Engine, other_engine: Engine, seed: int) -> None:
    chance = Random(seed)
    ledgers = list(history(chance).values())
    for some in batches(chance, partition(chance, ledgers)):
        await engine.take(some)
    polls = batches(chance, partition(chance, ledgers))
    while polls:
        size = chance.choice([1, 3, 20, 100])
        await other_engine.take_pile(polls[:size])
        polls = polls[size:]
    assert await state(other_engine) == await state(engine)
    assert len(await engine.standing()) > 3
    await check_events(other_engine)


async def test_a_rebuild_by_one_pile_says_nothing_new(engine: Engine) -> None:
    ledgers = list(history(Random(31)).values())
    for ledger in ledgers:
        await engine.take(ledger.entries)
    before, said = await state(engine), len(await engine.said())
    await rebuild(engine.database)
    await engine.take_pile([ledger.entries for ledger in ledgers])
    assert await state(engine) == before
    assert len(await engine.said()) == said


async def test_children_in_several_portions_give_what_they_give_at_once(
    engine: Engine, other_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = list(history(Random(32)).values())
    await engine.take_pile([ledger.entries for ledger in ledgers])
    monkeypatch.setattr("absence_engine.actions.apply.CHILDREN_AT_ONCE", 2)
    await other_engine.take_pile([ledger.entries for ledger in ledgers])
    assert await state(other_engine) == await state(engine)


async def test_a_deadlock_in_one_of_several_portions_has_all_of_them_done_again(
    engine: Engine, other_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = list(history(Random(33)).values())
    await engine.take_pile([ledger.entries for ledger in ledgers])
    async with other_engine.database.connection() as connection:
        await connection.execute(DEADLOCK_AT_THIRD_SAVE)
    monkeypatch.setattr("absence_engine.actions.apply.CHILDREN_AT_ONCE", 2)
    await other_engine.take_pile([ledger.entries for ledger in ledgers])
    assert (await other_engine.fetch("select last_value > 3 from saves")) == [(True,)]
    assert await state(other_engine) == await state(engine)


async def test_tasks_that_share_a_transaction_take_turns(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        first, _, rows, one = await asyncio.gather(
            tx.fetchval("select 1 from pg_sleep(0.01)"),
            tx.execute("create temporary table told on commit drop as select 2 as n"),
            tx.fetch("select n from told"),
            tx.fetchrow("select n + 1 from told"),
        )
    assert one is not None
    assert (first, rows[0][0], one[0]) == (1, 2, 3)


async def test_the_application_of_a_pile_is_seen_to_go_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("absence_engine.actions.apply.CHILDREN_AT_ONCE", 2)
    ledger = Ledger(URN)
    ledger.calendar(AUTUMN)
    ledger.enrol(*map(pupil, range(5)))
    ledger.marks(AUTUMN[0], "AM", dict.fromkeys(map(pupil, range(5)), "/"))
    pile, beats = LedgerPile(engine.clock, engine.policies), list[int]()
    async with engine.database.connection() as connection:
        await pile.take(connection, records(ledger.entries))
    await engine.database.in_transaction(lambda tx: pile.apply(tx, lambda: beats.append(1)))
    assert len(beats) == 3


async def test_a_pile_is_thrown_away_when_a_ledger_was_moved_meanwhile(engine: Engine) -> None:
    ledger = Ledger(URN)
    ledger.calendar(DAYS)
    ledger.enrol(PUPILS[0])
    pile = LedgerPile(engine.clock, engine.policies)
    async with engine.database.connection() as connection:
        await pile.take(connection, records(ledger.entries))
    await engine.take(ledger.entries[:1])
    with pytest.raises(MovedError):
        await engine.database.in_transaction(pile.apply)
    assert await engine.fetch("select number from ledger_position") == [(1,)]
    assert await engine.fetch("select * from enrolment") == []


async def test_a_pile_read_before_a_rebuild_is_thrown_away(engine: Engine) -> None:
    ledger = Ledger(URN)
    ledger.calendar(DAYS)
    ledger.enrol(PUPILS[0])
    await engine.take(ledger.entries)
    ledger.marks(DAYS[0], "AM", {PUPILS[0]: "O"})
    pile = LedgerPile(engine.clock, engine.policies)
    async with engine.database.connection() as connection:
        await pile.take(connection, records(ledger.entries[-1:]))
    await rebuild(engine.database)
    with pytest.raises(MovedError):
        await engine.database.in_transaction(pile.apply)
    assert await engine.sheets() == []


def test_a_mark_on_a_pile_takes_few_bytes() -> None:
    changes, ledger = Batch(), Ledger(URN)
    changes.know([URN], {})
    classes = [[pupil(n) for n in range(first, first + 30)] for first in range(0, 900, 30)]
    for n in range(100):
        for members in classes:
            ledger.marks(date(2025, 9, 1) + timedelta(n), "AM", dict.fromkeys(members, "/"))
    tracemalloc.start()
    changes.add(ledger.entries)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(changes.marks) == 90_000
    assert taken / len(changes.marks) < 16


async def test_a_pile_is_full_once_it_holds_much_that_nobody_can_read(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ledger.MOST_UNREADABLE_BYTES", 11_000)
    pile = LedgerPile(engine.clock, engine.policies)
    rubbish = [Record(Partition(TOPIC, 0), n, str(URN).encode(), b"{" * 4000, f"r{n}") for n in range(3)]
    full: list[bool] = []
    async with engine.database.connection() as connection:
        for record in rubbish:
            await pile.take(connection, [record])
            full.append(pile.is_full)
    assert full == [False, False, True]
    await engine.database.in_transaction(pile.apply)
    assert await engine.fetch("select count(*) from dead_letter") == [(3,)]


def test_a_pile_is_full_once_there_are_marks_enough_for_each_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "SOME_MARKS", 100)
    monkeypatch.setattr(batch, "MARKS_A_SHEET", 64)
    monkeypatch.setattr(batch, "MOST_MARKS", 4000)
    changes, ledger = Batch(), Ledger(URN)
    changes.know([URN], {})

    def mark(day: date, pupils: range) -> bool:
        ledger.write(
            (SessionMarked, {"date": str(day), "session": "AM", "marks": [Mark(pupil(n), "/") for n in pupils]})
        )
        changes.add(ledger.entries[-1:])
        return changes.is_full

    few = [mark(AUTUMN[n % 50], range(2)) for n in range(64)]
    assert few == [False] * 63 + [True]
    many = [mark(AUTUMN[n % 50], range(100)) for n in range(40)]
    assert many[:38] == [False] * 38
    assert many[-1]
