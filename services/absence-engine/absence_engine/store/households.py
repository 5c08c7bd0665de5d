"""Which children share a household, by the codes that ledgers tell (registers: `docs/decisions/people.md`)."""

from collections.abc import Iterable, Sequence
from datetime import date

from common.arrays import array
from common.db import Transaction
from common.events.registers import PupilFacts

MOST_CHILDREN = 12
"""More at one address are no family: a children's home, a hostel, a refuge."""

FORGET = "delete from household where pupil_id in (select unnest($1::text::uuid[]))"
KEEP = """
insert into household (pupil_id, place, code, from_date, to_date, apart)
select * from unnest($1::text::uuid[], $2::smallint[], $3::text::uuid[], $4::date[], $5::date[], $6::bool[])
"""
SHARED = """
select own.pupil_id::text, own.code::text, other.pupil_id::text
from unnest($1::text::uuid[]) as wanted (pupil_id)
cross join lateral (select * from household as h where h.pupil_id = wanted.pupil_id offset 0) as own
cross join lateral (select * from household as h where h.code = own.code offset 0) as other
cross join lateral (select survivor from child as c where c.pupil_id = other.pupil_id offset 0) as child
where other.pupil_id <> own.pupil_id and not own.apart and not other.apart and child.survivor is null
    and (own.from_date is null or own.from_date <= $2) and (own.to_date is null or own.to_date >= $2)
    and (other.from_date is null or other.from_date <= $2) and (other.to_date is null or other.to_date >= $2)
"""
"""`lateral … offset 0`: some children are looked up. Without statistics, a plain join reads all households."""
APART = """
select own.pupil_id::text, other.pupil_id::text
from unnest($1::text::uuid[]) as wanted (pupil_id)
cross join lateral (select * from household as h where h.pupil_id = wanted.pupil_id and apart offset 0) as own
cross join lateral (select * from household as h where h.code = own.code and apart offset 0) as other
where other.pupil_id <> own.pupil_id
"""
SEEN = """
with asked as materialized (
    select pupil_id as asked, coalesce(survivor, pupil_id) as living
    from unnest($1::text::uuid[]) as wanted (pupil_id) join child using (pupil_id)
),
ids as materialized (
    select asked, living as pupil_id from asked
    union select asked, child.pupil_id from asked join child on survivor = living where survivor is not null
)
select distinct asked::text from ids
where exists (select from enrolment as e where e.pupil_id = ids.pupil_id and e.urn = any($2::int[]))
    or exists (select from sheet as s where s.pupil_id = ids.pupil_id and s.urn = any($2::int[]))
"""


async def keep(tx: Transaction, facts: Sequence[PupilFacts]) -> None:
    """Makes these all that is told of some children's households; their rows must be locked."""
    if not facts:
        return
    await tx.execute(FORGET, array(fact.pupil_id for fact in facts))
    rows = [row for fact in facts for row in _rows(fact)]
    if rows:
        ids, places, codes, first, last, apart = (list(column) for column in zip(*rows, strict=True))
        await tx.execute(KEEP, array(ids), places, array(codes), first, last, apart)


async def siblings(tx: Transaction, pupil_ids: Iterable[str], on: date) -> dict[str, list[str]]:
    """The siblings of these living children on a day (living ids, in order); who has none is left out."""
    wanted = array(pupil_ids)
    homes: dict[tuple[str, str], set[str]] = {}
    for own, code, other in await tx.fetch(SHARED, wanted, on):
        homes.setdefault((own, code), set()).add(other)
    if not homes:
        return {}
    apart = {(own, other) for own, other in await tx.fetch(APART, wanted)}
    found: dict[str, set[str]] = {}
    for (own, _), others in homes.items():
        if len(others) < MOST_CHILDREN and (its := {other for other in others if (own, other) not in apart}):
            found.setdefault(own, set()).update(its)
    return {own: sorted(others) for own, others in found.items()}


async def seen(tx: Transaction, pupil_ids: Iterable[str], urns: Iterable[int]) -> set[str]:
    """Those of these ids whose child is, or was, at one of these schools."""
    return {row[0] for row in await tx.fetch(SEEN, array(pupil_ids), sorted(urns))}


def _rows(fact: PupilFacts) -> list[tuple[str, int, str, date | None, date | None, bool]]:
    told = [(home.code, _day(home.from_), _day(home.to), False) for home in fact.households]
    told += [(code, None, None, True) for code in fact.not_siblings]
    return [(fact.pupil_id, place, *its) for place, its in enumerate(told)]


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)
