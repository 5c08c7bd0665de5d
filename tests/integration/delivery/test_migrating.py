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

WAITING_FOR_A_LOCK = """
select 1 from pg_locks where locktype = 'advisory' and not granted
and database = (select oid from pg_database where datname = current_database())
"""

Package = Callable[[int], str]

VERSION = """
from alembic import op

revision = "{number:04}"
down_revision = {before}


def upgrade() -> None:
    op.execute("create table made_by_{number} (id integer primary key)")
"""
TABLES = """
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
for number in range(1, {last} + 1):
    Table(f"made_by_{{number}}", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Writes a service with so many versions, and gives its name: another one each time, for modules are cached."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(versions: int) -> str:
        name = f"shop_{tmp_path.name}_{versions}"
        folder = tmp_path / name / "store" / "versions"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
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
    name = package(1)
    rival = await asyncpg.connect(database_url)
    try:
        await rival.execute("begin")
        await rival.execute("select pg_advisory_xact_lock($1)", migrate.ADVISORY_LOCK)
        waiting = asyncio.create_task(migrate.migrate(database_url, name))
        watcher = await asyncpg.connect(database_url)
        try:
            await until(lambda: watcher.fetchval(WAITING_FOR_A_LOCK))
        finally:
            await watcher.close()
        assert not waiting.done()
        await rival.execute("commit")
        await waiting
    finally:
        await rival.close()
    assert await tables(database_url) == {"made_by_1"}


async def test_a_version_that_fails_leaves_nothing_behind(database_url: str, package: Package) -> None:
    name = package(2)
    (migrate.versions_folder(name) / "0002_step.py").write_text(
        VERSION.format(number=2, before='"0001"') + "    1 / 0\n"
    )
    with pytest.raises(ZeroDivisionError):
        await migrate.migrate(database_url, name)
    assert await tables(database_url) == set()


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
