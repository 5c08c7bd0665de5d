"""What a school's system asks at the end of a day: what stands by session, as counts and a digest; what stands and
waits in one session; which schools are silent, and how each is connected.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from common.academic import Session
from common.db import Transaction

from registers.store import upns
from registers.store.reading import with_keys

SUMMARY = """
with recursive marked(date) as (
    (select date from mark where urn = $1 and date between $2 and $3 order by date limit 1)
    union all
    select (select m.date from mark as m where m.urn = $1 and m.date > marked.date and m.date <= $3 order by 1 limit 1)
    from marked where marked.date is not null
),
day as materialized (
    select date from marked where date is not null
    union select date from unresolved where urn = $1 and date between $2 and $3
    union select date from calendar_day where urn = $1 and date between $2 and $3
    order by date limit $4
),
name as materialized (
    select pupil_id, min(local_id collate "C") as local_id from school_pupil where urn = $1 group by pupil_id
),
standing as (
    select m.date, m.session, m.code,
        case $5 when 'local_id' then name.local_id when 'upn' then living.upn_key else living.pupil_id::text end as key
    from day join mark as m on m.urn = $1 and m.date = day.date and m.standing and m.code is not null
    join pupil as p using (pupil_id)
    join pupil as living on living.pupil_id = coalesce(p.survivor, p.pupil_id)
    left join name on name.pupil_id = living.pupil_id
),
counted as (
    select date, session, count(*) as marks, count(*) - count(key) as without_key,
        string_agg(key || '|' || code, e'\\n' order by key || '|' || code collate "C") as lines
    from standing group by date, session
),
waiting as (
    select date, session, count(*) as waiting from (
        select m.date, m.session from day join mark as m on m.urn = $1 and m.date = day.date and m.problem is not null
        union all
        select u.date, u.session from day join unresolved as u on u.urn = $1 and u.date = day.date
    ) as w group by date, session
)
select day.date, half.session, coalesce(case half.session when 0 then c.am else c.pm end, false) as is_open,
    coalesce(counted.marks, 0) as marks, coalesce(waiting.waiting, 0) as waiting,
    coalesce(counted.without_key, 0) as without_key,
    encode(sha256(convert_to(coalesce(counted.lines, ''), 'UTF8')), 'hex') as digest
from day cross join (values (0), (1)) as half(session)
left join calendar_day as c on c.urn = $1 and c.date = day.date
left join counted on counted.date = day.date and counted.session = half.session
left join waiting on waiting.date = day.date and waiting.session = half.session
order by day.date, half.session
"""
"""Two rows per day on which the school is open or has sent something. The days with marks are found by leaps through
the primary key: a year of marks holds few of them. By UPN the lines have its key, which no school knows: `summary`
makes that digest itself.
"""

STANDING_BY_UPN = """
select m.date, m.session, array_agg(living.upn_key) as keys, array_agg(m.code) as codes
from mark as m join pupil as p using (pupil_id)
join pupil as living on living.pupil_id = coalesce(p.survivor, p.pupil_id)
where m.urn = $1 and m.date = any($2::date[]) and m.standing and m.code is not null and living.upn_key is not null
group by m.date, m.session
"""

STANDING_OR_WAITING = """
select m.session, coalesce(p.survivor, p.pupil_id)::text as pupil_id,
    (select min(local_id collate "C") from school_pupil as n
        where n.urn = m.urn and n.pupil_id = coalesce(p.survivor, p.pupil_id)) as local_id,
    null as key_kind, null as key, m.code, m.problem, m.received, m.place
from mark as m join pupil as p using (pupil_id)
where m.urn = $1 and m.date = $2 and m.session = any($3::smallint[])
    and (m.standing and m.code is not null or m.problem is not null)
union all
select session, null, null, key_kind, key, code, problem, received, place
from unresolved where urn = $1 and date = $2 and session = any($3::smallint[])
order by session, pupil_id, received, place
"""

CODES = """
select date, session, code, problem, count(*) as marks from (
    select m.date, m.session, m.code, m.problem from mark as m
    where m.urn = $1 and m.date between $2 and $3 and (m.standing and m.code is not null or m.problem is not null)
    union all
    select u.date, u.session, u.code, u.problem from unresolved as u where u.urn = $1 and u.date between $2 and $3
) as either
group by date, session, code, problem order by date, session, code, problem nulls first
"""

SILENT = """
select s.urn, s.name, has_calendar, days.school_days::int, last.date, last.session, b.received_at,
    c.kind, c.state, c.contact_role, c.since, c.changed_at
