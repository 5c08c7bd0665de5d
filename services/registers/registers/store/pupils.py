"""Children: who they are, and on whose roll."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from common.db import Transaction, keyring

from registers.domain.enrolments import Stay
from registers.domain.households import Codes
from registers.domain.identity import Children, Named
from registers.domain.roll import KnownRoll, Person
from registers.store import contacts, upns

FIND = """
select p.pupil_id::text as pupil_id, p.upn_key, s.local_id, null as formerly, null as had, p.names, p.date_of_birth
from school_pupil as s cross join lateral (select * from pupil as p where p.pupil_id = s.pupil_id offset 0) as p
where s.urn = $1 and s.local_id = any($2::text[])
union all
select p.pupil_id::text, p.upn_key, null, null, null, p.names, p.date_of_birth
from pupil as p where p.upn_key = any($3::text[])
union all
(
    select p.pupil_id::text, p.upn_key, null, u.pupil_id::text, u.upn_key, p.names, p.date_of_birth
    from upn as u
    cross join lateral (select survivor from pupil as p where p.pupil_id = u.pupil_id offset 0) as had
    cross join lateral (select * from pupil as p where p.pupil_id = coalesce(had.survivor, u.pupil_id) offset 0) as p
    where u.upn_key = any($3::text[]) and u.replaced_at is not null and u.taken_at is null
    order by u.replaced_at, u.pupil_id desc
)
"""
"""`lateral … offset 0`: only the children that are found are looked up. A plain join makes the planner read all that
there are, twice for each roll.
"""
LOCK = "select 1 from pupil where pupil_id = any($1::uuid[]) order by pupil_id for no key update"
PEOPLE = """
select pupil_id::text, upn_key, names, date_of_birth, year_group, flags, version, year_group_in,
    sex, households, not_siblings
from pupil where pupil_id = any($1::uuid[])
"""
CODES = "select pupil_id::text, households, not_siblings from pupil where pupil_id = any($1::uuid[])"
STAYS = """
select urn, pupil_id::text, from_date, to_date, kind, home_la, leaving_reason, planned_end, planned_reason,
    registration_group, went_to
from enrolment where urn = $1 and ($2::uuid[] is null or pupil_id = any($2)) order by pupil_id, from_date
"""
LOCAL_IDS = "select local_id, pupil_id::text from school_pupil where urn = $1 and local_id = any($2::text[])"

FREE_UPNS = "update pupil set upn_key = null where pupil_id = any($1::uuid[])"
CHANGE = """
update pupil as old set upn_key = p.upn_key, names = p.names, date_of_birth = p.date_of_birth,
    year_group = p.year_group, flags = string_to_array(p.flags, ' '), version = p.version,
    year_group_in = p.year_group_in, sex = p.sex, households = string_to_array(p.households, ' '),
    not_siblings = string_to_array(p.not_siblings, ' ')
from unnest($1::uuid[], $2::text[], $3::bytea[], $4::date[], $5::smallint[], $6::text[], $7::bigint[], $8::smallint[],
    $9::text[], $10::text[], $11::text[])
    as p(pupil_id, upn_key, names, date_of_birth, year_group, flags, version, year_group_in, sex, households,
        not_siblings)
where old.pupil_id = p.pupil_id
"""
NAME = """
insert into school_pupil (urn, local_id, pupil_id)
select $1, n.local_id, n.pupil_id from unnest($2::text[], $3::uuid[]) as n(local_id, pupil_id)
on conflict (urn, local_id) do update set pupil_id = excluded.pupil_id
"""
LEAVE = "delete from enrolment where urn = $1 and pupil_id = any($2::uuid[])"
ENROL = """
insert into enrolment (urn, pupil_id, from_date, to_date, kind, home_la, leaving_reason, planned_end, planned_reason,
    registration_group, went_to)
