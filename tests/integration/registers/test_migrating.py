"""An upgrade from an older version's tables: while that one takes registers, and with what it kept in the clear."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest
from common import migrate, sealing
from common.access.reach import EVERYTHING
from common.db import Database
from common.idempotency import Keyed, once
from common.sealing import StillPlainError
from common.settings import NoKeysError
from registers.domain.standing import Details
from registers.store import absence_notices, batches, households, identities, people, pupils, reading, upns
from sqlalchemy.exc import ProgrammingError

from tests.delivery import until
from tests.integration.registers.conftest import FIRST, SECOND, URN
from tests.integration.registers.in_the_clear import DIED, HOME, IN_THE_CLEAR, LIVES
from tests.keys import KEYRING
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
WAITING = f"""
insert into unresolved (urn, date, session, received, place, key_kind, key, code, problem)
select {URN}, '2025-09-01', 0, 1, row_number() over (), 'upn', upn, '/', 'unknown-pupil'
from unnest(array['A1', 'A1', 'A1', 'A2', 'A3', 'A4', 'A5']) as upn
"""
"""More of the first UPN than a chunk holds, and one in `PUPILS` behind all of them."""
PUPILS = """
insert into pupil (pupil_id, upn, given_name, family_name, flags, version)
values (gen_random_uuid(), 'A9', 'Ash', 'Nutt', '{}', 1), (gen_random_uuid(), 'B1', 'Fir', 'Nutt', '{}', 1)
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


async def never() -> list[int]:
    raise AssertionError("it was done before")


async def test_what_was_kept_in_the_clear_is_sealed_and_reads_as_before(database_url: str, as_of: AsOf) -> None:
    await migrate.migrate(database_url, as_of("0015"))
    before = await asyncpg.connect(database_url)
    await before.execute(IN_THE_CLEAR)
    await before.close()
    await migrate.migrate(database_url, "registers", KEYRING)
    database = await Database.open(database_url, keyring=KEYRING)
    try:
        async with database.transaction() as tx:
            lives, died = await pupils.person(tx, LIVES), await pupils.person(tx, DIED)
            assert (lives.upn, lives.given_name, lives.family_name) == (FIRST, "Hazel", "Nutt")
            assert (died.upn, died.given_name) == (None, "Ash")
            assert [await upns.child_of(tx, upn) for upn in (FIRST, SECOND, "B")] == [LIVES, LIVES, None]
            assert [row["upn"] for row in await upns.of_child(tx, LIVES)] == [SECOND, FIRST]
            found = await identities.last(tx, DIED)
            assert found is not None
            change, went = found
            assert (change.reason, change.changed_by) == ("one child, typed twice", "R. Office")
            assert (went.upn, went.survivors_upn, went.received) == (SECOND, FIRST, 7)
            (contact,) = await reading.contacts_of(tx, LIVES, None)
            assert (contact["name"], contact["relationship"], contact["email"]) == (
                "Robin Nutt",
                "mother",
                "robin@example.org",
            )
            assert contact["address"] == {"lines": ["1 Elm Road"], "postcode": "B1 1AA"}
            assert contact["contact_barred"] == {"from": date(2030, 1, 1), "to": None, "order": "C12"}
            assert [home.pupil_id for home in await people.households(tx, LIVES, None, date(2025, 9, 15))] == [LIVES]
            assert (await households.of_children(tx, [LIVES]))[LIVES].homes[0].household == HOME
            assert [worker[:3] for worker in await people.social_workers(tx, [DIED])] == [("W. Worker", None, "0121")]
            plans = await people.plans(tx, date(2025, 9, 15), URN, None, False, (0, LIVES[:-1] + "0", date.min), 10)
            assert [plan["agreed_by"] for plan in plans] == [["R. Nutt"]]
            assert [stay.destination for stay in (await pupils.stays(tx, URN))[LIVES]] == ["to her aunt", None]
            (told,) = await reading.history(tx, LIVES, None, (date.min, date.max), (date.min, 0, 0), 9)
            assert told.taken_by == "T. Teacher"
            assert told.entry.details == Details(comment="has flu", amended_by="A")
            (notice,) = await absence_notices.versions(tx, URN, LIVES)
            assert notice.now.content.giver == (None, "Robin Nutt", "mother")
            assert (notice.now.content.reason, notice.now.why) == ("has flu", "rang twice")
            assert [await batches.slice_of(tx, LIVES, at, 2) for at in (1, 3, 9)] == [b"bc", b"de", b""]
            assert [await batches.result(tx, LIVES, piece) for piece in (0, 1)] == [(b"done", None), (b"more", b"bad")]
            asked = Keyed("s", "k", "f", EVERYTHING)
            assert await once(tx, asked, datetime(2025, 9, 15, 9, tzinfo=UTC), list[int], never, lambda _: []) == [7]
            waiting = await reading.quarantine(tx, URN, (date.min, 0, 0, 0), 10)
            assert [(row["key_kind"], row["key"]) for row in waiting] == [("upn", "A111111111111"), ("local_id", "x")]
    finally:
        await database.close()
    assert await migrate.differences(database_url, "registers") == []