from school as s
left join connection as c using (urn)
left join lateral (
    select * from (
        (select date, session, received from mark as m where m.urn = s.urn and m.date <= $1 and m.code is not null
            order by date desc, session desc, received desc limit 1)
        union all
        (select date, session, received from unresolved as u where u.urn = s.urn and u.date <= $1
            order by date desc, session desc, received desc limit 1)
    ) as either order by date desc, session desc, received desc limit 1
) as last on true
left join submission as b on b.received = last.received
cross join lateral (
    select count(*) as school_days from calendar_day as d
    where d.urn = s.urn and (d.am or d.pm) and d.date < $1 and (last.date is null or d.date > last.date)
) as days
cross join lateral (
    select exists (select from calendar as k where k.urn = s.urn and k.academic_year = $2) as has_calendar
) as given
where s.urn > $3 and ($4::int[] is null or s.urn = any($4))
    and coalesce(s.opened_on <= $1, true) and coalesce(s.closed_on >= $1, true)
    and ($5::date is null or last.date is null or last.date < $5)
    and (days.school_days >= $6 or not has_calendar)
order by s.urn limit $7
"""
"""Schools that are not closed, without a register for some of their own days, or without a calendar to tell by."""

CONNECTION = "select kind, state, contact_role, since, changed_at from connection where urn = $1"
CONNECT = """
insert into connection as c (urn, kind, state, contact_role, since, changed_at) values ($1, $2, $3, $4, $5, $6)
on conflict (urn) do update set kind = excluded.kind, state = excluded.state, contact_role = excluded.contact_role,
    since = excluded.since, changed_at = excluded.changed_at
where (c.kind, c.state, c.contact_role, c.since)
    is distinct from (excluded.kind, excluded.state, excluded.contact_role, excluded.since)
"""


async def summary(tx: Transaction, urn: int, first: date, last: date, key: str, limit: int) -> list[dict[str, Any]]:
    """The two sessions of each of the first `limit` days from `first` to `last`: counts, and the digest of what stands
    by `key` (local_id, upn or pupil_id).
    """
    rows = [dict(row) for row in await tx.fetch(SUMMARY, urn, first, last, limit, key)]
    if key == "upn":
        digests = await _digests_by_upn(tx, urn, {row["date"] for row in rows})
        for row in rows:
            row["digest"] = digests.get((row["date"], row["session"]), row["digest"])
    return rows


async def _digests_by_upn(tx: Transaction, urn: int, days: Collection[date]) -> dict[tuple[date, int], str]:
    """The digests of what stands on some days, by day and session, as SUMMARY makes them of other keys."""
    rows = await tx.fetch(STANDING_BY_UPN, urn, list(days))
    told = await upns.texts(tx, (key for row in rows for key in row["keys"]))
    found: dict[tuple[date, int], str] = {}
    for day, session, keys, codes in rows:
        lines = sorted(f"{told[key]}|{code}".encode() for key, code in zip(keys, codes, strict=True))
        found[day, session] = hashlib.sha256(b"\n".join(lines)).hexdigest()
    return found


async def standing_or_waiting(
    tx: Transaction, urn: int, on: date, sessions: Collection[Session]
) -> list[dict[str, Any]]:
    """The marks that stand (no problem) or wait (with one) in some sessions of a day, by child; those of unknown pupils
    last, with their key.
    """
    return await with_keys(tx, await tx.fetch(STANDING_OR_WAITING, urn, on, sorted(sessions)))


async def codes(tx: Transaction, urn: int, first: date, last: date) -> Sequence[Any]:
    """How many marks stand (no problem) or wait (by problem) with each code, by session."""
    return await tx.fetch(CODES, urn, first, last)


async def silent(
    tx: Transaction,
    today: date,
    year: int,
    since: date | None,
    school_days: int,
    after: int,
    among: Collection[int] | None,
    limit: int,
) -> Sequence[Any]:
    """Schools (from the one after `after` on, `among` some when given) with no register for at least `school_days` of
    their days before today, nor for a day from `since` on; and those without a calendar of academic year `year`.
    """
    listed = None if among is None else sorted(among)
    return await tx.fetch(SILENT, today, year, after, listed, since, school_days, limit)


async def connection(tx: Transaction, urn: int) -> Any:
    """How a school is connected; None while nobody has said."""
    return await tx.fetchrow(CONNECTION, urn)


async def connect(
    tx: Transaction, urn: int, kind: str, state: str, contact_role: str | None, since: date | None, now: datetime
) -> None:
    """Says how a school is connected; saying it again changes nothing."""
    await tx.execute(CONNECT, urn, kind, state, contact_role, since, now)
