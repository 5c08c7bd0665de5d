"""What registers keeps of people is sealed in its tables, and a rotation seals all of it anew while it can be read."""

import tracemalloc
from collections.abc import Iterable

from common.db import Database, Transaction
from common.sealed import Keyring
from registers.store import tables
from registers.store.rotating import SEALED, rotate_all

from tests.integration.registers.conftest import TODAY, URN, Authority, assemble
from tests.integration.registers.planted import WORDS, plant
from tests.keys import KEYS, LOOKUP_KEY

NEWER = "n:" + "Zm9y" * 10 + "Zm8="
BOTH, NEW = Keyring.parse(f"{NEWER},{KEYS}", LOOKUP_KEY), Keyring.parse(NEWER, LOOKUP_KEY)
IN_THE_CLEAR = """
update submission set taker = null, taken_by = 'Takerqx' where received = 1;
update mark set details = '{"comment": "Commentqx", "reason": "Reasonqx", "amended_by": "Amenderqx"}'
where details is not null;
update unresolved set details = '{"comment": "Commentqx"}' where details is not null
"""
A_BATCH = """
insert into batch (job_id, subject, state, form, dry_run, correlation_id, created_at, touched_at)
values ($1, 's', 'queued', 'ndjson', false, '', now(), now())
"""


async def found_in_tables(tx: Transaction, words: Iterable[str]) -> set[tuple[str, str]]:
    """The words that can be read in the tables, with the table."""
    found: set[tuple[str, str]] = set()
    for table in tables.metadata.tables:
        rows = [str(dict(row)) for row in await tx.fetch(f"select * from {table}")]
        found |= {(table, word) for word in words for row in rows if word in row}
    return found


async def test_nothing_that_is_told_of_a_child_can_be_read_in_the_tables(authority: Authority) -> None:
    await plant(authority)
    async with authority.database.transaction() as tx:
        assert await found_in_tables(tx, WORDS) == set()
        assert await found_in_tables(tx, ["School 100001"]) == {
            ("school", "School 100001"),
            ("ledger", "School 100001"),
        }


async def test_a_rotation_seals_everything_with_the_new_key_and_is_done_once(authority: Authority) -> None:
    child = await plant(authority)
    pages = [f"/v1/pupils/{child}/contacts", f"/v1/pupils/{child}", f"/v1/pupils/{child}/identity-changes"]
    pages += [f"/v1/pupils/{child}/marks?from=2025-09-01&to=2025-09-30", f"/v1/schools/{URN}/quarantine"]
    before = [await authority.ask("GET", page) for page in pages]
    async with authority.database.transaction() as tx:
        await tx.execute(IN_THE_CLEAR)
    database = await Database.open(authority.database.url, keyring=BOTH)
    try:
        changed = await rotate_all(database)
        assert {name for name, count in changed.items() if count == 0} == {
            "batch_part.sealed",
            "batch_result.sealed",
            "batch_result.sealed_errors",
        }
        assert set((await rotate_all(database)).values()) == {0}
        async with database.transaction() as tx:
            assert await found_in_tables(tx, WORDS) == set()
            for one in SEALED:
                left = f"select count(*) from {one.table} where substring({one.column} for 2) <> $1"
                assert await tx.fetchval(left, NEW.header) == 0, one.table
    finally:
        await database.close()
    database = await Database.open(authority.database.url, keyring=NEW)
    try:
        async with assemble(database, TODAY).client() as client:
            after = [(await client.get(page)).json() for page in pages]
    finally:
        await database.close()
    assert [one | {"items": None} for one in after] == [one | {"items": None} for one in before]


async def test_a_rotation_holds_few_of_the_large_pieces_of_batches_at_a_time(authority: Authority) -> None:
    old = Keyring.parse(KEYS, LOOKUP_KEY)
    job, piece = "00000000-0000-4000-8000-000000000001", bytes(64 * 1024)
    async with authority.database.transaction() as tx:
        await tx.execute(A_BATCH, job)
        sealed = [(job, number, old.seal(piece, f"batch_part/{job}/{number}")) for number in range(200)]
        await tx.executemany("insert into batch_part (job_id, first_byte, sealed) values ($1, $2, $3)", sealed)
    database = await Database.open(authority.database.url, keyring=BOTH)
    try:
        tracemalloc.start()
        changed = await rotate_all(database)
        _, peak = tracemalloc.get_traced_memory()
        assert changed["batch_part.sealed"] == 200
        assert peak < 100 * len(piece)
    finally:
        tracemalloc.stop()
        await database.close()
