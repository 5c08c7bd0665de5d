"""The marks: reading and writing whole sheets, many in one statement."""

from collections.abc import Iterable, Sequence

from common.arrays import array
from common.db import Transaction

from absence_engine.domain.records import Sheet

LOAD = """
select pupil_id::text, urn, year, codes from unnest($1::text::uuid[]) as wanted (pupil_id) join sheet using (pupil_id)
"""
SAVE = """
insert into sheet (pupil_id, urn, year, codes)
select * from unnest($1::text::uuid[], $2::text::int[], $3::text::smallint[], $4::bytea[])
on conflict (pupil_id, urn, year) do update set codes = excluded.codes
"""


async def load(tx: Transaction, pupil_ids: Iterable[str]) -> list[Sheet]:
    """Every sheet of these ids of the ledger."""
    return [Sheet(row[0], row[1], row[2], row[3]) for row in await tx.fetch(LOAD, array(pupil_ids))]


async def save(tx: Transaction, sheets: Sequence[Sheet]) -> None:
    """Adds or replaces sheets, each named once."""
    if sheets:
        pupil_ids, urns, years, codes = zip(*sheets, strict=True)
        await tx.execute(SAVE, array(pupil_ids), array(urns), array(years), list(codes))
