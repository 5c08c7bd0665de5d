"""Bringing a service's database to the newest version of its tables, and checking that versions and tables agree.

A service keeps its versions in `<package>/store/versions`, one after the other: `0001_first.py`, `0002_….py`, …; the
four digits are the revision. A start that finds the database at the newest one costs a single query and does not even
import Alembic. Otherwise one process migrates under an advisory lock, a transaction for each version, and gives up
rather than wait long for a table that others use (the supervisor tries again, from the version that it came to).

`migrate` upgrades; `differences` compares a migrated database with the metadata of `<package>/store/tables.py`.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from common.sealed import Keyring

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

ADVISORY_LOCK = 7_201_946_301
LOCK_WAIT, LOCK_POLL = 60.0, 0.2
"""Seconds that a second replica waits for the first to finish, and between two looks. It asks and does not stand in
line: a statement that waits has a snapshot, and the first would wait for that with each index that it builds.
"""
TABLE_WAIT = "5s"
"""How long a migration may wait, and let others wait behind it, for a table's lock."""

# Alembic keeps the running environment in module globals: one at a time in a process.
_alembic = threading.Lock()


def versions_folder(package: str) -> Path:
    """Where the versions of a service are."""
    return Path(str(resources.files(package))) / "store" / "versions"


def newest(package: str) -> str:
    """The newest revision of a service, by the names of its files."""
    revisions = sorted(path.name[:4] for path in versions_folder(package).glob("[0-9][0-9][0-9][0-9]_*.py"))
    if not revisions:
        raise FileNotFoundError(f"{package} has no versions in {versions_folder(package)}")
    return revisions[-1]


async def current(url: str) -> str | None:
    """The revision that a database is at; None when it was never migrated."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("select version_num from alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def migrate(url: str, package: str, keyring: Keyring | None = None) -> None:
    """Upgrades the database of service `package` (an import name) to its newest revision; no-op when it is there.
    `keyring`: what a version seals with where it finds something to seal (`common.sealing`).

    Raises asyncpg errors when the server is away or another process migrates for too long, sqlalchemy.exc.DBAPIError
    when a table's lock could not be had in time: the versions before that one are there.
    """
    if await current(url) != newest(package):
        await asyncio.to_thread(_upgrade, url, package, keyring)


async def differences(url: str, package: str) -> list[str]:
    """What Alembic would change to make a migrated database look like the service's metadata: empty, if all is well."""
    return await asyncio.to_thread(_compare, url, package)


def _upgrade(url: str, package: str, keyring: Keyring | None) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import text

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("version_locations", str(versions_folder(package)))
    config.set_main_option("path_separator", "newline")

    def upgrade(connection: "Connection") -> None:
        _wait_for_turn(connection)
        connection.execute(text(f"set lock_timeout = '{TABLE_WAIT}'"))
        connection.commit()
        config.attributes["connection"] = connection
        config.attributes["keyring"] = keyring
        command.upgrade(config, "head")

    with _alembic:
        asyncio.run(_on_connection(url, upgrade))


def _wait_for_turn(connection: "Connection") -> None:
    """Takes the lock for as long as the connection lasts; asyncpg.LockNotAvailableError after `LOCK_WAIT`."""
    from sqlalchemy import text

    end = time.monotonic() + LOCK_WAIT
    while True:
        has_lock = connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
        if has_lock:
            return
        if time.monotonic() >= end:
            raise asyncpg.LockNotAvailableError("another process has been migrating this database for too long")
        time.sleep(LOCK_POLL)


def _compare(url: str, package: str) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    metadata = import_module(f"{package}.store.tables").metadata

    def compare(connection: "Connection") -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [repr(difference) for difference in compare_metadata(context, metadata)]

    with _alembic:
        return asyncio.run(_on_connection(url, compare))


async def _on_connection(url: str, work: "Callable[[Connection], T]") -> T:
    """Runs synchronous SQLAlchemy work on a connection of its own; what it does not commit is undone."""
    from sqlalchemy import NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(url)  # asyncpg reads the URL itself: socket folders and all

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=NullPool, hide_parameters=True
    )  # its errors quote the parameters of a statement otherwise: what a version was about to seal
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
