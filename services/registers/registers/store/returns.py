"""Admissions to a school's roll and deletions from it, read from the stays, with what a return about them says."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from common.academic import Session
from common.db import Transaction

from registers.domain.returns import Classes, year_group
from registers.store.pupils import went_to
from registers.store.reading import with_names

PUPIL = """
select {on} as day, e.pupil_id::text as pupil_id, e.from_date, e.to_date, e.kind, e.home_la, e.leaving_reason,
    e.went_to, p.upn_key, p.names, p.date_of_birth, p.sex, p.year_group,
    array(
        select local_id from school_pupil as n where n.urn = e.urn and n.pupil_id = e.pupil_id order by 1
    ) as local_ids,
    exists (
        select from enrolment as before
        where before.urn = e.urn and before.pupil_id = e.pupil_id and before.to_date < e.from_date
    ) as was_here_before,
    (
        select o.urn from enrolment as o
        where o.pupil_id = e.pupil_id and o.urn <> e.urn and o.kind <> 'guest'
            and ($6::int[] is null or o.urn = any($6)) and {other}
        order by o.from_date desc, o.urn limit 1
    ) as other_school
from enrolment as e join pupil as p using (pupil_id)
where e.urn = $1 and e.kind <> 'guest' and {on} between $2 and $3 and ({on}, e.pupil_id) > ($4, $5::uuid)
    and not exists (
        select from enrolment as near where near.urn = e.urn and near.pupil_id = e.pupil_id and {goes_on}
    )
order by 1, 2 limit $7
"""
ADMISSIONS = PUPIL.format(on="e.from_date", other="o.from_date < e.from_date", goes_on="near.to_date = e.from_date - 1")
"""`other_school`: the one the child was at before, of those that the caller may see."""
DELETIONS = PUPIL.format(
    on="(e.to_date + 1)", other="coalesce(o.to_date > e.to_date, true)", goes_on="near.from_date = e.to_date + 1"
)
"""`other_school`: one where the child stays on, or went, of those that the caller may see. The day is the one after the
stay's last.
"""

CLASSES = """
select y.year, max(p.date_of_birth) as youngest, min(p.date_of_birth) as oldest,
    (select min(date) from calendar_day as d
        where d.urn = $1 and (d.am or d.pm) and d.date between make_date(y.year, 8, 1) and make_date(y.year + 1, 7, 31)
    ) as first_day
from unnest($2::int[]) as y(year)
join enrolment as e on e.urn = $1 and e.kind <> 'guest' and e.from_date <= make_date(y.year + 1, 7, 31)
    and coalesce(e.to_date >= make_date(y.year, 8, 1), true)
join pupil as p using (pupil_id)
where p.date_of_birth is not null
group by y.year
"""

MARKS = """
select child.pupil_id::text as pupil_id, m.date, m.session, m.code
from unnest($2::uuid[], $3::date[], $4::date[]) as child(pupil_id, first, last)
cross join lateral (
    select child.pupil_id as id union all select dead.pupil_id from pupil as dead where dead.survivor = child.pupil_id
) as ids
join mark as m on m.urn = $1 and m.pupil_id = ids.id and m.date between child.first and child.last
    and m.standing and m.code is not null
order by 1, 2, 3
"""


async def admissions(
    tx: Transaction,
    urn: int,
    span: tuple[date, date],
    after: tuple[date, str],
    among: Collection[int] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The stays that began at a school within a span of days, by (day, pupil) from the one after `after` on."""
    listed = None if among is None else sorted(among)
    return await _opened(tx, urn, await tx.fetch(ADMISSIONS, urn, *span, *after, listed, limit))


async def deletions(
    tx: Transaction,
    urn: int,
    span: tuple[date, date],
    after: tuple[date, str],
    among: Collection[int] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The stays that were over at a school from a day within a span on, by (day, pupil) from the one after `after`."""
    listed = None if among is None else sorted(among)
    return await _opened(tx, urn, await tx.fetch(DELETIONS, urn, *span, *after, listed, limit))


async def _opened(tx: Transaction, urn: int, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of stays with all that is sealed of them."""
    found = await with_names(tx, rows)
    for row in found:
        went = went_to(tx, urn, row["pupil_id"], row["from_date"], row.pop("went_to"))
        row["destination"] = went.destination
    return found


async def classes(tx: Transaction, urn: int, years: Collection[int]) -> dict[int, Classes]:
    """The school's youngest and oldest year groups in some academic years; years without pupils are missing."""
    return {
        row["year"]: Classes(
            year_group(row["youngest"], row["year"]), year_group(row["oldest"], row["year"]), row["first_day"]
        )
        for row in await tx.fetch(CLASSES, urn, sorted(years))
    }


async def marks(
    tx: Transaction, urn: int, spans: Sequence[tuple[str, date, date]]
) -> dict[str, list[tuple[date, Session, str]]]:
    """The marks that stand for some children (living ids) at a school, each within a span of days, in order."""
    found: dict[str, list[tuple[date, Session, str]]] = {}
    columns = [list(column) for column in zip(*spans, strict=True)] if spans else [[], [], []]
    for row in await tx.fetch(MARKS, urn, *columns):
        found.setdefault(row["pupil_id"], []).append((row["date"], Session(row["session"]), row["code"]))
    return found
