"""Parents' absence notices: their versions, the sessions that they cover, and the absences that want one.

A school has the notices that were given to it, and to the schools that it took over from.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from common.academic import Session
from common.db import Transaction, keyring

from registers.domain.absence_notices import LONGEST_DAYS, Content, Giver, Notice, Sender, Standing, Version
from registers.domain.expected import Place
from registers.domain.identity_changes import Part
from registers.store.identities import FIRST_DAY, LAST_DAY

SCHOOLS = "any(array(select $1::int union all select urn from school where successor_urn = $1))"
NOTICE = """
select n.notice_id::text, n.urn, child.pupil_id::text as pupil_id, n.version, n.state, n.contact_id::text,
    n.channel, n.given_at, n.first_on, n.first_session, n.last_on, n.last_session, n.suggested_code, n.noted_at, n.said,
    (select min(local_id) from school_pupil as s where s.urn = n.urn and s.pupil_id = child.pupil_id) as local_id,
    coalesce((
        select (n.given_at at time zone 'Europe/London')::date
            between c.barred_from and coalesce(c.barred_to, 'infinity')
        from contact as c where c.contact_id = n.contact_id
    ), false) as barred
from absence_notice as n join pupil as p using (pupil_id)
cross join lateral (select coalesce(p.survivor, p.pupil_id) as pupil_id) as child
"""
OVERLAPPING = f"""
{NOTICE}
where n.current and n.urn = {SCHOOLS} and n.first_on between $2::date - {LONGEST_DAYS} and $3
    and coalesce(n.last_on, n.first_on) >= $2 and ($4::uuid[] is null or child.pupil_id = any($4))
order by n.first_on, n.notice_id
"""
OF_PUPIL = f"""
{NOTICE}
where n.current and n.pupil_id = any(array(select pupil_id from pupil where pupil_id = $1 or survivor = $1))
    and ($2::int[] is null or n.urn = any($2) or n.urn in (select urn from school where successor_urn = any($2)))
    and coalesce(n.last_on, n.first_on) >= $3 and n.first_on <= $4 and (n.first_on, n.notice_id) > ($5, $6)
order by n.first_on, n.notice_id limit $7
"""  # noqa: S608 - put together from constants
VERSIONS = f"{NOTICE} where n.notice_id = $2 and n.urn = {SCHOOLS} order by n.version desc"
ALIKE = f"{NOTICE} where n.current and n.urn = {SCHOOLS} and child.pupil_id = $2 and n.first_on = $3"
BY_KEY = """
select notice_id::text, fingerprint from absence_notice
where urn = $1 and subject = $2 and idempotency_key = $3 and version = 1 and noted_at > $4
order by number desc limit 1
"""
ADD = """
insert into absence_notice (notice_id, version, current, urn, pupil_id, subject, idempotency_key, fingerprint, state,
    contact_id, channel, given_at, first_on, first_session, last_on, last_session, suggested_code, noted_at, said)
