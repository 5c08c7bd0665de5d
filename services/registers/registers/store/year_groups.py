"""The year groups in which schools teach children, by academic year: what staggered days are judged by."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.db import Transaction

from registers.domain.calendars import year_group_in

SAID = """
with asked as materialized (select * from unnest($1::int[], $2::text[]::uuid[]) with ordinality as a(urn, child, n)),
ids as (
    select urn, child, n, child as pupil_id from asked
    union all
    select asked.urn, asked.child, asked.n, dead.pupil_id
    from asked join pupil as dead on dead.survivor = asked.child where dead.survivor is not null
)
select ids.n, y.academic_year, y.year_group
from ids join year_group as y on y.urn = ids.urn and y.pupil_id = ids.pupil_id
order by y.pupil_id = ids.child, y.pupil_id
"""
"""One join for all: child by child, a roll of 5,000 would read the year groups of its school 5,000 times."""
KEEP = """
insert into year_group (urn, pupil_id, academic_year, year_group)
select $1, g.pupil_id, $2, g.year_group from unnest($3::text[]::uuid[], $4::smallint[]) as g(pupil_id, year_group)
on conflict (urn, pupil_id, academic_year) do update set year_group = excluded.year_group
"""
HAS_STAGGERED = """
select exists (select from calendar_day where urn = $1 and (am_groups is not null or pm_groups is not null))
"""

Said = Mapping[int, int | None]
"""The year groups that were said of one child, by academic year."""


async def said(tx: Transaction, children: Collection[tuple[int, str]]) -> dict[tuple[int, str], Said]:
    """What schools said of living children, by (URN, child), under any id of the child: what was said under its own
    goes before what was said under a dead one, of those the last in order.
    """
    asked = list(children)
    found: dict[tuple[int, str], dict[int, int | None]] = {}
    if not asked:
        return {}
    rows: Sequence[Any] = await tx.fetch(SAID, [urn for urn, _ in asked], [child for _, child in asked])
    for row in rows:
        found.setdefault(asked[row["n"] - 1], {})[row["academic_year"]] = row["year_group"]
    return dict(found)


async def say(tx: Transaction, urn: int, year: int, groups: Mapping[str, int | None]) -> set[str]:
    """Notes the year groups of children in an academic year; those of whom that is news."""
    known = await said(tx, [(urn, child) for child in groups])
    news = {
        child: group for child, group in groups.items() if year_group_in(known.get((urn, child), {}), year) != group
    }
    if news:
        await tx.execute(KEEP, urn, year, list(news), list(news.values()))
    return set(news)


async def has_staggered_days(tx: Transaction, urn: int) -> bool:
    """Whether the school ever listed a day for some year groups only."""
    return await tx.fetchval(HAS_STAGGERED, urn)
