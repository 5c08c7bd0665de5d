"""Plans, social workers, households and siblings: kept under the id that they were said of, read by all ids of the
child that it means now.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple

from common.db import Transaction, keyring

from registers.domain.contacts import Address
from registers.domain.plans import Plan, SocialWorker
from registers.store.contacts import told_of

DROP_PLANS = "delete from part_time_timetable where urn = $1 and pupil_id = any($2::uuid[])"
ADD_PLANS = """
insert into part_time_timetable (urn, pupil_id, from_date, to_date, review_on, reviewed_on, agreed_by)
values ($1, $2, $3, $4, $5, $6, $7)
"""
PLANS = """
select t.urn, p.pupil_id::text as said_of, coalesce(p.survivor, p.pupil_id)::text as pupil_id, t.from_date,
    t.to_date, t.review_on, t.reviewed_on, t.agreed_by
from part_time_timetable as t join pupil as p using (pupil_id)
where t.from_date <= $1 and (t.to_date is null or t.to_date >= $1)
    and ($2::int is null or t.urn = $2) and ($3::int[] is null or t.urn = any($3))
    and (not $4 or (t.review_on < $1 and (t.reviewed_on is null or t.reviewed_on < t.review_on)))
    and (t.urn, coalesce(p.survivor, p.pupil_id), t.from_date) > ($5, $6::uuid, $7)
order by t.urn, coalesce(p.survivor, p.pupil_id), t.from_date limit $8
"""

DROP_SOCIAL_WORKERS = "delete from social_worker where pupil_id = any($1::uuid[])"
ADD_SOCIAL_WORKERS = """
insert into social_worker (pupil_id, place, told, from_date, to_date) values ($1, $2, $3, $4, $5)
"""
SOCIAL_WORKERS = """
select pupil_id::text, place, told, from_date, to_date from social_worker
where pupil_id = any($1::uuid[]) order by from_date, place, pupil_id
"""

SHARED = """
with own as (
    select distinct household from contact
    where pupil_id = $1 and household is not null and ($2::int[] is null or urn = any($2))
        and (from_date is null or from_date <= $3) and (to_date is null or to_date >= $3)
        and not coalesce(barred_from <= $3 and (barred_to is null or barred_to >= $3), false)
)
select c.household::text as household, c.pupil_id::text as pupil_id, c.contact_id::text as contact_id, c.told
from contact as c join own using (household) join pupil as p on p.pupil_id = c.pupil_id and p.survivor is null
where (c.from_date is null or c.from_date <= $3) and (c.to_date is null or c.to_date >= $3)
    and not coalesce(c.barred_from <= $3 and (c.barred_to is null or c.barred_to >= $3), false)
    and ($2::int[] is null or c.urn = any($2))
order by 1, 2
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
    ring = keyring(tx)
    rows = [(*plan[:-1], ring.seal_json(plan.agreed_by, _plan(urn, pupil_id, plan.start))) for plan in plans]
    await tx.executemany(ADD_PLANS, [(urn, pupil_id, *row) for row in rows])


async def plans(
    tx: Transaction,
    on: date,
    urn: int | None,
    schools: Collection[int] | None,
    overdue: bool,
    after: tuple[int, str, date],
    limit: int,
) -> list[dict[str, Any]]:
    """The plans in force on a day, by school, child (living id) and first day; with `overdue` only such."""
    among = None if schools is None else list(schools)
    rows = [dict(row) for row in await tx.fetch(PLANS, on, urn, among, overdue, *after, limit)]
    for row in rows:
        place = _plan(row["urn"], row.pop("said_of"), row["from_date"])
        row["agreed_by"] = keyring(tx).open_json(row["agreed_by"], place, list[str])
    return rows


async def put_social_workers(
    tx: Transaction, ids: Collection[str], pupil_id: str, workers: Sequence[SocialWorker]
) -> None:
    """Makes these the social workers of a child (with all its `ids`)."""
    await tx.execute(DROP_SOCIAL_WORKERS, list(ids))
    ring = keyring(tx)
    rows = [
        (pupil_id, place, ring.seal_json(worker[:3], f"social_worker/{pupil_id}/{place}"), worker.start, worker.end)
        for place, worker in enumerate(workers)
    ]
    await tx.executemany(ADD_SOCIAL_WORKERS, rows)


async def social_workers(tx: Transaction, ids: Collection[str]) -> list[SocialWorker]:
    """The social workers of a child, by their first day."""
    found: list[SocialWorker] = []
    for pupil_id, place, told, *days in await tx.fetch(SOCIAL_WORKERS, list(ids)):
        who = keyring(tx).open_json(told, f"social_worker/{pupil_id}/{place}", tuple[str, str | None, str | None])
        found.append(SocialWorker(*who, *days))
    return found


class Lives(NamedTuple):
    """That a child lives in a household, and at what address, as one of its contacts writes it."""

    household: str
    pupil_id: str
    address: Address


async def households(tx: Transaction, pupil_id: str, schools: Collection[int] | None, on: date) -> list[Lives]:
    """The households of a child (living id) on a day, as contacts at those schools have them, and who lives in each."""
    found: dict[tuple[str, str], Address] = {}
    for household, child, contact_id, sealed in await tx.fetch(
        SHARED, pupil_id, None if schools is None else list(schools), on
    ):
        written = told_of(tx, contact_id, sealed).address
        assert written is not None, "a household is an address"
        known = found.setdefault((household, child), written)
        found[household, child] = min(known, written, key=lambda one: (one.lines, one.postcode or ""))
    return [Lives(*key, address) for key, address in found.items()]


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


def _plan(urn: int, pupil_id: str, first: date) -> str:
    return f"part_time_timetable/{urn}/{pupil_id}/{first}"
