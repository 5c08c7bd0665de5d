"""Locks are taken in one order by all who change which policy holds: each test has one of them hold what comes first
while another waits, and then take what comes later. With another order PostgreSQL would end one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from absence_engine.actions.policies import follow_schools, hold
from absence_engine.store import children
from absence_engine.store import policies as store
from absence_engine.store import rebuild as rebuilding

from tests.delivery import until
from tests.integration.absence_engine.ledgers import CLOCK, NOW, Engine, records
from tests.integration.absence_engine.policy_sets import EIGHT, Council, document
from tests.integration.absence_engine.test_answers import ANN, BEN, OTHER, URN, play, school

VERSION = "330-2026.1"
BLOCKED = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"


@pytest.fixture
async def council(engine: Engine) -> Council:
    """Ann is at a school of 330, which has a version of its own; Ben at one of 333, which has none."""
    here, there = school(URN, ANN), school(OTHER, BEN, la_code="333")
    await engine.take(here.entries)
    await engine.take(there.entries, 1)
    found = Council(engine)
    await found.follow()
    await found.publish(VERSION, document(**EIGHT))
    await found.follow()
    return found


async def blocked(engine: Engine, work: Awaitable[Any]) -> asyncio.Task[Any]:
    """Begins some work; returns when it waits for a lock."""

    async def waits() -> bool:
        assert not task.done(), "it did not wait"
        return (await engine.fetch(BLOCKED))[0][0]

    task = asyncio.ensure_future(work)
    await until(waits)
    return task


def in_transaction(engine: Engine, work: Callable[[Any], Awaitable[Any]]) -> Awaitable[Any]:
    """The work in a transaction that is not begun again after a deadlock."""

    async def once() -> None:
        async with engine.database.transaction() as tx:
            await work(tx)

    return once()


async def test_a_school_that_moves_waits_for_a_publication_before_it_holds_anything(council: Council) -> None:
    engine = council.engine

    async def move(tx: Any) -> None:
        await hold(tx, {("333", "330")})
        await follow_schools(tx, {("333", "330")}, engine.policies, CLOCK)

    async with engine.database.transaction() as publication:
        await store.turn(publication, lock=True)
        task = await blocked(engine, in_transaction(engine, move))
        await store.look_again(publication, {"330": VERSION}, NOW)
    await task
    assert await council.follow() == 1


async def test_a_batch_that_moves_a_school_waits_for_a_chunk_before_it_holds_children(council: Council) -> None:
    engine = council.engine
    ledger = school(OTHER, BEN, la_code="333")
    before = len(ledger.entries)
    ledger.school("330")
    play(ledger, BEN, "I")
    batch = records(ledger.entries[before:], 1, before)
    await engine.database.in_transaction(lambda tx: store.look_again(tx, {"330": VERSION}, NOW))
    ready = await council.look()
    async with engine.database.transaction() as chunk:
        assert await store.take(chunk, ready) is not None
        task = await blocked(engine, in_transaction(engine, lambda tx: engine.handle(tx, batch)))
        assert BEN in await children.lock(chunk, [BEN])
    await task
    assert await council.follow() == 2


async def test_a_rebuild_waits_for_midnight_before_it_holds_schools(council: Council) -> None:
    engine = council.engine
    async with engine.database.transaction() as midnight:
        await store.turn(midnight, lock=True)
        task = await blocked(engine, in_transaction(engine, rebuilding.start_again))
        assert await store.authorities(midnight) == ["330", "333"]
    await task
    assert await engine.fetch("select count(*)::int from school") == [(0,)]
