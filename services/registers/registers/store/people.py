"""Plans, social workers, households and siblings: kept under the id that they were said of, read by all ids of the
child that it means now.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from common.db import Transaction

from registers.domain.plans import Plan, SocialWorker

DROP_PLANS = "delete from part_time_timetable where urn = $1 and pupil_id = any($2::uuid[])"
ADD_PLANS = """
insert into part_time_timetable (urn, pupil_id, from_date, to_date, review_on, reviewed_on, agreed_by)
values ($1, $2, $3, $4, $5, $6, $7)
"""
PLANS = """
select t.urn, coalesce(p.survivor, p.pupil_id)::text as pupil_id, t.from_date, t.to_date, t.review_on, t.reviewed_on,
    t.agreed_by
from part_time_timetable as t join pupil as p using (pupil_id)
where t.from_date <= $1 and (t.to_date is null or t.to_date >= $1)
    and ($2::int is null or t.urn = $2) and ($3::int[] is null or t.urn = any($3))
    and (not $4 or (t.review_on < $1 and (t.reviewed_on is null or t.reviewed_on < t.review_on)))
    and (t.urn, coalesce(p.survivor, p.pupil_id), t.from_date) > ($5, $6::uuid, $7)
order by 1, coalesce(p.survivor, p.pupil_id), 3 limit $8
"""

DROP_SOCIAL_WORKERS = "delete from social_worker where pupil_id = any($1::uuid[])"
ADD_SOCIAL_WORKERS = """
insert into social_worker (pupil_id, place, name, email, phone, from_date, to_date) values ($1, $2, $3, $4, $5, $6, $7)
"""
SOCIAL_WORKERS = """
select name, email, phone, from_date, to_date from social_worker
where pupil_id = any($1::uuid[]) order by from_date, place, pupil_id
"""

SHARED = """
with own as (
    select distinct household from contact
    where pupil_id = $1 and household is not null and ($2::int[] is null or urn = any($2))
        and (from_date is null or from_date <= $3) and (to_date is null or to_date >= $3)
        and not coalesce(barred_from <= $3 and (barred_to is null or barred_to >= $3), false)
)
select c.household::text as household, c.pupil_id::text as pupil_id, min(c.address::text) as address
from contact as c join own using (household) join pupil as p on p.pupil_id = c.pupil_id and p.survivor is null
where (c.from_date is null or c.from_date <= $3) and (c.to_date is null or c.to_date >= $3)
    and not coalesce(c.barred_from <= $3 and (c.barred_to is null or c.barred_to >= $3), false)
    and ($2::int[] is null or c.urn = any($2))
group by 1, 2 order by 1, 2
"""
SAID = """
select coalesce(p.survivor, p.pupil_id)::text, bool_and(s.is_sibling)
from (
    select other as pupil_id, is_sibling from sibling where pupil_id = any($1::uuid[])
    union all
    select pupil_id, is_sibling from sibling where other = any($1::uuid[])
) as s join pupil as p using (pupil_id)
where not coalesce(p.survivor, p.pupil_id) = any($1::uuid[])
group by 1 order by 1
"""
FORGET_SEEN = """
delete from sibling as s using unnest($1::uuid[], $2::uuid[]) as f(one, other)
where s.pupil_id = least(f.one, f.other) and s.other = greatest(f.one, f.other)
"""
SAY = """
insert into sibling (pupil_id, other, is_sibling)
select least($1::uuid, s.other), greatest($1::uuid, s.other), s.is_sibling
from unnest($2::uuid[], $3::bool[]) as s(other, is_sibling)
on conflict (pupil_id, other) do update set is_sibling = excluded.is_sibling
"""
VISIBLE = """
select distinct pupil_id::text from school_pupil
where pupil_id = any($1::uuid[]) and ($2::int[] is null or urn = any($2))
"""


async def put_plans(tx: Transaction, urn: int, ids: Collection[str], pupil_id: str, plans: Sequence[Plan]) -> None:
    """Makes these the plans of a child (with all its `ids`) at a school."""
    await tx.execute(DROP_PLANS, urn, list(ids))
    await tx.executemany(ADD_PLANS, [(urn, pupil_id, *plan) for plan in plans])


async def plans(
    tx: Transaction,
    on: date,
    urn: int | None,
    schools: Collection[int] | None,
    overdue: bool,
    after: tuple[int, str, date],
    limit: int,
) -> Sequence[Any]:
    """The plans in force on a day, by school, child (living id) and first day; with `overdue` only such."""
    among = None if schools is None else list(schools)
    return await tx.fetch(PLANS, on, urn, among, overdue, *after, limit)


async def put_social_workers(
    tx: Transaction, ids: Collection[str], pupil_id: str, workers: Sequence[SocialWorker]
) -> None:
    """Makes these the social workers of a child (with all its `ids`)."""
    await tx.execute(DROP_SOCIAL_WORKERS, list(ids))
    await tx.executemany(ADD_SOCIAL_WORKERS, [(pupil_id, place, *worker) for place, worker in enumerate(workers)])


async def social_workers(tx: Transaction, ids: Collection[str]) -> list[SocialWorker]:
    """The social workers of a child, by their first day."""
    return [SocialWorker(*row) for row in await tx.fetch(SOCIAL_WORKERS, list(ids))]


async def households(tx: Transaction, pupil_id: str, schools: Collection[int] | None, on: date) -> Sequence[Any]:
    """The households of a child (living id) on a day, as contacts at those schools have them, and who lives in each."""
    return await tx.fetch(SHARED, pupil_id, None if schools is None else list(schools), on)


async def said_siblings(tx: Transaction, ids: Collection[str]) -> dict[str, bool]:
    """Who was said to be a sibling of a child, and who was said to be none (living ids)."""
    return dict(tuple(row) for row in await tx.fetch(SAID, list(ids)))


async def visible(tx: Transaction, pupil_ids: Collection[str], schools: Collection[int] | None) -> set[str]:
    """Those of these children (living ids) whom one of the schools knows."""
    rows = await tx.fetch(VISIBLE, list(pupil_ids), None if schools is None else list(schools))
    return {row[0] for row in rows}


async def say_siblings(
    tx: Transaction, ids: Collection[str], pupil_id: str, forgotten: Collection[str], said: dict[str, bool]
) -> None:
    """Forgets what was said of a child (with all its `ids`) and these other ids, and says who is a sibling and who is
    none.
    """
    pairs = [(own, other) for own in ids for other in forgotten]
    if pairs:
        await tx.execute(FORGET_SEEN, *(list(column) for column in zip(*pairs, strict=True)))
    if said:
        await tx.execute(SAY, pupil_id, list(said), list(said.values()))
