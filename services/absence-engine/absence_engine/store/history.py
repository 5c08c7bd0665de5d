"""What stood before, packed (`domain.history`): with each school's day the changes of its marks, and the groups of
pupils that these name. Rows are only ever appended to; a rebuild begins anew.
"""

from collections.abc import Collection
from datetime import date, datetime

from common.academic import days_of
from common.arrays import array
from common.db import Transaction

from absence_engine.domain.history import Packed
from absence_engine.domain.records import SheetKey

KEEP = """
with kept as (
    insert into mark_day (urn, day, changes) select * from unnest($1::text::int[], $2::date[], $3::bytea[])
    on conflict (urn, day) do update set changes = mark_day.changes || excluded.changes
)
select urn, id from unnest($4::text::int[], $5::text::bigint[]) as named (urn, id)
where not exists (select from mark_group as known where known.urn = named.urn and known.id = named.id)
"""
KEEP_GROUPS = """
insert into mark_group (urn, id, pupils)
select urn, id, pupils::uuid[] from unnest($1::text::int[], $2::text::bigint[], $3::text[]) as t (urn, id, pupils)
"""
DAYS = "select urn, day, changes from mark_day where urn = any($1::int[]) and day between $2 and $3"
DAYS_OF_SCHOOL = "select day, changes from mark_day where urn = $1 order by day"
GROUPS_OF_SCHOOL = "select id, pupils::text[] from mark_group where urn = $1 and id = any($2::bigint[])"
GROUPS = """
select urn, id, pupil_id::text from mark_group cross join unnest(pupils) as pupil_id
where urn = any($1::int[]) and pupil_id = any($2::uuid[])
"""
MARKED_AT = """
select distinct pupil_id::text, coalesce(survivor, pupil_id)::text from sheet join child using (pupil_id) where urn = $1
"""
KEPT_FROM = "select history_from from engine"


async def keep(tx: Transaction, packed: Packed) -> None:
    """Keeps changes. The schools' ledgers must be locked: nobody else adds groups."""
    if not packed.days:
        return
    missing = await tx.fetch(
        KEEP,
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
    """All that is kept of some sheets; and more, of their schools."""
    if not keys:
        return Packed({}, {})
    pupil_ids, urns, years = (set(column) for column in zip(*keys, strict=True))
    groups: dict[tuple[int, int], list[str]] = {}
    for urn, group, pupil_id in await tx.fetch(GROUPS, list(urns), list(pupil_ids)):
        groups.setdefault((urn, group), []).append(pupil_id)
    days = await tx.fetch(DAYS, list(urns), days_of(min(years))[0], days_of(max(years))[1])
    return Packed({(row[0], row[1]): row[2] for row in days}, groups)


async def of_school(tx: Transaction, urn: int) -> list[tuple[date, bytes]]:
    """All that is kept of a school's days; what stands there is not read."""
    return [(row[0], row[1]) for row in await tx.fetch(DAYS_OF_SCHOOL, urn)]


async def groups(tx: Transaction, urn: int, ids: Collection[int]) -> dict[tuple[int, int], list[str]]:
    """Those of some groups of a school that have several pupils."""
    return {(urn, row[0]): row[1] for row in await tx.fetch(GROUPS_OF_SCHOOL, urn, list(ids))}


async def marked_at(tx: Transaction, urn: int) -> dict[str, str]:
    """The ids of the ledger that ever had a mark at a school, and the living child of each."""
    return {row[0]: row[1] for row in await tx.fetch(MARKED_AT, urn)}


async def kept_from(tx: Transaction) -> datetime | None:
    """From when on history is known; None when always: the ledgers were read from their first entries."""
    return await tx.fetchval(KEPT_FROM)
