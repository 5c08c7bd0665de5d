"""Merges and splits as SQL: who died into whom, what moves with an id, and the record that is kept.

`pupil.survivor` is the child that lives; `merged_into` is whom an id was merged into itself: by it a merge is undone.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, cast

import msgspec
from common.academic import Session
from common.db import Transaction, keyring

from registers.domain.identity_changes import Facts, IdentityChange, Part, Went
from registers.store import upns
from registers.store.upns import OWN

ROW = "select upn_key, survivor::text, identity_version from pupil where pupil_id = $1"
IDS = "select pupil_id::text from pupil where pupil_id = $1 or survivor = $1 order by pupil_id"
LOCAL_IDS = """
select pupil_id::text, urn, local_id from school_pupil where pupil_id = any($1::uuid[]) order by urn, local_id
"""
MOVING_CONTACTS = """
select c.pupil_id::text, c.contact_id::text
from unnest($1::uuid[], $2::uuid[]) as m(dead, survivor) join contact as c on c.pupil_id = m.dead
where not exists (
    select from contact as other
    where other.pupil_id = m.survivor and other.urn = c.urn and other.local_id = c.local_id
)
"""
MERGE = """
with merged as materialized (select * from unnest($1::uuid[], $2::uuid[]) as m(dead, survivor)),
named as (update school_pupil as s set pupil_id = m.survivor from merged as m where s.pupil_id = m.dead),
moved as (
    update contact as c set pupil_id = m.survivor from merged as m
    where c.pupil_id = m.dead and c.contact_id = any($3::uuid[])
),
earlier as (update pupil as p set survivor = m.survivor from merged as m where p.survivor = m.dead),
left_school as (delete from enrolment as e using merged as m where e.pupil_id = m.dead)
update pupil as p set survivor = m.survivor, merged_into = m.survivor, upn_key = null,
    identity_version = identity_version + 1
from merged as m where p.pupil_id = m.dead returning p.pupil_id::text, p.identity_version
"""
"""Of two contacts with one local id at a school, the dead id's stays with it: unseen, until it lives again."""

RESTORE = """
with recursive its as (
    select pupil_id from pupil where pupil_id = $1
    union all
    select p.pupil_id from its join pupil as p on p.survivor = $2 and p.merged_into = its.pupil_id
)
update pupil as p set survivor = nullif($1, p.pupil_id),
    merged_into = case when p.pupil_id <> $1 then merged_into end,
    identity_version = identity_version + (p.pupil_id = $1)::int
from its where p.pupil_id = its.pupil_id returning p.pupil_id::text, p.identity_version
"""
LACKED = """
select case when s.sex is null then d.sex end, case when s.date_of_birth is null then d.date_of_birth end,
    case when s.year_group_in is null then d.year_group end, case when s.year_group_in is null then d.year_group_in end
from pupil as d, pupil as s where d.pupil_id = $1 and s.pupil_id = $2
"""
GIVE_FACTS = """
update pupil set sex = coalesce($2, sex), date_of_birth = coalesce($3, date_of_birth),
    year_group = coalesce($4, year_group), year_group_in = coalesce($5, year_group_in)
where pupil_id = $1
"""
TAKE_FACTS = """
update pupil set sex = nullif(sex, $2), date_of_birth = nullif(date_of_birth, $3),
    year_group = case when year_group_in = $5 then nullif(year_group, $4) else year_group end,
    year_group_in = case when year_group is not distinct from $4 then nullif(year_group_in, $5) else year_group_in end
where pupil_id = $1
"""
"""What was said otherwise since stays."""
FREE_UPNS = "update pupil set upn_key = null where pupil_id = any($1::uuid[])"
GIVE_UPN = "update pupil set upn_key = $2 where pupil_id = $1"
HOLDER = "select pupil_id::text from pupil where upn_key = $1"
RENAME = "update school_pupil set pupil_id = $4 where urn = $1 and local_id = any($2::text[]) and pupil_id = $3"
NAME = "insert into school_pupil (urn, local_id, pupil_id) values ($1, $2, $3) on conflict do nothing"
MOVE_CONTACTS = """
update contact as c set pupil_id = $3
where c.pupil_id = $2 and ($1::int is null or c.urn = $1) and ($4::uuid[] is null or c.contact_id = any($4))
    and not exists (
        select from contact as other where other.pupil_id = $3 and other.urn = c.urn and other.local_id = c.local_id
    )
"""
MOVE_MARKS = """
with moving as materialized (
    select m.date, m.session, m.pupil_id, m.received, m.place, m.code, m.standing, m.problem
    from unnest($2::uuid[]) as id(pupil_id) join mark as m on m.urn = $1 and m.pupil_id = id.pupil_id
    where m.date between $4 and $5 and m.received > $6
),
moved as (
    update mark as m set pupil_id = $3, sent_for = coalesce(m.sent_for, m.pupil_id), standing = false, problem = null
    from moving as old
    where m.urn = $1 and m.date = old.date and m.session = old.session and m.pupil_id = old.pupil_id
        and m.received = old.received and m.place = old.place
)
select date, session, pupil_id::text, code, standing, problem from moving
where code is not null and (standing or problem is not null) order by date, session, pupil_id, received, place
"""

