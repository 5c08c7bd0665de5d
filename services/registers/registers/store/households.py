"""What households of children are made of: where their contacts live, and who was said to be a sibling of whom."""

from collections.abc import Collection

from common.db import Transaction

from registers.domain.contacts import Barred, household_at
from registers.domain.households import Made, Pair, at_home
from registers.store.contacts import told_of

HOMES = """
select pupil_id::text, contact_id::text, told, from_date, to_date, barred_from, barred_to from contact
where pupil_id = any($1::uuid[]) and household is not null and urn is distinct from $2
"""
PAIRS = """
with ids as materialized (
    select child, child as pupil_id from unnest($1::uuid[]) as c(child)
    union all
    select survivor, pupil_id from pupil where survivor is not null and survivor = any($1::uuid[])
)
select child::text, s.pupil_id::text, other::text, is_sibling from ids join sibling as s using (pupil_id)
union all
select child::text, s.pupil_id::text, other::text, is_sibling from ids join sibling as s on s.other = ids.pupil_id
"""
TOLD_TO = "select distinct pupil_id from school_pupil where urn = $1 and pupil_id > $2 order by pupil_id limit $3"


async def of_children(tx: Transaction, children: Collection[str], *, but: int | None = None) -> dict[str, Made]:
    """Homes and pairs of these children (living ids); homes without those that the school `but` knows of."""
    found = {child: Made([], []) for child in children}
    for child, contact_id, told, first, last, barred, until in await tx.fetch(HOMES, list(children), but):
        bar = None if barred is None else Barred(barred, until)
        address = told_of(tx, contact_id, told).address
        if address is not None and (where := household_at(address)) is not None:
            found[child].homes.extend(at_home(where, first, last, bar))
    for child, *pair in await tx.fetch(PAIRS, list(children)):
        found[child].pairs.append(Pair(*pair))
    return found


async def known_at(tx: Transaction, urn: int, after: str, limit: int) -> list[str]:
    """The children whom a school knows, by id, those after one."""
    return [str(row[0]) for row in await tx.fetch(TOLD_TO, urn, after, limit)]