values ($1, 1, true, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
CHANGE = """
with earlier as (
    update absence_notice set current = false where notice_id = $1 and current returning urn, pupil_id
)
insert into absence_notice (notice_id, version, current, urn, pupil_id, state, contact_id, channel,
    given_at, first_on, first_session, last_on, last_session, suggested_code, noted_at, said)
select $1, $2, true, urn, pupil_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 from earlier
"""
LAST_NUMBER = "select coalesce(max(number), 0) from absence_notice"
MOVE = """
update absence_notice as n set pupil_id = $3
where n.urn = $1 and n.pupil_id = any($2::uuid[]) and n.notice_id in (
    select begun.notice_id
    from absence_notice as begun join absence_notice as told using (notice_id)
    where begun.urn = $1 and begun.pupil_id = any($2::uuid[]) and begun.version = 1 and begun.number > $6
        and told.current and told.first_on between $4 and $5
)
"""
"""A notice goes as a whole: by its first day, as it is told now."""

SESSIONS = """
select n.place, s.urn, d.date, half.session, m.code, coalesce(m.explained, false) as explained
from unnest($1::uuid[], $2::int[], $3::date[], $4::date[]) with ordinality as n(child, urn, first, last, place)
cross join lateral (
    select n.urn union select successor_urn from school where urn = n.urn and successor_urn is not null
) as s(urn)
join calendar_day as d on d.urn = s.urn and d.date between n.first and n.last
cross join (values (0::smallint), (1::smallint)) as half(session)
left join lateral (
    select m.code, m.details ?| array['reason', 'has_reason', 'reason_detail'] as explained
    from pupil as id join mark as m
        on m.urn = s.urn and m.date = d.date and m.session = half.session and m.pupil_id = id.pupil_id
    where (id.pupil_id = n.child or id.survivor = n.child) and m.standing and m.code is not null limit 1
) as m on true
where ($5::int[] is null or s.urn = any($5)) and case half.session when 0 then d.am else d.pm end
    and exists (
        select from enrolment as e where e.urn = s.urn and e.pupil_id = n.child
            and d.date between e.from_date and coalesce(e.to_date, 'infinity')
    )
order by n.place, d.date, half.session, s.urn
"""
ABSENT = """
select coalesce(p.survivor, p.pupil_id)::text as pupil_id, m.session, m.code,
    (select min(local_id) from school_pupil as s where s.urn = m.urn and s.pupil_id = coalesce(p.survivor, p.pupil_id))
        as local_id
from mark as m join pupil as p using (pupil_id)
where m.urn = $1 and m.date = $2 and m.standing and m.code = any($3::text[])
order by 1, 2
"""
BEFORE = """
select id.child::text as pupil_id, d.date, half.session, m.code
from (
    select child, child as pupil_id from unnest($2::uuid[]) as living(child)
    union all
    select p.survivor, p.pupil_id from pupil as p where p.survivor = any($2::uuid[])
) as id
join calendar_day as d on d.urn = $1 and d.date between $3 and $4
cross join (values (0::smallint), (1::smallint)) as half(session)
cross join lateral (
    select m.code from mark as m
    where m.urn = $1 and m.date = d.date and m.session = half.session and m.pupil_id = id.pupil_id
        and m.standing and m.code is not null offset 0
) as m
"""


class Absent(NamedTuple):
    """A pupil's codes of a day, by session."""

    local_id: str | None
    codes: dict[Session, str]


async def overlapping(
    tx: Transaction, urn: int, first: date, last: date, children: Collection[str] | None = None
) -> list[Notice]:
    """A school's notices that are about some of these days (inclusive), withdrawn ones too, by first day; those of
    some children (living ids) when given.
    """
    rows = await tx.fetch(OVERLAPPING, urn, first, last, None if children is None else list(children))
    return [_notice(tx, row) for row in rows]


async def of_pupil(
    tx: Transaction,
    pupil_id: str,
    schools: Collection[int] | None,
    span: tuple[date, date],
    after: tuple[date, str],
    limit: int,
) -> list[Notice]:
    """A living child's notices to some schools (all when None) that are about some of these days, by first day."""
    among = None if schools is None else list(schools)
    return [_notice(tx, row) for row in await tx.fetch(OF_PUPIL, pupil_id, among, *span, *after, limit)]


async def versions(tx: Transaction, urn: int, notice_id: str) -> list[Notice]:
    """One of a school's notices: as it is now, and before that as it was, backwards; empty when there is none."""
    return [_notice(tx, row) for row in await tx.fetch(VERSIONS, urn, notice_id)]


async def alike(tx: Transaction, urn: int, pupil_id: str, content: Content) -> Notice | None:
    """The notice of a child that says just the same already."""
    rows = await tx.fetch(ALIKE, urn, pupil_id, content.first.on)
    told = [_notice(tx, row) for row in rows]
    same = [notice for notice in told if notice.holds and notice.now.content == content]
    return same[0] if same else None


async def by_key(tx: Transaction, urn: int, sender: Sender, since: datetime) -> tuple[str, str] | None:
    """The notice that was given to a school under an idempotency key after a time: its id, and the digest."""
    found = await tx.fetchrow(BY_KEY, urn, sender.subject, sender.key, since)
    return None if found is None else (found[0], found[1])


async def add(tx: Transaction, notice_id: str, urn: int, pupil_id: str, version: Version, sender: Sender) -> None:
    """Keeps a notice."""
    await tx.execute(ADD, notice_id, urn, pupil_id, *sender, *_values(tx, notice_id, version))


async def change(tx: Transaction, notice_id: str, version: Version) -> None:
    """Keeps what a notice says from now on, beside what it said before."""
    await tx.execute(CHANGE, notice_id, version.version, *_values(tx, notice_id, version))


async def last_number(tx: Transaction) -> int:
    """The number of the last row that was kept."""
    return await tx.fetchval(LAST_NUMBER)


async def move(tx: Transaction, part: Part, before: Sequence[str], after: str, since: int = 0) -> None:
    """The notices that were given to a school for some ids, of some days and after a number, are about another."""
    span = part.first or FIRST_DAY, part.last or LAST_DAY
    await tx.execute(MOVE, part.school_urn, list(before), after, *span, since)


async def sessions(
    tx: Transaction,
    notices: Sequence[Notice],
    schools: Collection[int] | None,
    span: tuple[date, date] = (FIRST_DAY, LAST_DAY),
) -> list[list[Standing]]:
    """For each notice, the sessions within a span that the child should have been at and that it covers, at schools
    that may be seen (any when None), with what stands.
    """
    covered = [notice.now.content for notice in notices]
    rows = await tx.fetch(
        SESSIONS,
        [notice.pupil_id for notice in notices],
        [notice.urn for notice in notices],
        [max(one.first.on, span[0]) for one in covered],
        [min(one.end.on, span[1]) for one in covered],
        None if schools is None else list(schools),
    )
    found: list[list[Standing]] = [[] for _ in notices]
    for number, urn, on, session, code, explained in rows:
        place = Place(on, Session(session))
        if covered[number - 1].covers(place):
            found[number - 1].append(Standing(urn, place, code, explained))
    return found


async def absent(tx: Transaction, urn: int, on: date, codes: Collection[str]) -> dict[str, Absent]:
    """The pupils (living ids, in order) of a school who have one of these codes on a day."""
    found: dict[str, Absent] = {}
    for row in await tx.fetch(ABSENT, urn, on, sorted(codes)):
        one = found.setdefault(row["pupil_id"], Absent(row["local_id"], {}))
        one.codes[Session(row["session"])] = row["code"]
    return found


async def marks(
    tx: Transaction, urn: int, children: Collection[str], first: date, last: date
) -> Mapping[str, Mapping[Place, str]]:
    """What stands at a school of some children (living ids) on some days (inclusive)."""
    found: dict[str, dict[Place, str]] = {child: {} for child in children}
    for child, on, session, code in await tx.fetch(BEFORE, urn, list(children), first, last):
        found[child][Place(on, Session(session))] = code
    return found


class _Said(NamedTuple):
    """What is sealed of a version."""

    giver: str
    relation: str | None
    reason: str | None
    noted_by: str | None
    why: str | None


def _values(tx: Transaction, notice_id: str, version: Version) -> tuple[Any, ...]:
    content = version.content
    contact_id, giver, relation = content.giver
    said = _Said(giver, relation, content.reason, version.noted_by, version.why)
    return (
        version.state, contact_id, content.channel, content.given_at, *content.first, *(content.last or (None, None)),
        content.suggested_code, version.noted_at,
        keyring(tx).seal_json(said, _place(notice_id, version.version)),
    )  # fmt: skip


def _notice(tx: Transaction, row: Any) -> Notice:
    said = keyring(tx).open_json(row["said"], _place(row["notice_id"], row["version"]), _Said)
    last = None if row["last_on"] is None else Place(row["last_on"], Session(row["last_session"]))
    content = Content(
        Giver(row["contact_id"], said.giver, said.relation), row["channel"], row["given_at"],
        Place(row["first_on"], Session(row["first_session"])), last, said.reason, row["suggested_code"],
    )  # fmt: skip
    version = Version(row["version"], row["state"], content, row["noted_at"], said.noted_by, said.why)
    return Notice(row["notice_id"], row["urn"], row["pupil_id"], version, row["local_id"], row["barred"])


def _place(notice_id: str, version: int) -> str:
    return f"absence_notice/{notice_id}/{version}"
