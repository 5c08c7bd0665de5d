"""`common.ledger` and `common.dead_letters` on a real PostgreSQL, without a broker: batches handed in by hand."""

from collections.abc import AsyncIterator

import pytest
from common.broker import Partition, Record
from common.db import Database, Transaction
from common.dead_letters import decode_or_keep, take_readable
from common.events import encode
from common.ledger import fresh_entries, not_followed, reset

from tests.delivery import entry, hear, heard, ledger, listening, records

A, B = 100001, 100002


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with listening(database_url) as database:
        yield database


async def hand_in(database: Database, batch: list[Record]) -> None:
    await database.in_transaction(lambda tx: hear(tx, batch))


async def troubles(database: Database) -> list[tuple[int, str, str]]:
    async with database.transaction() as tx:
        return [(school.urn, school.state, school.reason) for school in await not_followed(tx)]


async def test_entries_of_several_schools_come_back_decoded_and_in_order(database: Database) -> None:
    batch = records([entry(B, 1), entry(A, 1), entry(B, 2), entry(A, 2)])
    async with database.transaction() as tx:
        fresh = await fresh_entries(tx, batch)
    assert [(event.schoolurn, event.sequence) for event in fresh] == [(B, 1), (A, 1), (B, 2), (A, 2)]


async def test_a_batch_without_records_gives_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        assert await fresh_entries(tx, []) == []


async def test_what_was_applied_before_is_not_fresh_again(database: Database) -> None:
    await hand_in(database, records(ledger(A, 3)))
    await hand_in(database, records(ledger(A, 5)))
    assert await heard(database, A) == [1, 2, 3, 4, 5]


async def test_a_rolled_back_batch_is_fresh_again(database: Database) -> None:
    batch = records(ledger(A, 3))

    async def hear_and_fail(tx: Transaction) -> None:
        await hear(tx, batch)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.in_transaction(hear_and_fail)
    await hand_in(database, batch)
    assert await heard(database, A) == [1, 2, 3]


async def test_a_gap_parks_one_school_and_the_missing_entries_heal_it(database: Database) -> None:
    await hand_in(database, records([entry(A, 1), entry(B, 1), entry(A, 3), entry(B, 2), entry(A, 4)]))
    assert await heard(database, A) == [1]
    assert await heard(database, B) == [1, 2]
    assert await troubles(database) == [(A, "parked", "entry 2 is missing")]
    await hand_in(database, records(ledger(A, 4, first=2), offset=5))
    assert await heard(database, A) == [1, 2, 3, 4]
    assert await troubles(database) == []


async def test_a_fork_stops_one_school_and_a_rebuild_ends_it(database: Database) -> None:
    await hand_in(database, records([*ledger(A, 2), *ledger(B, 2)]))
    restored = [entry(A, 2, branch="restored-"), entry(A, 3, branch="restored-")]
    await hand_in(database, records([*restored, entry(B, 3)], offset=4))
    assert await troubles(database) == [(A, "forked", "there is another entry 2")]
    assert await heard(database, B) == [1, 2, 3]
    async with database.transaction() as tx:
        await reset(tx)
        await tx.execute("truncate heard")
    assert await troubles(database) == []
    await hand_in(database, records([entry(A, number, branch="restored-") for number in (1, 2, 3)]))
    assert await heard(database, A) == [1, 2, 3]