FORGET_MARKS = f"""
with gone as (
    delete from mark as m using unnest($2::uuid[]) as id(pupil_id)
    where m.urn = $1 and m.pupil_id = id.pupil_id and m.code is not null
        and not exists (select from school_pupil as s where s.urn = $1 and s.pupil_id = $3)
    returning m.*
),
kept as (
    insert into unresolved (urn, date, session, received, place, key_kind, key, version, code, details, problem)
    select m.urn, m.date, m.session, m.received, m.place, case when u.upn_key is null then 'pupil_id' else 'upn' end,
        coalesce(u.upn_key, m.pupil_id::text), m.version, m.code, m.details, 'unknown-pupil'
    from gone as m left join lateral ({OWN.format(id="m.pupil_id", child="$3::uuid")}) as u on true
)
select date, session, pupil_id::text, code, standing, problem from gone
order by date, session, pupil_id, received, place
"""  # noqa: S608 - put together from constants

COLUMNS = """
number, change_id::text, kind, pupil_id::text, other::text, restored, identity_version, urn, changed_at, said
"""
RECORD = f"""
insert into identity_change (change_id, kind, pupil_id, other, restored, identity_version, urn, changed_at, said,
    upn_key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning {COLUMNS}
"""  # noqa: S608 - put together from constants
LAST = f"select {COLUMNS} from identity_change where other = $1 order by number desc limit 1"  # noqa: S608
BROUGHT = f"""
select {COLUMNS} from identity_change where other = $1 and pupil_id = $2 and kind = 'merge'
order by number desc limit 1
"""  # noqa: S608 - put together from constants
PAGE = f"""
select {COLUMNS} from identity_change as c
where (pupil_id = any($1::uuid[]) or other = any($1::uuid[])) and number > $2
    and ($4::int[] is null or not exists (
        select from pupil as p where p.pupil_id in (c.pupil_id, c.other) and not exists (
            select from school_pupil as s where s.pupil_id = coalesce(p.survivor, p.pupil_id) and s.urn = any($4)
        )
    ))
order by number limit $3
"""  # noqa: S608 - put together from constants

COPY_YEAR_GROUPS = """
insert into year_group (urn, pupil_id, academic_year, year_group)
select distinct on (academic_year) urn, $3, academic_year, year_group
from year_group where urn = $1 and pupil_id = any($2::uuid[]) order by academic_year, pupil_id
on conflict (urn, pupil_id, academic_year) do update set year_group = excluded.year_group
"""
LAST_RECEIVED = "select coalesce(max(received), 0) from submission"

FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)


class PupilRow(NamedTuple):
    """An id: its UPN, and the child that lives in its place when it is dead."""

    upn: str | None
    survivor: str | None
    identity_version: int


