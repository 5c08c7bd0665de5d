"""Slots: what was sent for a child in a session, kept for ever, and what was last decided about it.

Here whole slots are read to be judged anew, and verdicts changed; how marks come in is in `registers`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from common.academic import Session
from common.db import Transaction

from registers.domain.calendars import admits
from registers.domain.register import Changed
from registers.domain.settling import Placed
from registers.domain.standing import Entry
from registers.store import year_groups
from registers.store.details import details_of
from registers.store.upns import BROUGHT, FORMER

CHANGE = """
update mark as m set rank = c.rank, standing = c.standing, problem = c.problem
from unnest($2::date[], $3::smallint[], $4::uuid[], $5::bigint[], $6::smallint[], $7::bigint[], $8::bool[], $9::text[])
    as c(date, session, pupil_id, received, place, rank, standing, problem)
where m.urn = $1 and m.date = c.date and m.session = c.session and m.pupil_id = c.pupil_id
    and m.received = c.received and m.place = c.place
"""

PLACED = """
with chosen as ({chosen})
select m.date, m.session, m.child::text as child,
    coalesce(case m.session when 0 then c.am else c.pm end, false)
        and m.date between coalesce(s.opened_on, m.date) and coalesce(s.closed_on, m.date) as is_open,
    case m.session when 0 then c.am_groups else c.pm_groups end as groups,
    exists (
        select from enrolment as e where e.urn = m.urn and e.pupil_id = m.child
            and e.from_date <= m.date and coalesce(e.to_date >= m.date, true)
    ) as is_enrolled,
    m.pupil_id::text as pupil_id, m.received, m.place, m.version, m.code, m.details, m.rank, m.standing, m.problem
