"""One snapshot of each service's database, so that what is compared does not move while it is compared."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

DOWNSTREAM_FIRST = ("casework", "notifications", "absence_engine", "registers")
"""The order in which snapshots are taken: nobody can seem to know more than the one that it was told by."""

BEGIN = "select pg_snapshot_xmin(pg_current_snapshot())::text"
"""The first statement of a transaction: it is this one that fixes the snapshot."""


@dataclass(frozen=True)
class Snapshots:
    """A read-only connection to each service's database, each inside a transaction that sees one moment."""

    registers: Connection
    engine: Connection
    casework: Connection
    notifications: Connection


def database_url(server_url: str, service: str) -> str:
    """The URL of a service's database on a server."""
    return urlunsplit(urlsplit(server_url)._replace(path="/rollcall_" + service))


async def connect(server_url: str) -> dict[str, Connection]:
    """A connection to each database; asyncpg.PostgresError or OSError when one can't be had."""
    opened: dict[str, Connection] = {}
    try:
        for service in DOWNSTREAM_FIRST:
            opened[service] = await asyncpg.connect(
                database_url(server_url, service),
                timeout=30,
                command_timeout=600,
                server_settings={"application_name": "rollcall-audit", "timezone": "UTC", "jit": "off"},
            )
    except BaseException:
        await close(opened)
        raise
    return opened


async def close(opened: dict[str, Connection]) -> None:
    for connection in opened.values():
        await connection.close(timeout=5)


@asynccontextmanager
async def snapshots(opened: dict[str, Connection]) -> AsyncIterator[Snapshots]:
    """Snapshots of all four databases, downstream first; given up when the block ends."""
    async with AsyncExitStack() as stack:
        for service in DOWNSTREAM_FIRST:
            connection = opened[service]
            await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
            await connection.fetchval(BEGIN)
        yield Snapshots(opened["registers"], opened["absence_engine"], opened["casework"], opened["notifications"])
