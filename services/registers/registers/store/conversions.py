"""What moves from a school to the one that takes over its pupils, beside their stays."""

from collections.abc import Collection

from common.db import Transaction

TAKEN = """
select theirs.local_id from school_pupil as ours join school_pupil as theirs using (local_id)
where ours.urn = $1 and theirs.urn = $2 and ours.pupil_id = any($3::text[]::uuid[]) and theirs.pupil_id <> ours.pupil_id
order by 1
"""
MOVE = """
with named as (
    insert into school_pupil (urn, local_id, pupil_id)
    select $2, local_id, pupil_id from school_pupil where urn = $1 and pupil_id = any($3::text[]::uuid[])
    on conflict do nothing
),
grouped as (
    insert into year_group (urn, pupil_id, academic_year, year_group)
    select $2, pupil_id, academic_year, year_group from year_group
    where urn = $1 and pupil_id = any($3::text[]::uuid[])
    on conflict do nothing
)
update contact as c set urn = $2
where c.urn = $1 and c.pupil_id = any($3::text[]::uuid[]) and not exists (
    select from contact as other where other.urn = $2 and other.pupil_id = c.pupil_id and other.local_id = c.local_id
)
"""


async def taken_local_ids(tx: Transaction, urn: int, successor: int, pupil_ids: Collection[str]) -> list[str]:
    """The local ids of these children of a school by which its successor calls somebody else."""
    return [row["local_id"] for row in await tx.fetch(TAKEN, urn, successor, list(pupil_ids))]


async def move(tx: Transaction, urn: int, successor: int, pupil_ids: Collection[str]) -> None:
    """The successor calls these children as the school did, and teaches them in the same year groups; the contacts
    become its own and keep their ids, so that letters that are held find them.
    """
    await tx.execute(MOVE, urn, successor, list(pupil_ids))
