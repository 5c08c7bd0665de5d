"""What is doubtful in a school's data (`domain.quality`), in one list: by date, session and arrival.

A page is worked out from a few days, then from more, until it is full or there are no more days.
"""

from collections.abc import Collection
from datetime import date, time
from typing import Any

from common.db import Transaction

from registers.domain.contacts import FIRST_YEAR, LAST_YEAR
from registers.domain.quality import spans
from registers.store.details import details_of, taken_by

EXTENT = """
select least(
    (select min(date) from mark where urn = $1 and date >= $2),
    (select make_date(min(academic_year), 8, 1) from register_times where urn = $1),
    (select min(from_date) from enrolment where urn = $1)
) as first, greatest(
    (select max(date) from mark where urn = $1 and date <= $3),
    (select make_date(max(academic_year), 8, 1) from register_times where urn = $1),
    (select max(from_date) from enrolment where urn = $1)
) as last
"""
"""The first and the last day that anything at a school can be doubtful on. Marks of the years 1 and 9999, which older
versions took, never stand.
"""
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)

LIST = """
with entry as (
    select m.date, m.session, m.received, m.place, coalesce(p.survivor, p.pupil_id) as child, p.year_group, m.code,
        m.details, m.standing, m.unexplained
    from mark as m join pupil as p using (pupil_id)
    where m.urn = $1 and m.date between $17 and $18
        and (m.unexplained or (m.standing and m.details ?| array['arrived_at', 'reason_detail']))
),
arrival as (
    select e.*, (e.details ->> 'arrived_at')::timestamptz at time zone 'Europe/London' as arrived,
        e.date + coalesce(
            (
                select t.closes from register_times as t
                where t.urn = $1 and t.session = e.session and t.year_group in (-99, coalesce(e.year_group, -99))
                    and t.academic_year = extract(year from e.date)::int - (extract(month from e.date) < 8)::int
                order by t.year_group desc limit 1
            ),
            case e.session when 0 then $2::time else $3::time end
        ) as closes
    from entry as e where e.standing and e.details ? 'arrived_at'
),
dual as (
    select here.pupil_id as child, there.urn, greatest(here.from_date, there.from_date, $17) as first,
        least(coalesce(here.to_date, $18), coalesce(there.to_date, $18), $18, $13::date) as last
    from enrolment as here join enrolment as there using (pupil_id)
    where here.urn = $1 and there.urn <> $1 and here.from_date <= $18 and coalesce(here.to_date, $17) >= $17
),
id as (
    select distinct on (dual.child, id.pupil_id) dual.child, id.pupil_id
    from dual cross join lateral (
        select dual.child as pupil_id union all select pupil_id from pupil where survivor = dual.child
    ) as id
    where dual.first <= dual.last
),
twice as (
    select m.date, m.session, m.received, m.place, dual.child, m.code, m.details, min(other.urn) as other_urn
    from dual cross join lateral generate_series(dual.first, dual.last, '1 day') as day(at)
    cross join (values (0::smallint), (1::smallint)) as half(session)
    join id on id.child = dual.child
    cross join lateral (
        select * from mark as m
        where m.urn = $1 and m.date = day.at::date and m.session = half.session and m.pupil_id = id.pupil_id
            and m.standing and m.code <> 'D'
        offset 0
    ) as m
    join id as same on same.child = dual.child
    cross join lateral (
        select other.urn from mark as other
        where other.urn = dual.urn and other.date = m.date and other.session = m.session
            and other.pupil_id = same.pupil_id and other.standing and other.code <> 'D'
        offset 0
    ) as other
    group by 1, 2, 3, 4, 5, 6, 7
),
times as (
    select make_date(t.academic_year, 8, 1) as date, t.session, t.year_group,
        t.closes - t.opens as length, min(t.closes - t.opens) over (partition by t.academic_year) as shortest
    from register_times as t where t.urn = $1
        and make_date(t.academic_year, 8, 1) between $17 and $18
),
taught as (
    select e.pupil_id, e.from_date, p.year_group, ('x' || left(md5(pupil_id::text), 15))::bit(60)::bigint as number,
        extract(year from age(
            make_date(extract(year from $13::date - interval '7 months')::int, 8, 31), p.date_of_birth
        ))::int - 4 as by_age
    from enrolment as e join pupil as p using (pupil_id)
    where e.urn = $1 and e.from_date between $17 and $18
        and $13::date between e.from_date and coalesce(e.to_date, $13::date)
),
aged as (
    select e.pupil_id, e.from_date, ('x' || left(md5(pupil_id::text), 15))::bit(60)::bigint as number
    from enrolment as e join pupil as p using (pupil_id)
    where e.urn = $1 and e.from_date between $17 and $18 and coalesce(e.to_date, $13::date) >= $13::date
        and extract(year from age(e.from_date, p.date_of_birth)) not between $15 and $16
),
announced as (
    select distinct on (m.date, m.session, m.received, m.place) m.date, m.session, m.received, m.place,
        living.pupil_id as child, m.code, m.details, n.notice_id, n.suggested_code
    from absence_notice as n join pupil as p using (pupil_id)
    cross join lateral (select coalesce(p.survivor, p.pupil_id) as pupil_id) as living
    cross join lateral (
        select living.pupil_id union all select dead.pupil_id from pupil as dead where dead.survivor = living.pupil_id
    ) as id
    cross join lateral generate_series(
        greatest(n.first_on, $17), least(coalesce(n.last_on, n.first_on), $13::date, $18), '1 day'
    ) as day(at)
    cross join (values (0::smallint), (1::smallint)) as half(session)
    cross join lateral (
        select * from mark as m
        where m.urn = $1 and m.date = day.at::date and m.session = half.session and m.pupil_id = id.pupil_id
            and m.standing and m.code = any($14::text[])
        offset 0
    ) as m
    where n.current and n.state = 'given' and n.first_on <= $18 and coalesce(n.last_on, n.first_on) >= $17
        and n.urn = any(array(select $1::int union all select urn from school where successor_urn = $1))
        and (m.date, m.session) >= (n.first_on, n.first_session)
        and coalesce((m.date, m.session) <= (n.last_on, n.last_session), true)
        and (m.code <> 'O' or not coalesce(m.details ?| array['reason', 'has_reason', 'reason_detail'], false))
    order by m.date, m.session, m.received, m.place, n.given_at desc, n.notice_id
),
item as (
    select 'correction-without-reason' as kind, date, session, received, place, child, code, details,
        null::int as other_urn, null::uuid as notice_id, null as suggested_code
    from entry where unexplained
    union all
    select 'arrival-disagrees', date, session, received, place, child, code, details, null, null, null
    from arrival
    where case code when 'L' then arrived > closes when 'U' then arrived <= closes else not code = any($4::text[]) end
    union all
    select 'unknown-reason-detail', date, session, received, place, child, code, details, null, null, null
    from entry
    where standing and exists (
        select from jsonb_array_elements_text(details -> 'reason_detail') as named where not named = any($5::text[])
    )
    union all
    select 'two-schools-marked', date, session, received, place, child, code, details, other_urn, null, null from twice
    union all
    select case when code in ('N', 'O') then 'notice-to-judge' else 'present-though-announced' end,
        date, session, received, place, child, code, details, null, notice_id, suggested_code
    from announced
    union all
    select 'register-open-too-long', date, session, 0, year_group, null, null, null, null, null, null
    from times where length > interval '30 minutes'
    union all
    select 'register-times-differ', date, session, 0, year_group, null, null, null, null, null, null
    from times where length > shortest
    union all
    select 'year-group-exception', from_date, 0, number, -1, pupil_id, null, null, null, null, null
    from taught where year_group <> by_age
    union all
    select 'unlikely-age', from_date, 0, number, -1, pupil_id, null, null, null, null, null
    from aged
)
select i.kind, i.date, i.session, i.received, i.place, i.child::text as pupil_id, i.code, i.details, i.other_urn,
    i.notice_id::text as notice_id, i.suggested_code, s.taken_by, s.taker, s.taken_at, s.received_at
from item as i left join submission as s on s.received = i.received and i.place >= 0
where (i.date, i.session, i.received, i.place, i.kind) > ($6, $7, $8, $9, $10) and ($11::text is null or i.kind = $11)
order by i.date, i.session, i.received, i.place, i.kind limit $12
"""
"""A line of the calendar's times stands at the beginning of its year, with its year group in place of a place; a
child's age and year group at the beginning of the stay, with a number made of the child's id in place of an arrival.
"""

