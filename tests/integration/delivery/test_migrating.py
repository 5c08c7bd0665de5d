"""`common.migrate` on a real PostgreSQL, with a service that exists only here."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from common import migrate

from tests.delivery import until
from tests.packages import versions_folder

ASKED_FOR_THE_LOCK = """
select 1 from pg_stat_activity where datname = current_database() and state = 'idle' and pid <> pg_backend_pid()
    and (query like '%advisory%' or query ilike 'commit%')
"""
IS_VALID = "select indisvalid from pg_index where indexrelid = 'odd'::regclass"

Package = Callable[[int], str]

VERSION = """
from alembic import op

revision = "{number:04}"
down_revision = {before}


def upgrade() -> None:
    op.execute("create table made_by_{number} (id integer primary key)")
"""
INDEXING = """
from alembic import op
from common.indexes import build_index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    build_index("odd", "made_by_1 ((id % 2))")
    op.execute("create table made_by_2 (id integer primary key)")
"""
TABLES = """
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
for number in range(1, {last} + 1):
    Table(f"made_by_{{number}}", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Writes a service with so many versions, and gives its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(versions: int) -> str:
        name = f"shop_{tmp_path.name}_{versions}"
        folder = versions_folder(tmp_path, name)
        (tmp_path / name / "store" / "__init__.py").touch()
        (tmp_path / name / "store" / "tables.py").write_text(TABLES.format(last=versions))
        for number in range(1, versions + 1):
            before = f'"{number - 1:04}"' if number > 1 else None
            (folder / f"{number:04}_step.py").write_text(VERSION.format(number=number, before=before))
        return name

    return make


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows} - {"alembic_version"}


async def test_an_empty_database_gets_all_versions(database_url: str, package: Package) -> None:
    name = package(2)
    assert await migrate.current(database_url) is None
    await migrate.migrate(database_url, name)
    assert await migrate.current(database_url) == migrate.newest(name) == "0002"
    assert await tables(database_url) == {"made_by_1", "made_by_2"}
    assert await migrate.differences(database_url, name) == []


async def test_an_older_database_gets_the_versions_that_it_lacks(database_url: str, package: Package) -> None:
    await migrate.migrate(database_url, package(1))
    await migrate.migrate(database_url, package(3))
    assert await tables(database_url) == {"made_by_1", "made_by_2", "made_by_3"}


async def test_a_missing_migration_is_told(database_url: str, package: Package) -> None:
    await migrate.migrate(database_url, package(1))
    assert "made_by_2" in str(await migrate.differences(database_url, package(2)))


async def test_replicas_that_start_together_migrate_once(database_url: str, package: Package) -> None:
    name = package(2)
    await asyncio.gather(*(migrate.migrate(database_url, name) for _ in range(4)))
    assert await tables(database_url) == {"made_by_1", "made_by_2"}


async def test_a_second_process_waits_for_the_first(database_url: str, package: Package) -> None:
    """It asks again and again: one whose question waited would keep the first from building an index."""
    name = package(1)
    rival = await asyncpg.connect(database_url)
    try:
        await rival.execute("select pg_advisory_lock($1)", migrate.ADVISORY_LOCK)
        waiting = asyncio.create_task(migrate.migrate(database_url, name))
        await until(lambda: rival.fetchval(ASKED_FOR_THE_LOCK))
        assert not waiting.done()
        await rival.execute("select pg_advisory_unlock($1)", migrate.ADVISORY_LOCK)
        await waiting
    finally:
        await rival.close()
    assert await tables(database_url) == {"made_by_1"}


async def test_a_process_does_not_wait_for_ever(
    database_url: str, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_WAIT", 0.0)
    rival = await asyncpg.connect(database_url)
    try:
        await rival.execute("select pg_advisory_lock($1)", migrate.ADVISORY_LOCK)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate.migrate(database_url, package(1))
    finally:
        await rival.close()
    assert await tables(database_url) == set()


async def test_a_version_that_fails_leaves_those_before_it_and_nothing_of_itself(
    database_url: str, package: Package
) -> None:
    name = package(3)
    path = migrate.versions_folder(name) / "0002_step.py"
    whole = path.read_text()
    path.write_text(whole + "    1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        await migrate.migrate(database_url, name)
    assert await tables(database_url) == {"made_by_1"}
    assert await migrate.current(database_url) == "0001"
    path.write_text(whole)
    await migrate.migrate(database_url, name)
    assert await tables(database_url) == {"made_by_1", "made_by_2", "made_by_3"}


async def test_an_index_is_built_while_others_write(database_url: str, package: Package) -> None:
    await migrate.migrate(database_url, package(1))
    name = package(2)
    (migrate.versions_folder(name) / "0002_step.py").write_text(INDEXING)
    writer, other = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        begun = writer.transaction()
        await begun.start()
        await writer.execute("insert into made_by_1 values (1)")
        migrating = asyncio.create_task(migrate.migrate(database_url, name))
        await until(lambda: other.fetchval("select count(*) from pg_stat_progress_create_index"))
        await other.execute("set lock_timeout = '1s'; insert into made_by_1 values (2)")
        assert not migrating.done()
        await begun.commit()
        await migrating
        assert await other.fetchval(IS_VALID)
        assert await migrate.current(database_url) == "0002"
        assert await other.fetchval("select count(*) from made_by_1") == 2
    finally:
        await asyncio.gather(writer.close(), other.close())


async def test_an_index_whose_building_was_interrupted_is_built_anew(database_url: str, package: Package) -> None:
    await migrate.migrate(database_url, package(1))
    name = package(2)
    (migrate.versions_folder(name) / "0002_step.py").write_text(INDEXING)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("insert into made_by_1 values (1), (3)")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("create unique index concurrently odd on made_by_1 ((id % 2))")
        assert await connection.fetchval(IS_VALID) is False
        await migrate.migrate(database_url, name)
        assert await connection.fetchval(IS_VALID)
        assert "UNIQUE" not in await connection.fetchval("select pg_get_indexdef('odd'::regclass)")
    finally:
        await connection.close()


async def test_a_version_that_was_killed_behind_its_index_begins_again(database_url: str, package: Package) -> None:
    await migrate.migrate(database_url, package(1))
    name = package(2)
    path = migrate.versions_folder(name) / "0002_step.py"
    path.write_text(INDEXING + "    1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        await migrate.migrate(database_url, name)
    assert (await migrate.current(database_url), await tables(database_url)) == ("0001", {"made_by_1"})
    path.write_text(INDEXING)
    await migrate.migrate(database_url, name)
    assert await tables(database_url) == {"made_by_1", "made_by_2"}


async def test_a_database_at_the_newest_version_costs_no_alembic(database_url: str, package: Package) -> None:
    name = package(1)
    await migrate.migrate(database_url, name)
    program = f"""
        import asyncio, sys
        sys.path.insert(0, {str(migrate.versions_folder(name).parents[2])!r})
        from common.migrate import migrate
        asyncio.run(migrate({database_url!r}, {name!r}))
        sys.exit("alembic" in sys.modules or "sqlalchemy" in sys.modules)
    """
    result = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", textwrap.dedent(program)], timeout=60)
    assert result.returncode == 0


def test_a_package_without_versions_is_an_error(package: Package) -> None:
    with pytest.raises(FileNotFoundError):
        migrate.newest(package(0))
