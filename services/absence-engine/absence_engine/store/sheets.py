"""The marks: reading and writing whole sheets, many in one statement."""

from collections.abc import Iterable, Sequence

from common.arrays import array
from common.db import Transaction

from absence_engine.domain.records import Sheet
from absence_engine.store.packing import pack, unpack

LOAD = """
select pupil_id::text, urn, year, marks from unnest($1::text::uuid[]) as wanted (pupil_id) join sheet using (pupil_id)
"""
SAVE = """
insert into sheet (pupil_id, urn, year, marks)
select * from unnest($1::text::uuid[], $2::text::int[], $3::text::smallint[], $4::bytea[])
on conflict (pupil_id, urn, year) do update set marks = excluded.marks
"""


async def load(tx: Transaction, pupil_ids: Iterable[str]) -> list[Sheet]:
    """Every sheet of these ids of the ledger."""
    rows = await tx.fetch(LOAD, array(pupil_ids))
    codes = unpack([row[3] for row in rows])
    return [Sheet(row[0], row[1], row[2], its) for row, its in zip(rows, codes, strict=True)]


async def save(tx: Transaction, sheets: Sequence[Sheet]) -> None:
    """Adds or replaces sheets, each named once."""
    if sheets:
        pupil_ids, urns, years, codes = zip(*sheets, strict=True)
        await tx.execute(SAVE, array(pupil_ids), array(urns), array(years), pack(codes))
