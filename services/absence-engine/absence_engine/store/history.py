"""What stood before, packed (`domain.history`): with each sheet its corrections, with each school's day its registers,
and the groups of pupils that these name. Rows are only ever appended to; a rebuild begins anew.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from common.arrays import array
from common.db import Transaction

from absence_engine.domain.history import Packed
from absence_engine.domain.records import SheetKey

KEEP = """
with corrected as (
    insert into correction (pupil_id, urn, year, changes)
    select * from unnest($1::text::uuid[], $2::text::int[], $3::text::smallint[], $4::bytea[])
    on conflict (urn, year, pupil_id) do update set changes = correction.changes || excluded.changes
), registered as (
    insert into first_marks (urn, day, registers) select * from unnest($5::text::int[], $6::date[], $7::bytea[])
    on conflict (urn, day) do update set registers = first_marks.registers || excluded.registers
)
select urn, id from unnest($8::text::int[], $9::text::bigint[]) as named (urn, id)
where not exists (select from mark_group as known where known.urn = named.urn and known.id = named.id)
"""
KEEP_GROUPS = """
insert into mark_group (urn, id, pupils)
select urn, id, pupils::uuid[] from unnest($1::text::int[], $2::text::bigint[], $3::text[]) as t (urn, id, pupils)
"""
CORRECTIONS = """
select pupil_id::text, urn, year, changes
from unnest($1::text::uuid[], $2::text::int[], $3::text::smallint[]) as wanted (pupil_id, urn, year)
join correction using (urn, year, pupil_id)
"""
FIRST_MARKS = "select urn, day, registers from first_marks where urn = any($1::int[])"
GROUPS = """
select urn, id, pupil_id::text from mark_group cross join unnest(pupils) as pupil_id
where urn = any($1::int[]) and pupil_id = any($2::uuid[])
"""
MARKED_AT = """
select distinct pupil_id::text, coalesce(survivor, pupil_id)::text from sheet join child using (pupil_id) where urn = $1
"""
KEPT_FROM = "select history_from from engine"


async def keep(tx: Transaction, packed: Packed) -> None:
    """Keeps changes, each named once. The schools' ledgers must be locked: nobody else adds groups."""
    if not packed.sheets and not packed.days:
        return
    pupil_ids, urns, years = zip(*packed.sheets, strict=True) if packed.sheets else ((), (), ())
    missing = await tx.fetch(
        KEEP,
        array(pupil_ids),
        array(urns),
        array(years),
        list(packed.sheets.values()),
        array(urn for urn, _ in packed.days),
        [day for _, day in packed.days],
        list(packed.days.values()),
        array(urn for urn, _ in packed.groups),
        array(group for _, group in packed.groups),
    )
    if missing:
        groups = [array(packed.groups[row[0], row[1]]) for row in missing]
        await tx.execute(KEEP_GROUPS, array(row[0] for row in missing), array(row[1] for row in missing), groups)


async def of_sheets(tx: Transaction, keys: Collection[SheetKey]) -> Packed:
    """All that is kept of some sheets."""
    if not keys:
        return Packed({}, {}, {})
    pupil_ids, urns, years = zip(*keys, strict=True)
    sheets = await tx.fetch(CORRECTIONS, array(pupil_ids), array(urns), array(years))
    return await _with_registers(tx, {(row[0], row[1], row[2]): row[3] for row in sheets}, set(urns), pupil_ids)


async def _with_registers(
    tx: Transaction, sheets: dict[SheetKey, bytes], urns: Iterable[int], pupil_ids: Iterable[str]
) -> Packed:
    schools = sorted(urns)
    groups: dict[tuple[int, int], list[str]] = {}
    for urn, group, pupil_id in await tx.fetch(GROUPS, schools, sorted(set(pupil_ids))):
        groups.setdefault((urn, group), []).append(pupil_id)
    days = {(row[0], row[1]): row[2] for row in await tx.fetch(FIRST_MARKS, schools)} if groups else {}
    return Packed(sheets, days, groups)


async def marked_at(tx: Transaction, urn: int) -> dict[str, str]:
    """The ids of the ledger that ever had a mark at a school, and the living child of each."""
    return {row[0]: row[1] for row in await tx.fetch(MARKED_AT, urn)}


async def kept_from(tx: Transaction) -> datetime | None:
    """From when on history is known; None when always: the ledgers were read from their first entries."""
    return await tx.fetchval(KEPT_FROM)