class _Said(msgspec.Struct):
    """What is sealed of a merge or split: why, who says so, what went with a merge, what a split divided."""

    reason: str | None = None
    by: str | None = None
    went: Went | None = None
    schools: list[Part] | None = None


class MovedMark(NamedTuple):
    """A mark that stood, or waited because of `problem`, under the id that it was moved from."""

    on: date
    session: Session
    pupil_id: str
    code: str
    standing: bool
    problem: str | None


async def row(tx: Transaction, pupil_id: str) -> PupilRow | None:
    """What is known of an id, dead or alive."""
    found = await tx.fetchrow(ROW, pupil_id)
    if found is None:
        return None
    key, *more = found
    return PupilRow((await upns.texts(tx, [key]))[key], *more)


async def ids(tx: Transaction, pupil_id: str) -> list[str]:
    """A living child's id, and those that died into it."""
    return [found[0] for found in await tx.fetch(IDS, pupil_id)]


async def local_ids(tx: Transaction, pupil_ids: Collection[str]) -> dict[str, dict[int, list[str]]]:
    """What each school calls these children: by child and school."""
    found: dict[str, dict[int, list[str]]] = {}
    for pupil_id, urn, local_id in await tx.fetch(LOCAL_IDS, list(pupil_ids)):
        found.setdefault(pupil_id, {}).setdefault(urn, []).append(local_id)
    return found