async def test_an_upgrade_without_keys_says_what_it_needs_and_goes_on_when_it_has_them(
    database_url: str, as_of: AsOf
) -> None:
    await migrate.migrate(database_url, as_of("0015"))
    before = await asyncpg.connect(database_url)
    await before.execute(IN_THE_CLEAR)
    with pytest.raises(NoKeysError, match="ROLLCALL_KEYS"):
        await migrate.migrate(database_url, "registers")
    with pytest.raises(asyncpg.UndefinedColumnError):  # an older process that still runs stops here
        await before.execute("select upn from pupil")
    await before.close()
    await migrate.migrate(database_url, "registers", KEYRING)
    assert await migrate.current(database_url) == migrate.newest("registers")


async def test_every_upn_that_waits_is_hashed_though_one_of_them_fills_a_chunk(
    database_url: str, as_of: AsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.migrate(database_url, as_of("0015"))
    connection = await asyncpg.connect(database_url)
    try:
        for statement in (WAITING, PUPILS):
            await connection.execute(statement)
        monkeypatch.setattr(sealing, "CHUNK", 2)
        await migrate.migrate(database_url, "registers", KEYRING)
        keys = [row["key"] for row in await connection.fetch("select distinct key from unresolved")]
        assert set(keys) == {KEYRING.lookup(f"A{number}", "upn") for number in range(1, 6)}
        assert await connection.fetchval("select count(*) from known_upn") == 7
    finally:
        await connection.close()


async def test_an_upgrade_drops_no_upn_that_is_not_sealed(
    database_url: str, as_of: AsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.migrate(database_url, as_of("0015"))
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("alter table pupil add column upn_key text, add column names bytea")
        await connection.execute(PUPILS)
        await connection.execute(
            "create rule passes_over as on update to pupil where new.upn_key is not null do instead nothing"
        )
        with pytest.raises(StillPlainError, match="pupil") as refused:
            await migrate.migrate(database_url, "registers", KEYRING)
        assert "A9" not in str(refused.value)
        assert await connection.fetchval("select count(*) from pupil where plain_upn is not null") == 2
    finally:
        await connection.close()


async def test_an_upgrade_that_fails_says_no_upn(database_url: str, as_of: AsOf) -> None:
    await migrate.migrate(database_url, as_of("0015"))
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(PUPILS)
        await connection.execute("create table known_upn (upn_key integer)")
        with pytest.raises(ProgrammingError) as failed:
            await migrate.migrate(database_url, "registers", KEYRING)
        assert "known_upn" in str(failed.value)
        assert "A9" not in str(failed.value)
    finally:
        await connection.close()
