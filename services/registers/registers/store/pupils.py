"""Children: who they are, and on whose roll."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.db import Transaction

from registers.domain.enrolments import Stay
from registers.domain.households import Codes
from registers.domain.identity import Children, Named
from registers.domain.roll import KnownRoll, Person
from registers.store import contacts

FIND = """
select p.pupil_id::text as pupil_id, p.upn, s.local_id, null as formerly, null as had,
    p.given_name, p.family_name, p.date_of_birth
from school_pupil as s cross join lateral (select * from pupil as p where p.pupil_id = s.pupil_id offset 0) as p
where s.urn = $1 and s.local_id = any($2::text[])
union all
select p.pupil_id::text, p.upn, null, null, null, p.given_name, p.family_name, p.date_of_birth
from pupil as p where p.upn = any($3::text[])
union all
(
    select p.pupil_id::text, p.upn, null, u.pupil_id::text, u.upn, p.given_name, p.family_name, p.date_of_birth
    from upn as u
    cross join lateral (select survivor from pupil as p where p.pupil_id = u.pupil_id offset 0) as had
    cross join lateral (select * from pupil as p where p.pupil_id = coalesce(had.survivor, u.pupil_id) offset 0) as p
    where u.upn = any($3::text[]) and u.replaced_at is not null and u.taken_at is null
    order by u.replaced_at, u.pupil_id desc
)
"""
"""`lateral … offset 0`: only the children that are found are looked up. A plain join makes the planner read all that
there are, twice for each roll.
"""
LOCK = "select 1 from pupil where pupil_id = any($1::uuid[]) order by pupil_id for no key update"
PEOPLE = """
select pupil_id::text, upn, given_name, family_name, date_of_birth, year_group, flags, version, year_group_in,
    sex, households, not_siblings
from pupil where pupil_id = any($1::uuid[])
"""
CODES = "select pupil_id::text, households, not_siblings from pupil where pupil_id = any($1::uuid[])"
STAYS = """
select pupil_id::text, from_date, to_date, kind, home_la, leaving_reason, destination,
    planned_end, planned_reason, planned_destination, registration_group
from enrolment where urn = $1 and ($2::uuid[] is null or pupil_id = any($2)) order by pupil_id, from_date
"""
LOCAL_IDS = "select local_id, pupil_id::text from school_pupil where urn = $1 and local_id = any($2::text[])"

FREE_UPNS = "update pupil set upn = null where pupil_id = any($1::uuid[])"
CHANGE = """
update pupil as old set upn = p.upn, given_name = p.given_name, family_name = p.family_name,
    date_of_birth = p.date_of_birth, year_group = p.year_group, flags = string_to_array(p.flags, ' '),
    version = p.version, year_group_in = p.year_group_in, sex = p.sex,
    households = string_to_array(p.households, ' '), not_siblings = string_to_array(p.not_siblings, ' ')
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::date[], $6::smallint[], $7::text[], $8::bigint[],
    $9::smallint[], $10::text[], $11::text[], $12::text[])
    as p(pupil_id, upn, given_name, family_name, date_of_birth, year_group, flags, version, year_group_in, sex,
        households, not_siblings)
where old.pupil_id = p.pupil_id
"""
NAME = """
insert into school_pupil (urn, local_id, pupil_id)
select $1, n.local_id, n.pupil_id from unnest($2::text[], $3::uuid[]) as n(local_id, pupil_id)
on conflict (urn, local_id) do update set pupil_id = excluded.pupil_id
"""
LEAVE = "delete from enrolment where urn = $1 and pupil_id = any($2::uuid[])"
ENROL = """
insert into enrolment (urn, pupil_id, from_date, to_date, kind, home_la, leaving_reason, destination,
    planned_end, planned_reason, planned_destination, registration_group)
