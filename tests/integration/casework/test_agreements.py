"""What registers says is agreed with clients, as the other services hear it and judge requests by it."""

import asyncio
from datetime import date

import asyncpg
import msgspec
from common.access import store
from common.access.directory import Directory, open_directory
from common.access.reach import Reach
from common.db import Database
from common.events.consumers import ConsumerChanged

from tests.delivery import until

AGREED = ConsumerChanged(
    client_id="elm", version=2, organisation="Elm", purposes=["returns"], agreement_from="2025-09-01",
    agreement_to=None, scopes=["cases:read"], schools=[100001], cohorts=["CLA"], redactions=["comment"],
    revoked_at=None,
)  # fmt: skip


async def keep(database: Database, *told: ConsumerChanged) -> None:
    await database.in_transaction(lambda tx: store.keep(tx, told))


async def test_what_was_heard_is_what_callers_are_judged_by(database: Database) -> None:
    await keep(database, AGREED)
    consumer = (await open_directory(database, "casework")).find("elm")
    assert consumer is not None
    assert consumer.reach == Reach(frozenset({100001}), frozenset({"CLA"}))
    assert (consumer.scopes, consumer.redactions) == ({"cases:read"}, {"comment"})
    assert (consumer.purposes, consumer.first, consumer.last) == (("returns",), date(2025, 9, 1), None)


async def test_of_what_was_said_of_a_client_the_highest_version_holds_in_whatever_order(database: Database) -> None:
    directory = Directory(database, "casework")
    await keep(database, msgspec.structs.replace(AGREED, version=3, revoked_at="2025-11-01T09:00:00+00:00"), AGREED)
    await directory.refresh()
    ended = directory.find("elm")
    assert ended is not None
    assert (ended.version, ended.revoked_at is None) == (3, False)


async def test_what_is_in_memory_is_read_again_only_when_something_has_changed(database: Database) -> None:
    directory = Directory(database, "casework")
    await directory.refresh()
    assert directory.turn == 0
    await keep(database, AGREED)
    await directory.refresh()
    await directory.refresh()
    assert directory.turn == 1


async def test_agreements_are_followed_again_when_the_database_is_back(database: Database, postgres_url: str) -> None:
    directory, stop = Directory(database, "casework"), asyncio.Event()
    async with database.transaction() as tx:
        name = await tx.fetchval("select current_database()")
    server = await asyncpg.connect(postgres_url)
    await server.execute(f'alter database "{name}" allow_connections false')
    await server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)

    async def is_away() -> bool:
        return directory.health().detail == "database away"

    async def is_known() -> bool:
        return directory.find("elm") is not None

    following = asyncio.create_task(directory.run(stop))
    try:
        await until(is_away, 10)
        await server.execute(f'alter database "{name}" allow_connections true')
        await keep(database, AGREED)
        await until(is_known, 10)
        assert not directory.health().degraded
    finally:
        await server.close()
        stop.set()
        await following