select $1, * from unnest($2::uuid[], $3::date[], $4::date[], $5::text[], $6::text[], $7::text[], $8::date[],
    $9::text[], $10::text[], $11::bytea[])
"""
COLUMNS = (
    "pupil_id", "upn_key", "names", "date_of_birth", "year_group", "flags", "version", "year_group_in", "sex",
    "households", "not_siblings",
)  # fmt: skip
FLAGS = COLUMNS.index("flags")

KNOWN_BY = "select urn, pupil_id::text from school_pupil where pupil_id = any($1::uuid[])"
STAYS_OF = """
select urn, pupil_id::text, from_date, to_date, kind, home_la, leaving_reason, planned_end, planned_reason,
    registration_group, went_to
from enrolment where pupil_id = any($1::uuid[])
order by urn, pupil_id, from_date
"""


async def children(tx: Transaction, urn: int, local_ids: Collection[str], sent: Collection[str]) -> Children:
    """The children whom the school calls by these local ids, and those who have these UPNs or had them last."""
    found = Children()
    of = upns.keys(tx, sent)
    rows = await tx.fetch(FIND, urn, list(local_ids), list(of.values()))
    told: dict[str | None, str | None] = {key: upn for upn, key in of.items()}
    told |= await upns.texts(tx, {row["upn_key"] for row in rows} - told.keys())
    for row in rows:
        child, upn = row["pupil_id"], told[row["upn_key"]]
        found.upn_of[child] = upn
        found.named[child] = Named(*names_of(tx, child, row["names"]), row["date_of_birth"])
        if (had := told.get(row["had"])) is not None:
            found.by_former[had] = child
            found.formerly[had] = row["formerly"]
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
    known.people = {person.pupil_id: person for person in await people(tx, ids)}
    known.stays = await stays(tx, urn, ids)
    known.contacts = await contacts.of_pupils(tx, urn, ids)
    known.local_ids = dict(tuple(row.values()) for row in await tx.fetch(LOCAL_IDS, urn, list(local_ids)))
    return known


async def person(tx: Transaction, pupil_id: str) -> Person:
    """What is known of a child, which there must be."""
    (found,) = await people(tx, [pupil_id])
    return found


async def people(tx: Transaction, pupil_ids: Collection[str]) -> list[Person]:
    """What is known of these children, in no order."""
    rows = await tx.fetch(PEOPLE, list(pupil_ids))
    told = await upns.texts(tx, (row["upn_key"] for row in rows))
    return [_person(tx, row, told) for row in rows]


async def codes(tx: Transaction, pupil_ids: Collection[str]) -> dict[str, Codes]:
    """What was told last of these children's households."""
    rows = await tx.fetch(CODES, list(pupil_ids))
    return {row[0]: Codes(tuple(row[1]), tuple(row[2])) for row in rows}


async def stays(tx: Transaction, urn: int, pupil_ids: Collection[str] | None = None) -> dict[str, list[Stay]]:
    """The stays at a school, by child; of all children when no ids are given."""
    found: dict[str, list[Stay]] = {}
    for row in await tx.fetch(STAYS, urn, None if pupil_ids is None else list(pupil_ids)):
        found.setdefault(row["pupil_id"], []).append(_stay(tx, row))
    return found


async def add(tx: Transaction, people: Sequence[Person]) -> None:
    """Adds children, in UPN order; asyncpg.UniqueViolationError when somebody else was faster with a UPN."""
    ordered = sorted(people, key=lambda person: person.upn or "")
    if ordered:
        of = await upns.know(tx, (person.upn for person in people if person.upn is not None))
        await tx.copy_records_to_table("pupil", records=[_row(tx, one, of) for one in ordered], columns=COLUMNS)


