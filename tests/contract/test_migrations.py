"""What each service's migrations make is what its tables say, and the newest is known without asking Alembic."""

import re

import asyncpg
import pytest
from common import migrate

SERVICES = ["registers", "absence_engine", "casework", "notifications"]


@pytest.mark.parametrize("package", SERVICES)
async def test_migrations_make_the_tables_that_the_service_describes(package: str, database_url: str) -> None:
    await migrate.migrate(database_url, package)
    assert await migrate.differences(database_url, package) == []


@pytest.mark.parametrize("package", SERVICES)
async def test_a_migrated_database_is_at_the_newest_revision(package: str, database_url: str) -> None:
    await migrate.migrate(database_url, package)
    assert await migrate.current(database_url) == migrate.newest(package)


@pytest.mark.parametrize("package", SERVICES)
def test_revisions_follow_each_other_and_are_named_like_their_files(package: str) -> None:
    before = "None"
    for number, path in enumerate(sorted(migrate.versions_folder(package).glob("[0-9]*.py")), start=1):
        text = path.read_text(encoding="utf-8")
        assert path.name[:5] == f"{number:04}_"
        assert re.search(rf'^revision\b.*= "{number:04}"$', text, re.MULTILINE)
        assert re.search(rf"^down_revision\b.*= {before}$", text, re.MULTILINE)
        before = f'"{number:04}"'


@pytest.mark.parametrize("package", SERVICES)
async def test_common_tables_are_the_same_in_every_service(package: str, database_url: str) -> None:
    """`position` and `dead_letter` are read and written by common's statements alone."""
    await migrate.migrate(database_url, package)
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetch(
            "select table_name, string_agg(column_name, ' ' order by ordinal_position) as columns"
            " from information_schema.columns where table_name = any($1) group by 1",
            ["position", "dead_letter"],
        )
    finally:
        await connection.close()
    consumes = package != "registers"
    assert {row["table_name"]: row["columns"] for row in found} == (
        {
            "position": "topic partition next_offset record_id",
            "dead_letter": "topic partition offset record_id key body error kept_at",
        }
        if consumes
        else {}
    )
