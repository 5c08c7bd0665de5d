"""What is still to be judged anew: kept in the transaction of the change, worked off in chunks, gone when all is done.

A job is the rest of one change: the marks of some days, of everybody or of some children, or those that wait for pupils
whom the school knows by now. Its `days` grow fewer with every chunk, in the chunk's own transaction: a job that is cut
off goes on where it was. Jobs stay, done, until the last one of their school is: then they tell what they came to.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from itertools import product
from typing import NamedTuple

from common.academic import Session
from common.db import Transaction

from registers.domain.settling import Placed
from registers.store import marks
from registers.store.marks import columns

SESSIONS, CHILDREN, ARRIVALS = "sessions", "children", "arrivals"
Span = tuple[str, date, date]
"""A living child, the first and the last day."""

IN_SESSIONS = """
select count(*) from (
    select from unnest($2::date[], $3::smallint[]) as s(date, session) cross join lateral (
        select from mark as m where m.urn = $1 and m.date = s.date and m.session = s.session offset 0
    ) as m limit $4
) as found
"""
OF_SPANS = """
select count(*) from (
    select from (
        select s.child as pupil_id, s.first, s.last from unnest($2::uuid[], $3::date[], $4::date[])
            as s(child, first, last)
        union all
        select dead.pupil_id, s.first, s.last from unnest($2::uuid[], $3::date[], $4::date[]) as s(child, first, last)
            join pupil as dead on dead.survivor = s.child
    ) as id cross join lateral (
        select from mark as m
        where m.urn = $1 and m.pupil_id = id.pupil_id and m.date between id.first and id.last offset 0
    ) as m limit $5
) as found
"""
WAITING_SESSIONS = "select count(*) from (select distinct date, session from unresolved where urn = $1) as found"
BEGIN = """
insert into rejudging (urn, what, begun_at, days, pupils, firsts, lasts)
values ($1, $2, $3, $4::date[], $5::uuid[], $6::date[], $7::date[])
"""
SCHOOLS = "select distinct urn from rejudging order by urn"
NEXT = """
select id, what, days[1:$2] as days from rejudging where urn = $1 and not done order by id limit 1
"""
SPANS = """
select coalesce(p.survivor, p.pupil_id)::text, greatest(min(s.first), $2), least(max(s.last), $3)
from rejudging as r cross join lateral unnest(r.pupils, r.firsts, r.lasts) as s(pupil_id, first, last)
join pupil as p on p.pupil_id = s.pupil_id
where r.id = $1 and s.first <= $3 and s.last >= $2
group by 1
"""
ADVANCE = """
update rejudging set days = days[$2 + 1:], done = $3 or cardinality(days) = $2 and what <> 'arrivals',
    sessions = sessions + $4, moved = moved + $5
where id = $1
"""
END = """
with gone as (
    delete from rejudging where urn = $1 and not exists (select from rejudging where urn = $1 and not done)
    returning sessions, moved
)
select sum(sessions) as sessions, sum(moved)::bigint as moved from gone having count(*) > 0
"""


class Job(NamedTuple):
    """The rest of a change, or the part of it that is next: `days` are to be judged now."""

    id: int
    what: str
    days: Sequence[date]


async def in_sessions(tx: Transaction, urn: int, sessions: Sequence[tuple[date, Session]], most: int) -> int:
    """How many marks a school has sent for some sessions; `most` when there are as many or more."""
    return await tx.fetchval(IN_SESSIONS, urn, *columns(sessions, 2), most)


async def in_spans(tx: Transaction, urn: int, spans: Sequence[Span], most: int) -> int:
    """How many marks a school has sent for some children within spans of days; `most` when as many or more."""
    return await tx.fetchval(OF_SPANS, urn, *columns(spans, 3), most)


async def waiting_sessions(tx: Transaction, urn: int) -> int:
    """Of how many sessions marks wait for a pupil whom the school does not know."""
    return await tx.fetchval(WAITING_SESSIONS, urn)


async def begin(
    tx: Transaction, urn: int, what: str, now: datetime, days: Collection[date] = (), spans: Sequence[Span] = ()
) -> None:
    """Keeps a job; the school is locked."""
    await tx.execute(BEGIN, urn, what, now, sorted(days), *columns(spans, 3))


async def schools(tx: Transaction) -> list[int]:
    """The schools that are being recalculated, in URN order."""
    return [row["urn"] for row in await tx.fetch(SCHOOLS)]


async def next_job(tx: Transaction, urn: int, days: int) -> Job | None:
    """The oldest job of a school with its next days, at most so many; None when there is none."""
    row = await tx.fetchrow(NEXT, urn, days)
    return None if row is None else Job(*row.values())


async def slots(tx: Transaction, urn: int, job: Job) -> list[Placed]:
    """The whole slots that a job concerns on its next days, ready for `settle`."""
    if job.what == CHILDREN:
        spans = await tx.fetch(SPANS, job.id, job.days[0], job.days[-1])
        return await marks.slots_of_children(tx, urn, [tuple(row) for row in spans])
    return await marks.slots_of_sessions(tx, urn, list(product(job.days, Session)))


async def advance(tx: Transaction, job: Job, *, done: bool, sessions: int, moved: int) -> None:
    """Notes that the job's days are judged: so many sessions, so many verdicts that are others now. `done`: so is all
    of it, whatever its days say.
    """
    await tx.execute(ADVANCE, job.id, len(job.days), done, sessions, moved)


async def end(tx: Transaction, urn: int) -> tuple[int, int] | None:
    """When all jobs of a school are done: forgets them, and says how many sessions they judged and how many verdicts
    they changed. None while one is not.
    """
    row = await tx.fetchrow(END, urn)
    return (row["sessions"], row["moved"]) if row else None
