"""Replicas share their callers' quotas in PostgreSQL; without it each goes on by its own count."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from common.db import Database
from common.errors import TooManyRequestsError
from common.quotas import Quotas
from common.web.limits import READS, WRITES, Limits, Policy

from tests import servers
from tests.delivery import until


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url)
    yield database
    await database.close()


class Replica:
    """One process's limits on a clock of its own, which stands still."""

    def __init__(self, database: Database, quota: int = 600) -> None:
        self.limits = Limits({READS: Policy(READS, quota), WRITES: Policy(WRITES, quota)}, 8, clock=lambda: 0.0)
        self.quotas = Quotas(database, self.limits)

    def ask(self, times: int, client: str = "one", method: str = "GET") -> int:
        """How many of so many requests are admitted."""
        bucket = self.limits.bucket(client, method)
        assert bucket is not None
        admitted = 0
        for _ in range(times):
            try:
                self.limits.take(bucket)
            except TooManyRequestsError:
                return admitted
            admitted += 1
        return admitted

    async def settle(self) -> None:
        await self.quotas.make_table()
        await self.quotas.settle()


def tokens(replica: Replica, client: str = "one") -> int:
    bucket = replica.limits.bucket(client, "GET")
    assert bucket is not None
    return int(dict(bucket.headers())[b"ratelimit"].split(b"r=")[1].split(b";")[0])


async def test_what_is_asked_of_one_replica_is_gone_at_the_other(database: Database) -> None:
    first, second = Replica(database), Replica(database)
    assert first.ask(500) == 500
    await first.settle()
    assert second.ask(1) == 1
    await second.settle()
    assert 95 <= tokens(second) <= 110, "a few have come back since"
    await first.settle()
    assert 95 <= tokens(first) <= 115


async def test_what_two_replicas_admitted_too_much_is_owed(database: Database) -> None:
    first, second = Replica(database), Replica(database)
    assert first.ask(1000) + second.ask(1000) == 1200, "neither had heard of the other"
    await first.settle()
    await second.settle()
    await first.settle()
    assert first.ask(1) == second.ask(1) == 0
    refused = first.limits.bucket("one", "GET")
    assert refused is not None
    assert refused.seconds_until(1) > 50, "600 owed, ten come back a second"


async def test_clients_and_kinds_are_told_apart(database: Database) -> None:
    first, second = Replica(database), Replica(database)
    assert first.ask(600, "one") == 600
    assert first.ask(600, "two", "PUT") == 600
    await first.settle()
    for client, method in (("one", "PUT"), ("two", "GET")):
        second.ask(1, client, method)
    second.ask(1, "one")
    await second.settle()
    assert second.ask(500, "one", "PUT") == 500
    assert second.ask(500, "two") == 500
    assert second.ask(500, "one") < 50


async def test_a_second_costs_one_statement_however_many_asked(database: Database) -> None:
    replica = Replica(database)
    for number in range(300):
        replica.ask(3, f"client {number}")
    await replica.settle()
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from quota") == 300
        assert await connection.fetchval("select relpersistence = 'u' from pg_class where relname = 'quota'")


async def test_replicas_that_settle_at_the_same_time_do_not_stand_in_each_others_way(database: Database) -> None:
    replicas = [Replica(database) for _ in range(4)]
    for _ in range(10):
        for number, replica in enumerate(replicas):
            for client in range(40) if number % 2 else reversed(range(40)):
                replica.ask(10, f"client {client}")
        await asyncio.gather(*(replica.settle() for replica in replicas))
    for replica in replicas:
        await replica.settle()
    assert 180 <= tokens(replicas[0], "client 7") <= 300, "600 less four times a hundred, and what came back"


async def test_without_the_database_each_replica_goes_on_by_its_own_count_and_tells_afterwards(
    restartable_postgres: servers.Postgres,
) -> None:
    database = await Database.open(restartable_postgres.url)
    replica, stop = Replica(database), asyncio.Event()
    running = asyncio.create_task(replica.quotas.run(stop))
    replica.ask(1)

    async def shared() -> bool:
        return not replica.quotas.health().degraded

    async def alone() -> bool:
        return replica.quotas.health().degraded

    await until(shared, seconds=10)
    await asyncio.to_thread(restartable_postgres.kill)
    await until(alone, seconds=20)
    assert replica.quotas.health().ok, "whoever can't share goes on"
    assert 590 <= replica.ask(1000) <= 610
    await asyncio.to_thread(restartable_postgres.start)
    await until(shared, seconds=20)
    other = Replica(database)
    other.ask(1)
    await other.settle()
    assert other.ask(600) < 400, "the table was empty after the crash, what was admitted meanwhile was told"
    stop.set()
    await running
    await database.close()
