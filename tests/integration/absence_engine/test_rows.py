"""What rows hold: packed by this version, as they were by an earlier one."""

import msgspec
from absence_engine.store import episodes
from absence_engine.store.packing import unpack

from tests.integration.absence_engine.ledgers import Engine, Ledger
from tests.integration.absence_engine.test_deliveries import DAYS, PUPILS

URN = 100001
AUTUMN = DAYS[-50:]
AS_BEFORE = "update episode set evidence = null, explanation = $2, sequence = $3 where episode_id = $1"


async def test_a_sheet_of_an_earlier_version_counts_and_is_packed_with_its_next_mark(
    engine: Engine, other_engine: Engine
) -> None:
    ledger = Ledger(URN)
    ledger.calendar(AUTUMN)
    ledger.enrol(*PUPILS[:2])
    for day in AUTUMN[:30]:
        ledger.marks(day, "AM", {PUPILS[0]: "O", PUPILS[1]: "/"})
    await other_engine.take(ledger.entries)
    await engine.take(ledger.entries)
    for pupil_id, row in await engine.fetch("select pupil_id, marks from sheet"):
        await engine.fetch("update sheet set marks = $2 where pupil_id = $1", pupil_id, unpack([row])[0])
    ledger.marks(AUTUMN[30], "AM", {PUPILS[0]: "O"})
    for one in (engine, other_engine):
        await one.take(ledger.entries[-1:])
    assert await engine.standing() == await other_engine.standing() != []
    lengths = await engine.fetch("select pupil_id::text, length(marks) = 732 from sheet")
    assert dict(lengths) == {PUPILS[0]: False, PUPILS[1]: True}


async def test_an_episode_of_an_earlier_version_is_told_as_it_was(engine: Engine) -> None:
    ledger = Ledger(URN)
    ledger.calendar(AUTUMN)
    ledger.enrol(PUPILS[0])
    for day in AUTUMN[:30]:
        ledger.marks(day, "AM", {PUPILS[0]: "O"})
    await engine.take(ledger.entries)
    ids = [row[0] for row in await engine.fetch("select episode_id::text from episode")]
    async with engine.database.connection() as connection:
        told = await episodes.whole(connection, ids)
        for one, its in told.items():
            kept = msgspec.json.encode(its.explanation).decode(), msgspec.json.encode(its.sequence).decode()
            await connection.execute(AS_BEFORE, one, *kept)
        assert await episodes.whole(connection, ids) == told != {}
