"""Answers to GETs: registers as they stand, a child's marks with history, quarantine, rolls, contacts, look-ups."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import msgspec
from common.academic import Session
from common.db import Transaction

from registers.domain.standing import Told
from registers.store import contacts, pupils, upns
from registers.store.details import taken_by
from registers.store.marks import entry_of

LIVING = """
select coalesce(p.survivor, p.pupil_id)::text from pupil as p
where p.pupil_id = $1 and ($2::int[] is null or exists (
    select from school_pupil as s where s.pupil_id = coalesce(p.survivor, p.pupil_id) and s.urn = any($2)
))
"""
BY_LOCAL_ID = "select pupil_id::text from school_pupil where urn = $1 and local_id = $2"

REGISTER = """
select coalesce(p.survivor, p.pupil_id)::text as child,
    (select min(local_id) from school_pupil as n where n.urn = m.urn and n.pupil_id = coalesce(p.survivor, p.pupil_id))
        as local_id,
    m.pupil_id::text as pupil_id, m.received, m.place, m.version, m.code, m.details, m.rank, m.standing, m.problem,
    s.taken_by, s.taker, s.taken_at, s.received_at
from mark as m join pupil as p using (pupil_id) join submission as s using (received)
where m.urn = $1 and m.date = $2 and m.session = $3 and m.standing and m.code is not null
order by 1
"""

HISTORY = """
with ids as (select pupil_id from pupil where pupil_id = $1 or survivor = $1),
schools as (
    select distinct urn from school_pupil where pupil_id = $1 and ($2::int[] is null or urn = any($2))
),
slot as (
    select distinct m.date, m.session, m.urn
    from mark as m
    where m.urn = any(array(select urn from schools)) and m.pupil_id = any(array(select pupil_id from ids))
        and m.date between $3 and $4 and (m.date, m.session, m.urn) > ($5, $6, $7)
    order by 1, 2, 3 limit $8
)
select m.urn, m.date, m.session,
    m.pupil_id::text as pupil_id, m.received, m.place, m.version, m.code, m.details, m.rank, m.standing, m.problem,
    s.taken_by, s.taker, s.taken_at, s.received_at
from slot join mark as m using (date, session, urn) join submission as s using (received)
where m.pupil_id = any(array(select pupil_id from ids))
order by m.date, m.session, m.urn, m.received, m.place
"""

QUARANTINE = """
select w.*, s.taken_by, s.taker, s.taken_at, s.received_at,
    (select successor_urn from school where urn = $1 and w.date > closed_on) as successor
from (
    select m.date, m.session, m.received, m.place, coalesce(p.survivor, p.pupil_id)::text as pupil_id,
        null as key_kind, null as key, m.version, m.code, m.details, m.problem
    from (
        select * from mark
        where urn = $1 and problem is not null and date >= $2 and (date, session, received, place) > ($2, $3, $4, $5)
        order by date, session, received, place limit $6
    ) as m join pupil as p using (pupil_id)
    union all
    (
        select u.date, u.session, u.received, u.place, null, u.key_kind, u.key, u.version, u.code, u.details, u.problem
        from unresolved as u
        where u.urn = $1 and u.date >= $2 and (u.date, u.session, u.received, u.place) > ($2, $3, $4, $5)
        order by 1, 2, 3, 4 limit $6
    )
) as w join submission as s using (received)
order by w.date, w.session, w.received, w.place limit $6
"""
"""Each page follows the index `mark_in_quarantine` from where the one before ended, also by statistics of a time when
nothing waited. Without any, PostgreSQL gathers and sorts what waits at the school instead: 20 ms for 27,840 marks. That
lasts for a minute after a first load, for autovacuum counts a table as soon as a tenth of it is new.
"""
"""Each of the two is read along its index, from where the page begins to where it is full."""

ROLL = """
with page as (
    select distinct pupil_id from school_pupil where urn = $1 and pupil_id > $2 order by pupil_id limit $3
)
select p.pupil_id::text, p.upn_key, p.names, p.date_of_birth, p.sex, p.year_group, p.flags,
    (select array_agg(local_id order by local_id) from school_pupil as s where s.urn = $1 and s.pupil_id = p.pupil_id)
        as local_ids,
    (select jsonb_agg(
        jsonb_build_object('from', e.from_date, 'to', e.to_date, 'kind', e.kind)
        || jsonb_strip_nulls(jsonb_build_object(
            'home_la', e.home_la, 'leaving_reason', e.leaving_reason, 'registration_group', e.registration_group,
            'went_to', encode(e.went_to, 'hex')
        )) order by e.from_date
    ) from enrolment as e where e.urn = $1 and e.pupil_id = p.pupil_id) as enrolments
from page join pupil as p using (pupil_id) order by p.pupil_id
"""

PERSON = "select names, date_of_birth from pupil where pupil_id = $1"
SCHOOLS_OF = """
select distinct s.urn, s.name from school_pupil as n join school as s using (urn)
where n.pupil_id = $1 and ($2::int[] is null or n.urn = any($2)) order by s.urn
"""
CONTACTS_OF = """
select contact_id::text, local_id, urn as school_urn, told, parental_responsibility, lives_with_pupil, priority,
    language, do_not_contact, care_of_child, no_fixed_abode, barred_from, barred_to, from_date as "from",
    to_date as "to"