async def test_a_rebuild_remembers_how_far_each_school_was(database: Database) -> None:
    await hand_in(database, records([*ledger(A, 3), *ledger(B, 1)]))
    for _ in range(2):  # a rebuild that was interrupted and begun again
        async with database.transaction() as tx:
            await reset(tx)
    async with database.connection() as connection:
        rows = await connection.fetch("select urn, number, former from ledger_position order by urn")
    assert [tuple(row) for row in rows] == [(A, 0, 3), (B, 0, 1)]


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"\x00\xff",
        b"{}",
        encode(entry(A, 2)).replace(b"session-marked.v1", b"session-marked.v9"),
        encode(entry(A, 2)).replace(b'"sequence":2', b'"sequence":null'),
        encode(entry(A, 2)).replace(b'"sequence":2', b'"sequence":-2'),
        encode(entry(A, 2)).replace(b'"schoolurn":100001', b'"schoolurn":99999999999'),
        encode(entry(A, 2)).replace(b'"id":"', b'"id":"\\u0000'),
    ],
)
async def test_a_poison_record_is_kept_and_parks_its_school_alone(database: Database, poison: bytes) -> None:
    await hand_in(database, records([entry(A, 1), entry(B, 1), poison, entry(A, 3), entry(B, 2)], key=A))
    assert await heard(database, A) == [1]
    assert await heard(database, B) == [1, 2]
    assert await troubles(database) == [(A, "parked", "an entry after 1 can't be read")]
    async with database.connection() as connection:
        kept = await connection.fetchrow('select "offset", key, body, error from dead_letter')
    assert kept is not None
    assert (kept["offset"], kept["key"], kept["body"]) == (2, str(A).encode(), poison)
    assert kept["error"]
    await hand_in(database, records(ledger(A, 3, first=2), offset=5))
    assert await heard(database, A) == [1, 2, 3]
    assert await troubles(database) == []


@pytest.mark.parametrize("key", [0, 99999999999, -1])
async def test_a_poison_record_of_nobody_parks_nobody(database: Database, key: int) -> None:
    await hand_in(database, records([b"junk", entry(B, 1)], key=key))
    assert await heard(database, B) == [1]
    assert await troubles(database) == []


async def test_the_same_poison_twice_is_kept_once(database: Database) -> None:
    for _ in range(2):
        await hand_in(database, records([b"junk"], key=A))
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from dead_letter") == 1


async def test_another_record_at_the_offset_of_a_dead_letter_is_kept_beside_it(database: Database) -> None:
    """After the broker was replaced, its offsets mean other records."""
    for body in (b"junk of the old broker", b"junk of the new one"):
        batch = [Record(each.partition, each.offset, each.key, each.value, "") for each in records([body], key=A)]
        await hand_in(database, batch)
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from dead_letter") == 2


async def test_unreadable_events_do_not_stop_the_line(database: Database) -> None:
    async with database.transaction() as tx:
        events = await decode_or_keep(tx, records([entry(A, 1), b"junk", entry(A, 2)]))
    assert [event.sequence for event in events] == [1, 2]
    async with database.connection() as connection:
        assert await connection.fetchval("select body from dead_letter") == b"junk"


async def redrive(database: Database) -> int:
    """What a consumer does with dead letters when it takes up their partition."""

    async def work(tx: Transaction) -> int:
        readable = await take_readable(tx, Partition("registers", 0))
        await hear(tx, readable)
        return len(readable)

    return await database.in_transaction(work)


async def test_a_dead_letter_is_handed_in_again_once_it_can_be_read(database: Database) -> None:
    """As after an upgrade: what is kept under the topic is an entry that the new version knows."""
    await hand_in(database, records([entry(A, 1), b"junk", b"worse"], key=A))
    async with database.transaction() as tx:
        await tx.execute("update dead_letter set body = $1 where body = $2", encode(entry(A, 2)), b"junk")
    assert await redrive(database) == 1
    assert await heard(database, A) == [1, 2]
    async with database.connection() as connection:
        assert [row["body"] for row in await connection.fetch("select body from dead_letter")] == [b"worse"]


async def test_a_dead_letter_that_still_is_no_entry_is_not_forgotten(database: Database) -> None:
    nameless = encode(entry(A, 2)).replace(b'"sequence":2', b'"sequence":null')
    await hand_in(database, records([entry(A, 1), nameless], key=A))
    await redrive(database)
    async with database.connection() as connection:
        assert await connection.fetchval("select body from dead_letter") == nameless