Place = tuple[date, int, int, int, str]
"""Where a page goes on: date, session, received, place, kind."""


async def items(
    tx: Transaction,
    urn: int,
    closes: tuple[time, time],
    on_site: Collection[str],
    details: Collection[str],
    after: Place,
    kind: str | None,
    limit: int,
    today: date,
    unsettled: Collection[str],
    ages: tuple[int, int],
    span: tuple[date, date],
) -> list[dict[str, Any]]:
    """What is doubtful at a school in a span of days, those after `after`. `closes`: when registers close at a school
    that has not said so; `on_site`: the codes of pupils who are there; `details`: the reasons that may be named;
    `unsettled`: the codes that do not go with a notice of absence; `ages`: the least and the greatest at which an
    enrolment may well begin.
    """
    extent = await tx.fetchrow(EXTENT, urn, FIRST_DAY, LAST_DAY)
    if extent is None or extent["first"] is None:
        return []
    found: list[dict[str, Any]] = []
    for first, last in spans(max(extent["first"], span[0], after[0]), min(extent["last"], span[1])):
        rows = await tx.fetch(
            LIST, urn, *closes, sorted(on_site), sorted(details), *after, kind, limit - len(found), today,
            sorted(unsettled), *ages, first, last,
        )  # fmt: skip
        found += map(dict, rows)
        if len(found) >= limit:
            break
    for row in found:
        if row["taken_by"] or row["taker"]:
            row["taken_by"] = taken_by(tx, row["received"], row["taken_by"], row["taker"])
        row["details"] = details_of(tx, row["details"], row["received"], row["place"]) if row["details"] else None
    return found