async def change(tx: Transaction, people: Sequence[Person], new_upns: Collection[str]) -> None:
    """Replaces what is known of children; `new_upns` are the ids of those whose UPN is another now."""
    if new_upns:
        await tx.execute(FREE_UPNS, list(new_upns))
    if people:
        of = upns.keys(tx, (person.upn for person in people if person.upn is not None))
        await upns.know(tx, (one.upn for one in people if one.upn is not None and one.pupil_id in new_upns))
        rows = [_row(tx, person, of) for person in people]
        *columns, households, not_siblings = (list(column) for column in zip(*rows, strict=True))
        columns[FLAGS] = [" ".join(words) for words in columns[FLAGS]]
        await tx.execute(
            CHANGE, *columns, *([" ".join(words) for words in some] for some in (households, not_siblings))
        )


async def name(tx: Transaction, urn: int, local_ids: Mapping[str, str]) -> None:
    """The school calls these children by these local ids from now on."""
    if local_ids:
        await tx.execute(NAME, urn, list(local_ids), list(local_ids.values()))


async def replace_stays(tx: Transaction, urn: int, changed: Mapping[str, Sequence[Stay]]) -> None:
    """Makes these the stays of these children at the school."""
    if changed:
        await tx.execute(LEAVE, urn, list(changed))
        rows = [_enrolment(tx, urn, child, stay) for child, stays in changed.items() for stay in stays]
        await tx.execute(ENROL, urn, *([row[at] for row in rows] for at in range(10)))


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
        found.setdefault((row["urn"], row["pupil_id"]), []).append(_stay(tx, row))
    return found


def names_of(tx: Transaction, pupil_id: str, sealed: bytes) -> tuple[str, str]:
    """The given and family name in the column `names` of a child."""
    return keyring(tx).open_json(sealed, f"pupil/{pupil_id}", tuple[str, str])


class WentTo(NamedTuple):
    """Where a child went by the end of a stay, and by the end that was planned."""

    destination: str | None = None
    planned_destination: str | None = None


def went_to(tx: Transaction, urn: int, pupil_id: str, start: date, sealed: bytes | None) -> WentTo:
    """What the column `went_to` of a stay says."""
    return WentTo() if sealed is None else keyring(tx).open_json(sealed, _stay_place(urn, pupil_id, start), WentTo)


def _stay(tx: Transaction, row: Any) -> Stay:
    urn, pupil_id, start, end, kind, home_la, reason, planned_end, planned_reason, group, sealed = row
    went = went_to(tx, urn, pupil_id, start, sealed)
    return Stay(
        start,
        end,
        kind,
        home_la,
        reason,
        went.destination,
        planned_end,
        planned_reason,
        went.planned_destination,
        group,
    )


def _enrolment(tx: Transaction, urn: int, pupil_id: str, stay: Stay) -> tuple[Any, ...]:
    went = WentTo(stay.destination, stay.planned_destination)
    place = _stay_place(urn, pupil_id, stay.start)
    sealed = None if went == WentTo() else keyring(tx).seal_json(went, place)
    return (
        pupil_id, stay.start, stay.end, stay.kind, stay.home_la, stay.leaving_reason, stay.planned_end,
        stay.planned_reason, stay.registration_group, sealed,
    )  # fmt: skip


def _stay_place(urn: int, pupil_id: str, start: date) -> str:
    return f"enrolment/{urn}/{pupil_id}/{start}"


def _person(tx: Transaction, row: Any, told: Mapping[str | None, str | None]) -> Person:
    pupil_id, key, names, born, year_group, flags, version, year_group_in, sex, households, not_siblings = row
    return Person(
        pupil_id, told[key], *names_of(tx, pupil_id, names), born, year_group, tuple(flags), version, year_group_in,
        sex, tuple(households), tuple(not_siblings),
    )  # fmt: skip


def _row(tx: Transaction, person: Person, of: Mapping[str, str]) -> tuple[Any, ...]:
    pupil_id, upn, given_name, family_name, *more = person
    names = keyring(tx).seal_json((given_name, family_name), f"pupil/{pupil_id}")
    return pupil_id, None if upn is None else of[upn], names, *more