async def moving_contacts(tx: Transaction, merges: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The contacts that a merge moves, by dead id: all but those that the survivor has under the same local id."""
    found: dict[str, list[str]] = {}
    for dead, contact_id in await tx.fetch(MOVING_CONTACTS, [m[0] for m in merges], [m[1] for m in merges]):
        found.setdefault(dead, []).append(contact_id)
    return found


async def merge(tx: Transaction, merges: Sequence[tuple[str, str]], contacts: Sequence[str]) -> dict[str, int]:
    """Makes each first id (dead from now on) one with the second: local ids and these contacts move, its stays go. The
    identity version of each dead id.
    """
    rows = await tx.fetch(MERGE, [dead for dead, _ in merges], [survivor for _, survivor in merges], list(contacts))
    return {found[0]: found[1] for found in rows}


async def restore(tx: Transaction, dead: str, living: str) -> int:
    """Lets an id live again, with those that had died into it before it died itself; its identity version."""
    return {found[0]: found[1] for found in await tx.fetch(RESTORE, dead, living)}[dead]


async def lacked(tx: Transaction, dead: str, survivor: str) -> Facts:
    """What is said of the one and was never said of the other."""
    found = await tx.fetchrow(LACKED, dead, survivor)
    return Facts() if found is None else Facts(*found)


async def give_facts(tx: Transaction, pupil_id: str, facts: Facts) -> None:
    """Notes of a child what it lacked."""
    await tx.execute(GIVE_FACTS, pupil_id, *facts)


async def take_facts(tx: Transaction, pupil_id: str, facts: Facts) -> None:
    """Notes that nobody has said these of an id, where they are as they were given."""
    await tx.execute(TAKE_FACTS, pupil_id, *facts)


async def holder(tx: Transaction, upn: str) -> str | None:
    """The child who has this UPN now."""
    return await tx.fetchval(HOLDER, upns.key(tx, upn))


async def set_upns(tx: Transaction, given: Mapping[str, str | None]) -> None:
    """Gives children these UPNs, or none."""
    await tx.execute(FREE_UPNS, list(given))
    of = await upns.know(tx, (upn for upn in given.values() if upn is not None))
    for pupil_id, upn in given.items():
        if upn is not None:
            await tx.execute(GIVE_UPN, pupil_id, of[upn])


async def rename(tx: Transaction, urn: int, local_ids: Sequence[str], before: str, after: str) -> None:
    """A school's local ids that meant one child mean another from now on."""
    await tx.execute(RENAME, urn, list(local_ids), before, after)


async def name(tx: Transaction, urn: int, local_id: str, pupil_id: str) -> None:
    """The school knows a child by a further local id, unless that one is taken."""
    await tx.execute(NAME, urn, local_id, pupil_id)


async def move_contacts(
    tx: Transaction, before: str, after: str, *, urn: int | None = None, only: Sequence[str] | None = None
) -> None:
    """Contacts of one child are another's: all of a school, or only some (contact ids)."""
    await tx.execute(MOVE_CONTACTS, urn, before, after, None if only is None else list(only))


async def copy_year_groups(tx: Transaction, urn: int, before: Sequence[str], after: str) -> None:
    """The year groups in which a school taught a child under some ids are those of another child, too."""
    await tx.execute(COPY_YEAR_GROUPS, urn, list(before), after)


async def last_received(tx: Transaction) -> int:
    """The number of the last submission."""
    return await tx.fetchval(LAST_RECEIVED)


async def move_marks(tx: Transaction, part: Part, before: Sequence[str], after: str, since: int = 0) -> list[MovedMark]:
    """All that was sent at a school under some ids, within a span of days and after a submission, was sent for another:
    it is still to be judged there. Those marks that stood or waited before.
    """
    span = part.first or FIRST_DAY, part.last or LAST_DAY
    rows = await tx.fetch(MOVE_MARKS, part.school_urn, list(before), after, *span, since)
    return [MovedMark(row[0], Session(row[1]), *list(row)[2:]) for row in rows]


async def forget_marks(tx: Transaction, urn: int, ids: Sequence[str], living: str) -> list[MovedMark]:
    """All that was sent at a school under some ids of a child waits again for a pupil whom nobody knows, if the school
    does not know the child: under the id's own UPN, else under the id. These marks as they were.
    """
    rows = await tx.fetch(FORGET_MARKS, urn, list(ids), living)
    return [MovedMark(row[0], Session(row[1]), *list(row)[2:]) for row in rows]


async def record(tx: Transaction, change: IdentityChange, detail: Went | Sequence[Part]) -> IdentityChange:
    """Keeps a merge or split; the record with its number."""
    _, change_id, *facts, reason, by, changed_at = change
    went = detail if isinstance(detail, Went) else None
    said = _Said(reason, by, went, None if went else list(cast("Sequence[Part]", detail)))
    sealed = keyring(tx).seal_json(said, _place(change_id))
    upn_key = None if went is None or went.upn is None else upns.key(tx, went.upn)
    told = await tx.fetchrow(RECORD, change_id, *facts, changed_at, sealed, upn_key)
    assert told is not None
    return _change(tx, told)[0]


async def last(tx: Transaction, other: str) -> tuple[IdentityChange, Went] | None:
    """The last merge or split by which an id died, lived again or came to be; what went with it, if it was a merge."""
    found = await tx.fetchrow(LAST, other)
    if found is None:
        return None
    change, went = _change(tx, found)
    return change, went or Went()


async def brought(tx: Transaction, other: str, pupil_id: str) -> Went | None:
    """What went with an id when it died into this one last."""
    found = await tx.fetchrow(BROUGHT, other, pupil_id)
    return None if found is None else _change(tx, found)[1]


async def page(
    tx: Transaction, pupil_ids: Sequence[str], after: int, limit: int, schools: Collection[int] | None
) -> list[IdentityChange]:
    """The merges and splits of some ids, in order, those after a number: where one of `schools` (any when None) knows
    both of the children.
    """
    visible = None if schools is None else list(schools)
    return [_change(tx, found)[0] for found in await tx.fetch(PAGE, list(pupil_ids), after, limit, visible)]


def _change(tx: Transaction, row: Any) -> tuple[IdentityChange, Went | None]:
    """The record in a row of COLUMNS, and what went with a merge."""
    number, change_id, *facts, changed_at, sealed = row
    said = keyring(tx).open_json(sealed, _place(change_id), _Said)
    values: list[Any] = [number, change_id, *facts, said.reason, said.by, changed_at]
    return IdentityChange(*values), said.went


def _place(change_id: str) -> str:
    return f"identity_change/{change_id}"
