"""A signal that is set by a notification of PostgreSQL: how one process learns what another one has committed."""

import asyncio

import asyncpg
from common.db import Database
from common.listen import Listener, Signal, notify

from tests.delivery import running, until

CHANNEL = "counted"
LISTENING = "select pid from pg_stat_activity where query ilike 'listen %' and datname = current_database()"


async def test_a_commit_of_another_process_sets_the_signal(database: Database) -> None:
    signal = Signal()
    listener = Listener(database.url, CHANNEL, signal)
    async with running(listener):
        await until(lambda: _well(listener))
        turn = signal.turn
        async with database.transaction() as tx:
            await notify(tx, CHANNEL)
            assert signal.turn == turn
        assert await signal.wait(turn, 10)


async def test_a_lost_connection_is_made_again_and_those_who_wait_look_again(database: Database) -> None:
    signal = Signal()
    listener = Listener(database.url, CHANNEL, signal)
    async with running(listener):
        await until(lambda: _well(listener))
        turn = signal.turn
        async with database.connection() as connection:
            lost = await connection.fetchval(LISTENING)
            await connection.execute("select pg_terminate_backend($1)", lost)
        assert await signal.wait(turn, 10)
        await until(lambda: _well(listener))
        turn = signal.turn
        async with database.transaction() as tx:
            await notify(tx, CHANNEL)
        assert await signal.wait(turn, 10)


async def test_listening_without_a_server_is_degraded_and_ends_in_time() -> None:
    listener = Listener("postgresql://postgres@127.0.0.1:1/postgres", CHANNEL, Signal())
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run(stop))
    await asyncio.sleep(0)
    assert (listener.health().ok, listener.health().degraded) == (True, True)
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_listening_ends_when_it_is_told_to(database: Database) -> None:
    listener = Listener(database.url, CHANNEL, Signal())
    async with running(listener):
        await until(lambda: _well(listener))
    connection = await asyncpg.connect(database.url)
    try:
        assert await connection.fetchval(LISTENING) is None
    finally:
        await connection.close()


async def _well(listener: Listener) -> bool:
    return not listener.health().degraded