from contact where pupil_id = $1 and ($2::int[] is null or urn = any($2)) order by priority nulls last, urn, local_id
"""


async def living_pupil(tx: Transaction, pupil_id: str, schools: Collection[int] | None) -> str | None:
    """The living id of a child whom one of `schools` knows (any school when None)."""
    return await tx.fetchval(LIVING, pupil_id, None if schools is None else list(schools))


async def pupil_by_local_id(tx: Transaction, urn: int, local_id: str) -> str | None:
    """The child whom the school calls by this local id."""
    return await tx.fetchval(BY_LOCAL_ID, urn, local_id)


async def register(tx: Transaction, urn: int, on: date, session: Session) -> list[tuple[str, str | None, Told]]:
    """The marks that stand in a session: living id, local id, and the entry."""
    return [
        (row["child"], row["local_id"], _told(tx, row, urn, on, session))
        for row in await tx.fetch(REGISTER, urn, on, session)
    ]


async def history(
    tx: Transaction,
    pupil_id: str,
    schools: Collection[int] | None,
    span: tuple[date, date],
    after: tuple[date, int, int],
    limit: int,
) -> list[Told]:
    """All entries of `limit` slots of a child (living id), in order of (date, session, URN), those after `after`."""
    among = None if schools is None else list(schools)
    rows = await tx.fetch(HISTORY, pupil_id, among, *span, *after, limit)
    return [_told(tx, row, row["urn"], row["date"], Session(row["session"])) for row in rows]


Place = tuple[date, int, int, int]
"""Where a page of marks goes on: date, session, received, place."""


async def quarantine(tx: Transaction, urn: int, after: Place, limit: int) -> list[dict[str, Any]]:
    """The marks that wait at a school, in order of date, session and arrival."""
    rows = await with_keys(tx, await tx.fetch(QUARANTINE, urn, *after, limit))
    return [{**row, "taken_by": taken_by(tx, row["received"], row["taken_by"], row["taker"])} for row in rows]


async def with_keys(tx: Transaction, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of marks, those of `unresolved` with the key that was sent for them."""
    told = await upns.texts(tx, (row["key"] for row in rows if row["key_kind"] == "upn"))
    return [{**row, "key": told[row["key"]] if row["key_kind"] == "upn" else row["key"]} for row in rows]


async def roll(tx: Transaction, urn: int, after: str, limit: int) -> list[dict[str, Any]]:
    """The children whom a school knows, with their stays there, by id from the one after `after` on."""
    rows = await with_names(tx, await tx.fetch(ROLL, urn, after, limit))
    for row in rows:
        stays: list[dict[str, Any]] = msgspec.json.decode(row["enrolments"]) if row["enrolments"] else []
        for stay in stays:
            if sealed := stay.pop("went_to", None):
                start = date.fromisoformat(stay["from"])
                went = pupils.went_to(tx, urn, row["pupil_id"], start, bytes.fromhex(sealed))
                stay |= {"destination": went.destination} if went.destination is not None else {}
        row["enrolments"] = stays
    return rows


async def with_names(tx: Transaction, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows about children, with `upn`, `given_name` and `family_name` in the place of what is sealed."""
    told = await upns.texts(tx, (row["upn_key"] for row in rows))
    found: list[dict[str, Any]] = []
    for row in rows:
        one = dict(row)
        one["upn"] = told[one.pop("upn_key")]
        one["given_name"], one["family_name"] = pupils.names_of(tx, one["pupil_id"], one.pop("names"))
        found.append(one)
    return found


async def person(tx: Transaction, pupil_id: str) -> dict[str, Any]:
    """Names and date of birth of a child whom there must be."""
    row = await tx.fetchrow(PERSON, pupil_id)
    assert row is not None
    given_name, family_name = pupils.names_of(tx, pupil_id, row["names"])
    return {"given_name": given_name, "family_name": family_name, "date_of_birth": row["date_of_birth"]}


async def schools_of(tx: Transaction, pupil_id: str, schools: Collection[int] | None) -> Sequence[Any]:
    """The schools that know the child (among `schools`, if given)."""
    return await tx.fetch(SCHOOLS_OF, pupil_id, None if schools is None else list(schools))


async def contacts_of(tx: Transaction, pupil_id: str, schools: Collection[int] | None) -> list[dict[str, Any]]:
    """The child's contacts at those schools."""
    found: list[dict[str, Any]] = []
    for row in await tx.fetch(CONTACTS_OF, pupil_id, None if schools is None else list(schools)):
        one = dict(row)
        who = contacts.told_of(tx, one["contact_id"], one.pop("told"))
        first, last = one.pop("barred_from"), one.pop("barred_to")
        one["contact_barred"] = None if first is None else {"from": first, "to": last, "order": who.barred_order}
        where = None if who.address is None else msgspec.to_builtins(who.address)
        found.append(
            {**one, "name": who.name, "relationship": who.relationship, "email": who.email, "phone": who.phone}
            | {"address": where}
        )
    return found


def _told(tx: Transaction, row: Any, urn: int, on: date, session: Session) -> Told:
    who = taken_by(tx, row["received"], row["taken_by"], row["taker"])
    return Told(urn, on, session, entry_of(tx, row), who, row["taken_at"], row["received_at"])
