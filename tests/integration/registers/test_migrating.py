"""An upgrade from an older version's tables, while the older version goes on taking registers."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from common import migrate

from tests.delivery import until
from tests.packages import versions_folder

NEXT_MARK = """
insert into mark (urn, date, session, pupil_id, received, place, rank, code, standing, unexplained)
select 100001, '2025-09-15', 0, gen_random_uuid(), count(*), 0, 0, 'N', true, false from mark
"""
BUILDING = "select index_relid::regclass::text from pg_stat_progress_create_index where datname = current_database()"
INDEXES = """
select indexrelid::regclass::text, indisvalid from pg_index
where indrelid = 'mark'::regclass and not indisprimary order by 1
"""
OF_0_2_0 = ["mark_detailed", "mark_not_established"]

AsOf = Callable[[str], str]


@pytest.fixture
def as_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsOf:
    """Gives the name of a package with the versions of registers up to one."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(last: str) -> str:
        name = f"registers_of_old_{tmp_path.name}_{last}"
        folder = versions_folder(tmp_path, name)
        for path in migrate.versions_folder("registers").glob("[0-9]*.py"):
            if path.name[:4] <= last:
                shutil.copy(path, folder)
        return name

    return make


async def test_marks_are_written_while_an_upgrade_from_0_1_0_builds_their_indexes(
    database_url: str, as_of: AsOf
) -> None:
    await migrate.migrate(database_url, as_of("0001"))
    school, office = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        await migrate.migrate(database_url, as_of("0004"))  # 0002 has to have `mark` for itself for a moment
        register = school.transaction()
        await register.start()
        await school.execute(NEXT_MARK)
        upgrade = asyncio.create_task(migrate.migrate(database_url, "registers"))
        await until(lambda: office.fetchval(BUILDING))
        await office.execute("set lock_timeout = '1s'")
        for _ in range(100):
            await office.execute(NEXT_MARK)
        assert not upgrade.done()
        await register.commit()
        await upgrade
        valid = {row["indexrelid"]: row["indisvalid"] for row in await office.fetch(INDEXES)}
        assert [valid.get(name) for name in OF_0_2_0] == [True, True]
        assert await office.fetchval("select count(*) from mark where standing and code = 'N'") == 101
    finally:
        await asyncio.gather(school.close(), office.close())
    assert await migrate.differences(database_url, "registers") == []


async def test_what_an_interrupted_upgrade_has_left_of_an_index_is_built_anew(database_url: str, as_of: AsOf) -> None:
    await migrate.migrate(database_url, as_of("0004"))
    connection = await asyncpg.connect(database_url)
    try:
        for _ in range(2):
            await connection.execute(NEXT_MARK)
        with pytest.raises(asyncpg.UniqueViolationError):  # the quickest way to an index that is not valid
            await connection.execute("create unique index concurrently mark_detailed on mark (urn)")
        await migrate.migrate(database_url, "registers")
        assert all(row["indisvalid"] for row in await connection.fetch(INDEXES))
    finally:
        await connection.close()
    assert await migrate.differences(database_url, "registers") == []
