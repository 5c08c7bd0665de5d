"""UPNs: every one that a child has had, and whom one means that nobody has now.

`pupil.upn` is the present one; `upn` has it too, with those that were replaced. A UPN means the child who has it, else
the one who had it last, until another child is given it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from common.db import Transaction

FORMER = """
select had.pupil_id from upn as had
where had.upn = {key} and had.replaced_at is not null and had.taken_at is null
order by had.replaced_at desc, had.pupil_id limit 1
"""
"""The id, maybe a dead one, that a UPN meant last."""
BROUGHT = """
select d.pupil_id from pupil as d join identity_change as c on c.other = d.pupil_id
where d.survivor = {holder} and c.kind = 'merge' and c.detail ->> 'upn' = {key}
    and c.number = (select max(number) from identity_change where other = d.pupil_id)
order by c.number limit 1
"""
"""The dead id that brought a UPN to the child whom it means, by the merge that is undone if it lives again."""
OWN = """
select coalesce(
    (
        select had.upn from upn as had where had.pupil_id = {id} and had.taken_at is null
        order by had.replaced_at desc nulls first, had.upn limit 1
    ),
    (
        select p.upn from pupil as p join identity_change as c on c.other = {id}
        where p.pupil_id = {child} and c.kind = 'merge' and c.detail ->> 'upn' = p.upn
        order by c.number desc limit 1
    )
) as upn
"""
"""The UPN of an id that is, or died into, a child: its last that nobody else was given, or that it brought."""

BY_UPN = f"""
select coalesce(p.survivor, p.pupil_id)::text from pupil as p
where p.pupil_id = coalesce((select h.pupil_id from pupil as h where h.upn = $1), ({FORMER.format(key="$1")}))
"""  # noqa: S608 - put together from constants
HAD = """
select u.upn, u.pupil_id::text, coalesce(p.survivor, p.pupil_id)::text as child
from upn as u join pupil as p using (pupil_id)
where u.upn = any($1::text[]) and u.replaced_at is not null and u.taken_at is null
order by u.replaced_at, u.pupil_id desc
"""
KEEP = """
insert into upn as old (upn, pupil_id, given_at, replaced_at, taken_at)
select upn, pupil_id, $5::timestamptz, null::timestamptz, null::timestamptz
from unnest($1::uuid[], $2::text[]) as given(pupil_id, upn)
union all
select upn, pupil_id, $5::timestamptz, $5::timestamptz, case when taken then $5::timestamptz end
from unnest($3::uuid[], $4::text[], $6::bool[]) as gone(pupil_id, upn, taken)
on conflict (upn, pupil_id) do update set
    replaced_at = case when excluded.replaced_at is not null then coalesce(old.replaced_at, excluded.replaced_at) end,
    taken_at = case when excluded.replaced_at is not null then coalesce(excluded.taken_at, old.taken_at) end
"""
OF_CHILD = """
select u.upn, u.given_at, u.replaced_at, u.taken_at from upn as u join pupil as p using (pupil_id)
where p.pupil_id = $1 or p.survivor = $1 order by u.given_at, u.replaced_at nulls last, u.upn
"""


async def child_of(tx: Transaction, upn: str) -> str | None:
    """The living child whom a UPN means."""
    return await tx.fetchval(BY_UPN, upn)


async def had(tx: Transaction, upns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of these UPNs, those that were replaced and not taken: UPN, id that had it, living child; the last word wins."""
    return [tuple(row) for row in await tx.fetch(HAD, list(upns))]


async def keep(
    tx: Transaction, given: Mapping[str, str], given_up: Mapping[tuple[str, str], bool], now: datetime
) -> None:
    """Notes UPNs that children have now (by id), and by (id, UPN) those that they have no longer: whether another child
    was given it.
    """
    if given or given_up:
        gone = list(given_up)
        await tx.execute(
            KEEP, list(given), list(given.values()), [id for id, _ in gone], [upn for _, upn in gone], now,
            list(given_up.values()),
        )  # fmt: skip


async def of_child(tx: Transaction, pupil_id: str) -> Sequence[Any]:
    """Every UPN of a living child and of the ids that died into it, in the order in which they were given."""
    return await tx.fetch(OF_CHILD, pupil_id)