from chosen as m join school as s on s.urn = m.urn
left join calendar_day as c on c.urn = m.urn and c.date = m.date
order by m.date, m.session, m.child, m.received, m.place
"""
OF_CHILDREN = PLACED.format(
    chosen="""
    with span as (select * from unnest($2::uuid[], $3::date[], $4::date[]) as s(child, first, last)),
    id as (
        select s.*, s.child as pupil_id from span as s
        union all
        select s.*, dead.pupil_id from span as s join pupil as dead on dead.survivor = s.child
    )
    select m.*, id.child
    from id join mark as m on m.urn = $1 and m.pupil_id = id.pupil_id and m.date between id.first and id.last
    """
)
OF_SESSIONS = PLACED.format(
    chosen="""
    select m.*, coalesce(p.survivor, p.pupil_id) as child
    from unnest($2::date[], $3::smallint[]) as s(date, session)
    join mark as m on m.urn = $1 and m.date = s.date and m.session = s.session
    join pupil as p using (pupil_id)
    """
)
DAYS_WITH_MARKS = """
with recursive marked(date) as (
    (select date from mark where urn = $1 and date between $2 and $3 order by date limit 1)
    union all
    select (select m.date from mark as m where m.urn = $1 and m.date > marked.date and m.date <= $3 order by 1 limit 1)
    from marked where marked.date is not null
)
select date from marked where date is not null order by date
"""
"""By leaps through the primary key: days in between cost nothing, however many they are."""
SCHOOLS_DUE = """
select urn, array_agg(distinct date order by date) as days from mark
where problem = 'future-date' and date <= $1 group by urn order by urn
"""
SCHOOLS_EARLY = """
select distinct urn from mark where date > $1 and (standing or problem <> 'future-date') order by urn
"""

FIND_PUPILS = f"""
with resolved as (
    select u.received, u.place, p.pupil_id, coalesce(p.survivor, p.pupil_id) as child
    from unresolved as u
    left join school_pupil as by_local
        on u.key_kind = 'local_id' and by_local.urn = u.urn and by_local.local_id = u.key
    left join pupil as by_upn on u.key_kind = 'upn' and by_upn.upn_key = u.key
    left join pupil as holder
        on u.key_kind = 'upn' and holder.pupil_id = coalesce(by_upn.pupil_id, ({FORMER.format(key="u.key")}))
    join pupil as p on p.pupil_id = case u.key_kind
        when 'local_id' then by_local.pupil_id
        when 'upn' then coalesce(
            ({BROUGHT.format(key="u.key", holder="coalesce(holder.survivor, holder.pupil_id)")}), holder.pupil_id
        )
        else case when u.key ~ '^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}$' then u.key::uuid end
    end
    where u.urn = $1
),
found as materialized (
    select * from resolved as r
    where exists (select from school_pupil as s where s.pupil_id = r.child and s.urn = $1) limit $2
),
moved as (
    delete from unresolved as u using found as f where u.received = f.received and u.place = f.place
    returning u.*, f.pupil_id, f.child
),
kept as (
    insert into mark (urn, date, session, pupil_id, received, place, version, code, details, rank, standing,
        problem, unexplained)
    select urn, date, session, pupil_id, received, place, version, code, details, 0, false, null, false from moved
)
select child::text, date, received, place from moved
"""  # noqa: S608 - put together from constants
"""A mark is kept for the id that its key named, a dead one too: it goes with that id where a merge is undone."""


class Arrived(NamedTuple):
    """A mark that waited for its pupil until now; `pupil_id` is the child that lives."""

    pupil_id: str
    on: date
    received: int
    place: int


def entry_of(tx: Transaction, row: Any) -> Entry:
    """The entry in a row of `mark`, or of what reads it."""
    return Entry(
        row["pupil_id"],
        row["received"],
        row["place"],
        row["version"],
        row["code"],
        details_of(tx, row["details"], row["received"], row["place"]),
        row["rank"],
        row["standing"],
        row["problem"],
    )


async def change(tx: Transaction, urn: int, changed: Sequence[Changed]) -> None:
    """Notes new verdicts on entries that are kept already."""
    if changed:
        rows = [(c.on, c.session, c.entry.pupil_id, c.entry.received, c.entry.place, *c.verdict) for c in changed]
        await tx.execute(CHANGE, urn, *columns(rows, 8))


async def slots_of_children(tx: Transaction, urn: int, spans: Sequence[tuple[str, date, date]]) -> list[Placed]:
    """The whole slots of some children (living id, once each; first and last day) at a school, ready for `settle`."""
    return await _placed(tx, urn, await tx.fetch(OF_CHILDREN, urn, *columns(spans, 3)))


async def slots_of_sessions(tx: Transaction, urn: int, sessions: Sequence[tuple[date, Session]]) -> list[Placed]:
    """The whole slots of some sessions at a school, ready for `settle`."""
    return await _placed(tx, urn, await tx.fetch(OF_SESSIONS, urn, *columns(sessions, 2)))


async def days_with_marks(tx: Transaction, urn: int, first: date, last: date = date.max) -> list[date]:
    """The days from `first` to `last` for which the school has sent marks, in order."""
    return [row["date"] for row in await tx.fetch(DAYS_WITH_MARKS, urn, first, last)]


async def schools_with_days_due(tx: Transaction, today: date) -> dict[int, list[date]]:
    """By school, the days that have come for which marks are waiting."""
    return {row["urn"]: row["days"] for row in await tx.fetch(SCHOOLS_DUE, today)}


async def schools_with_marks_after(tx: Transaction, today: date) -> list[int]:
    """Schools where a mark for a day after today stands, or waits for another reason: the clock was turned back."""
    return [row["urn"] for row in await tx.fetch(SCHOOLS_EARLY, today)]


async def find_pupils(tx: Transaction, urn: int, most: int) -> list[Arrived]:
    """Moves the marks whose pupil the school knows by now, at most so many, to their slots, where they are still to be
    judged.
    """
    return [Arrived(*row.values()) for row in await tx.fetch(FIND_PUPILS, urn, most)]


async def _placed(tx: Transaction, urn: int, rows: Sequence[Any]) -> list[Placed]:
    said = await year_groups.said(tx, {(urn, row["child"]) for row in rows if row["groups"] is not None})
    return [
        Placed(
            row["date"],
            Session(row["session"]),
            row["child"],
            row["is_open"] and admits(row["groups"], said.get((urn, row["child"]), {}), row["date"]),
            row["is_enrolled"],
            entry_of(tx, row),
        )
        for row in rows
    ]


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
