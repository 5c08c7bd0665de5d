"""UPNs: every one that a child has had, and whom one means that nobody has now.

In the tables a UPN is known by its key, a keyed hash, and by nothing else: keys are equal when the UPNs are. Only
`known_upn` has what a key stands for, sealed. Whoever comes into `store` with UPNs asks for their `keys`, and whoever
leaves it asks for their `texts`.

`pupil.upn_key` is the present one; `upn` has it too, with those that were replaced. A UPN means the child who has it,
else the one who had it last, until another child is given it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from common.db import Transaction, keyring

FORMER = """
select had.pupil_id from upn as had
where had.upn_key = {key} and had.replaced_at is not null and had.taken_at is null
order by had.replaced_at desc, had.pupil_id limit 1
"""
"""The id, maybe a dead one, that a UPN meant last."""
BROUGHT = """
select d.pupil_id from pupil as d join identity_change as c on c.other = d.pupil_id
where d.survivor = {holder} and c.kind = 'merge' and c.upn_key = {key}
    and c.number = (select max(number) from identity_change where other = d.pupil_id)
order by c.number limit 1
"""
"""The dead id that brought a UPN to the child whom it means, by the merge that is undone if it lives again."""
OWN = """
select coalesce(
    (
        select had.upn_key from upn as had where had.pupil_id = {id} and had.taken_at is null
        order by had.replaced_at desc nulls first, had.upn_key limit 1
    ),
    (
        select p.upn_key from pupil as p join identity_change as c on c.other = {id}
        where p.pupil_id = {child} and c.kind = 'merge' and c.upn_key = p.upn_key
        order by c.number desc limit 1
    )
) as upn_key
"""
"""The UPN's key of an id that is, or died into, a child: its last that nobody else was given, or that it brought."""

BY_UPN = f"""
select coalesce(p.survivor, p.pupil_id)::text from pupil as p
where p.pupil_id = coalesce((select h.pupil_id from pupil as h where h.upn_key = $1), ({FORMER.format(key="$1")}))
"""  # noqa: S608 - put together from constants
HAD = """
select u.upn_key, u.pupil_id::text, coalesce(p.survivor, p.pupil_id)::text as child
from upn as u join pupil as p using (pupil_id)
where u.upn_key = any($1::text[]) and u.replaced_at is not null and u.taken_at is null
order by u.replaced_at, u.pupil_id desc
"""
KEEP = """
insert into upn as old (upn_key, pupil_id, given_at, replaced_at, taken_at)
select upn_key, pupil_id, $5::timestamptz, null::timestamptz, null::timestamptz
from unnest($1::uuid[], $2::text[]) as given(pupil_id, upn_key)
union all
select upn_key, pupil_id, $5::timestamptz, $5::timestamptz, case when taken then $5::timestamptz end
from unnest($3::uuid[], $4::text[], $6::bool[]) as gone(pupil_id, upn_key, taken)
on conflict (upn_key, pupil_id) do update set
    replaced_at = case when excluded.replaced_at is not null then coalesce(old.replaced_at, excluded.replaced_at) end,
    taken_at = case when excluded.replaced_at is not null then coalesce(excluded.taken_at, old.taken_at) end
"""
OF_CHILD = """
select u.upn_key, u.given_at, u.replaced_at, u.taken_at from upn as u join pupil as p using (pupil_id)
where p.pupil_id = $1 or p.survivor = $1
"""
KNOW = """
insert into known_upn (upn_key, sealed) select * from unnest($1::text[], $2::bytea[])
on conflict (upn_key) do nothing
"""
TEXTS = "select upn_key, sealed from known_upn where upn_key = any($1::text[])"


def key(tx: Transaction, upn: str) -> str:
    """What stands for a UPN in the tables."""
    return keyring(tx).lookup(upn, "upn")


def keys(tx: Transaction, upns: Iterable[str]) -> dict[str, str]:
    """What stands for some UPNs, by UPN."""
    ring = keyring(tx)
    return {upn: ring.lookup(upn, "upn") for upn in upns}


async def know(tx: Transaction, upns: Iterable[str]) -> dict[str, str]:
    """Keeps what the keys of these UPNs stand for; the keys, by UPN."""
    found = keys(tx, upns)
    rows = sorted((key, keyring(tx).seal(upn.encode(), _place(key))) for upn, key in found.items())
    if rows:
        await tx.execute(KNOW, [key for key, _ in rows], [sealed for _, sealed in rows])
    return found


async def texts(tx: Transaction, keys: Iterable[str | None]) -> dict[str | None, str | None]:
    """The UPNs that keys stand for; None stands for none."""
    found: dict[str | None, str | None] = {None: None}
    if asked := list({key for key in keys if key is not None}):
        ring = keyring(tx)
        for key, sealed in await tx.fetch(TEXTS, asked):
            found[key] = ring.open(sealed, _place(key)).decode()
    return found


async def child_of(tx: Transaction, upn: str) -> str | None:
    """The living child whom a UPN means."""
    return await tx.fetchval(BY_UPN, key(tx, upn))


async def had(tx: Transaction, upns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of these UPNs, those that were replaced and not taken: UPN, id that had it, living child; the last word wins."""
    asked = {key: upn for upn, key in keys(tx, upns).items()}
    return [(asked[key], pupil_id, child) for key, pupil_id, child in await tx.fetch(HAD, list(asked))]


async def keep(
    tx: Transaction, given: Mapping[str, str], given_up: Mapping[tuple[str, str], bool], now: datetime
) -> None:
    """Notes UPNs that children have now (by id), and by (id, UPN) those that they have no longer: whether another child
    was given it.
    """
    if given or given_up:
        gone = list(given_up)
        of = await know(tx, {*given.values(), *(upn for _, upn in gone)})
        await tx.execute(
            KEEP, list(given), [of[upn] for upn in given.values()], [id for id, _ in gone],
            [of[upn] for _, upn in gone], now, list(given_up.values()),
        )  # fmt: skip


async def of_child(tx: Transaction, pupil_id: str) -> list[dict[str, Any]]:
    """Every UPN of a living child and of the ids that died into it, in the order in which they were given."""
    rows = [dict(row) for row in await tx.fetch(OF_CHILD, pupil_id)]
    told = await texts(tx, [row["upn_key"] for row in rows])
    found = [{"upn": told[row.pop("upn_key")], **row} for row in rows]
    return sorted(found, key=lambda row: (row["given_at"], row["replaced_at"] or _LAST, row["upn"]))


_LAST = datetime.max.replace(tzinfo=UTC)


def _place(key: str) -> str:
    return f"known_upn/{key}"
