"""Flags of children: kept under the id that they were said of, read by the child that this id means now."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from common.db import Transaction

from registers.domain.flags import SOCIAL_WORK, Moved, Span

OF_CHILDREN = """
select ids.child::text, f.pupil_id::text, f.source, f.flag, f.from_date, f.to_date, f.urn
from (
    select child, child as pupil_id from unnest($1::uuid[]) as c(child)
    union all
    select survivor, pupil_id from pupil where survivor is not null and survivor = any($1::uuid[])
) as ids join flag as f using (pupil_id)
order by f.flag, f.from_date, f.source, f.pupil_id
"""
"""The few that died are looked for by themselves: "either id" in one condition would read every pupil."""
KEEP = """
insert into flag (pupil_id, source, flag, from_date, to_date, urn)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::date[], $5::date[], $6::int[])
on conflict (pupil_id, source, flag, from_date) do update set to_date = excluded.to_date, urn = excluded.urn
"""
DROP = """
delete from flag as f using unnest($1::uuid[], $2::text[], $3::text[], $4::date[]) as g(pupil_id, source, flag, start)
where f.pupil_id = g.pupil_id and f.source = g.source and f.flag = g.flag and f.from_date = g.start
"""
AT_SCHOOL = """
select e.pupil_id::text as pupil_id,
    coalesce(jsonb_agg(jsonb_build_object(
        'flag', f.flag, 'from', f.from_date, 'to', f.to_date, 'source', f.source, 'school_urn', f.urn
    ) order by f.flag, f.from_date, f.source) filter (where f.to_date is null or f.to_date >= $2), '[]') as flags,
    bool_or(f.flag = any($5::text[]) and (f.to_date is null or f.to_date >= $2)) as social_worker,
    bool_or(f.flag = any($5::text[]) or f.flag = 'EVER_SOCIAL_WORKER') as ever_social_worker
from (
    select distinct pupil_id from enrolment
    where urn = $1 and from_date <= $2 and (to_date is null or to_date >= $2) and pupil_id > $3
) as e
cross join lateral (
    select e.pupil_id as own union all select p.pupil_id from pupil as p where p.survivor = e.pupil_id
) as ids
join flag as f on f.pupil_id = ids.own and f.from_date <= $2
group by e.pupil_id
having bool_or(f.to_date is null or f.to_date >= $2 or f.flag = any($5::text[]) or f.flag = 'EVER_SOCIAL_WORKER')
order by e.pupil_id limit $4
"""


async def of_children(tx: Transaction, children: Collection[str]) -> dict[str, list[Span]]:
    """All spans of these children (living ids), in order of flag and first day."""
    found: dict[str, list[Span]] = {}
    if children:
        for child, *span in await tx.fetch(OF_CHILDREN, list(children)):
            found.setdefault(child, []).append(Span(*span))
    return found


async def save(tx: Transaction, moved: Sequence[Moved]) -> None:
    """Keeps the spans that changed, and drops those that are gone."""
    if gone := [span[:4] for one in moved for span in one.gone]:
        await tx.execute(DROP, *(list(column) for column in zip(*gone, strict=True)))
    if kept := [span for one in moved for span in one.kept]:
        await tx.execute(KEEP, *(list(column) for column in zip(*kept, strict=True)))


async def at_school(tx: Transaction, urn: int, on: date, after: str, limit: int) -> Sequence[Any]:
    """The pupils on a school's roll on a day of whom a flag holds then, or who had a social worker by then, by id."""
    return await tx.fetch(AT_SCHOOL, urn, on, after, limit, sorted(SOCIAL_WORK))