select $1, * from unnest($2::uuid[], $3::date[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::date[], $10::text[], $11::text[], $12::text[])
"""
_LISTS = [Person._fields.index(name) for name in ("flags", "households", "not_siblings")]

KNOWN_BY = "select urn, pupil_id::text from school_pupil where pupil_id = any($1::uuid[])"
STAYS_OF = """
select urn, pupil_id::text, from_date, to_date, kind, home_la, leaving_reason, destination,
    planned_end, planned_reason, planned_destination, registration_group
from enrolment where pupil_id = any($1::uuid[])
order by urn, pupil_id, from_date
"""


async def children(tx: Transaction, urn: int, local_ids: Collection[str], upns: Collection[str]) -> Children:
    """The children whom the school calls by these local ids, and those who have these UPNs or had them last."""
    found = Children()
    for row in await tx.fetch(FIND, urn, list(local_ids), list(upns)):
        child, upn = row["pupil_id"], row["upn"]
        found.upn_of[child] = upn
        found.named[child] = Named(row["given_name"], row["family_name"], row["date_of_birth"])
        if row["had"] is not None:
            found.by_former[row["had"]] = child
            found.formerly[row["had"]] = row["formerly"]
        if row["local_id"] is not None:
            found.by_local[row["local_id"]] = child
        if upn is not None:
            found.by_upn[upn] = child
    return found


async def lock(tx: Transaction, pupil_ids: Collection[str]) -> None:
    """Locks the rows of these children in id order."""
    await tx.execute(LOCK, list(pupil_ids))


async def known_roll(tx: Transaction, urn: int, pupil_ids: Collection[str], local_ids: Collection[str]) -> KnownRoll:
    """What is known of these children, and the school's stays, contacts and local ids of them."""
    ids = list(pupil_ids)
    known = KnownRoll()
    for row in await tx.fetch(PEOPLE, ids):
        person = _person(row)
        known.people[person.pupil_id] = person
    known.stays = await stays(tx, urn, ids)
    known.contacts = await contacts.of_pupils(tx, urn, ids)
    known.local_ids = dict(tuple(row.values()) for row in await tx.fetch(LOCAL_IDS, urn, list(local_ids)))
    return known


async def person(tx: Transaction, pupil_id: str) -> Person:
    """What is known of a child, which there must be."""
    (row,) = await tx.fetch(PEOPLE, [pupil_id])
    return _person(row)


async def people(tx: Transaction, pupil_ids: Collection[str]) -> list[Person]:
    """What is known of these children, in no order."""
    return [_person(row) for row in await tx.fetch(PEOPLE, list(pupil_ids))]


async def codes(tx: Transaction, pupil_ids: Collection[str]) -> dict[str, Codes]:
    """What was told last of these children's households."""
    rows = await tx.fetch(CODES, list(pupil_ids))
    return {row[0]: Codes(tuple(row[1]), tuple(row[2])) for row in rows}


async def stays(tx: Transaction, urn: int, pupil_ids: Collection[str] | None = None) -> dict[str, list[Stay]]:
    """The stays at a school, by child; of all children when no ids are given."""
    found: dict[str, list[Stay]] = {}
    for row in await tx.fetch(STAYS, urn, None if pupil_ids is None else list(pupil_ids)):
        pupil_id, *stay = row.values()
        found.setdefault(pupil_id, []).append(Stay(*stay))
    return found


async def add(tx: Transaction, people: Sequence[Person]) -> None:
    """Adds children, in UPN order; asyncpg.UniqueViolationError when somebody else was faster with a UPN."""
    rows = sorted(people, key=lambda person: person.upn or "")
    if rows:
        await tx.copy_records_to_table("pupil", records=rows, columns=Person._fields)


async def change(tx: Transaction, people: Sequence[Person], new_upns: Collection[str]) -> None:
    """Replaces what is known of children; `new_upns` are the ids of those whose UPN is another now."""
    if new_upns:
        await tx.execute(FREE_UPNS, list(new_upns))
    if people:
        await tx.execute(CHANGE, *_people(people))


async def name(tx: Transaction, urn: int, local_ids: Mapping[str, str]) -> None:
    """The school calls these children by these local ids from now on."""
    if local_ids:
        await tx.execute(NAME, urn, list(local_ids), list(local_ids.values()))


async def replace_stays(tx: Transaction, urn: int, changed: Mapping[str, Sequence[Stay]]) -> None:
    """Makes these the stays of these children at the school."""
    if changed:
        await tx.execute(LEAVE, urn, list(changed))
        rows = [(child, *stay) for child, stays in changed.items() for stay in stays]
        await tx.execute(ENROL, urn, *([row[at] for row in rows] for at in range(11)))


async def schools_knowing(tx: Transaction, pupil_ids: Collection[str]) -> dict[int, set[str]]:
    """The schools that know some of these children, and which of them."""
    found: dict[int, set[str]] = {}
    for row in await tx.fetch(KNOWN_BY, list(pupil_ids)):
        found.setdefault(row["urn"], set()).add(row["pupil_id"])
    return found


async def all_stays(tx: Transaction, pupil_ids: Collection[str]) -> dict[tuple[int, str], list[Stay]]:
    """The stays of these children at every school, by URN and child."""
    found: dict[tuple[int, str], list[Stay]] = {}
    for row in await tx.fetch(STAYS_OF, list(pupil_ids)):
        urn, pupil_id, *stay = row.values()
        found.setdefault((urn, pupil_id), []).append(Stay(*stay))
    return found


def _person(row: Any) -> Person:
    values = list(row.values())
    for at in _LISTS:
        values[at] = tuple(values[at])
    return Person(*values)


def _people(people: Sequence[Person]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*people, strict=True)]
    for at in _LISTS:
        columns[at] = [" ".join(words) for words in columns[at]]
    return columns
