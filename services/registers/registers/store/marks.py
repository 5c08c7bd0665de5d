"""Slots: what was sent for a child in a session, kept for ever, and what was last decided about it.

Reading and writing go by whole batches: one statement reads all that some registers need, one keeps what is new in
them, one changes verdicts.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from common.academic import Session
from common.db import Transaction

from registers.domain import standing
from registers.domain.register import Changed, Kept, KeyKind, Known, Register, Waiting
from registers.domain.settling import Placed
from registers.domain.standing import Details, Entry

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

READ = """
with asked as materialized (
    select * from unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::date[], $6::smallint[])
        as a(n, kind, key, urn, date, session)
),
found as (
    select a.n, a.urn, a.date, a.session, coalesce(p.survivor, p.pupil_id) as pupil_id
    from asked as a join pupil as p on p.pupil_id = case when a.kind = 'pupil_id' then a.key::uuid end
    union all
    select a.n, a.urn, a.date, a.session, p.pupil_id
    from asked as a join pupil as p on p.upn = case when a.kind = 'upn' then a.key end
    union all
    select a.n, a.urn, a.date, a.session, s.pupil_id
    from asked as a
    join school_pupil as s on s.urn = a.urn and s.local_id = case when a.kind = 'local_id' then a.key end
)
select f.n, f.pupil_id::text as child,
    coalesce(e.enrolled, case when exists (
        select from school_pupil as s where s.pupil_id = f.pupil_id and s.urn = f.urn
    ) then false end) as flag,
    m.pupil_id::text as pupil_id, m.received, m.place, m.version, m.code, m.details, m.rank, m.standing, m.problem
from found as f
cross join lateral (
    select bool_or(e.from_date <= f.date and coalesce(e.to_date >= f.date, true)) as enrolled
    from enrolment as e where e.urn = f.urn and e.pupil_id = f.pupil_id
) as e
left join lateral (
    select m.* from mark as m
    where m.urn = f.urn and m.date = f.date and m.session = f.session and m.pupil_id = f.pupil_id
    union all
    select m.* from pupil as dead join mark as m using (pupil_id)
    where dead.survivor = f.pupil_id and m.urn = f.urn and m.date = f.date and m.session = f.session
) as m on true
union all
select -1 - d.n, null, case d.session when 0 then c.am else c.pm end,
    null, null, null, null, null, null, null, null, null
from unnest($7::int[], $8::int[], $9::date[], $10::smallint[]) as d(n, urn, date, session)
join calendar_day as c on c.urn = d.urn and c.date = d.date
"""

WAITING = """
select a.n, u.received, u.place, u.version, u.code, u.details
from unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::date[], $6::smallint[])
    as a(n, kind, key, urn, date, session)
join unresolved as u
    on u.urn = a.urn and u.key_kind = a.kind and u.key = a.key and u.date = a.date and u.session = a.session
order by u.received, u.place
"""

KEEP = """
with sent as materialized (
    select s.*, nextval('submission_received_seq') as received
    from unnest($1::int[], $2::int[], $3::date[], $4::smallint[], $5::text[], $6::bigint[], $7::timestamptz[],
        $8::text[], $9::timestamptz[], $10::text[])
        as s(n, urn, date, session, kind, source_version, taken_at, taken_by, received_at, correlation_id)
),
submitted as (
    insert into submission (received, urn, date, session, kind, source_version, taken_at, taken_by, received_at,
        correlation_id)
    overriding system value
    select received, urn, date, session, kind, source_version, taken_at, taken_by, received_at, correlation_id from sent
),
kept as (
    insert into mark (urn, date, session, pupil_id, received, place, version, code, details, rank, standing, problem,
        unexplained)
    select s.urn, s.date, s.session, m.pupil_id, s.received, m.place, m.version, m.code, m.details, m.rank, m.standing,
        m.problem, m.unexplained
    from unnest($11::int[], $12::uuid[], $13::smallint[], $14::bigint[], $15::text[], $16::jsonb[], $17::bigint[],
        $18::bool[], $19::text[], $20::bool[])
        as m(n, pupil_id, place, version, code, details, rank, standing, problem, unexplained)
    join sent as s on s.n = m.n
)
select n, received from sent
"""

WAIT = """
insert into unresolved (urn, date, session, received, place, key_kind, key, version, code, details, problem)
select *, 'unknown-pupil' from unnest($1::int[], $2::date[], $3::smallint[], $4::bigint[], $5::smallint[], $6::text[],
    $7::text[], $8::bigint[], $9::text[], $10::jsonb[])
"""

CHANGE = """
update mark as m set rank = c.rank, standing = c.standing, problem = c.problem
from unnest($2::date[], $3::smallint[], $4::uuid[], $5::bigint[], $6::smallint[], $7::bigint[], $8::bool[], $9::text[])
    as c(date, session, pupil_id, received, place, rank, standing, problem)
where m.urn = $1 and m.date = c.date and m.session = c.session and m.pupil_id = c.pupil_id
    and m.received = c.received and m.place = c.place
"""

PLACED = """
with chosen as ({chosen})
select m.date, m.session, m.child::text as child,
    coalesce(case m.session when 0 then c.am else c.pm end, false) as is_open,
    exists (
        select from enrolment as e where e.urn = m.urn and e.pupil_id = m.child
            and e.from_date <= m.date and coalesce(e.to_date >= m.date, true)
    ) as is_enrolled,
    m.pupil_id::text as pupil_id, m.received, m.place, m.version, m.code, m.details, m.rank, m.standing, m.problem
from chosen as m left join calendar_day as c on c.urn = m.urn and c.date = m.date
order by m.date, m.session, m.child, m.received, m.place
"""
OF_CHILDREN = PLACED.format(
    chosen="""
    with span as (select * from unnest($2::uuid[], $3::date[], $4::date[]) as s(child, first, last)),
    id as (
        select s.*, s.child as pupil_id from span as s
        union all
        select s.*, dead.pupil_id from span as s join pupil as dead on dead.survivor = s.child
    )
    select m.*, id.child
    from id join mark as m on m.urn = $1 and m.pupil_id = id.pupil_id and m.date between id.first and id.last
    """
)
OF_SESSIONS = PLACED.format(
    chosen="""
    select m.*, coalesce(p.survivor, p.pupil_id) as child
    from unnest($2::date[], $3::smallint[]) as s(date, session)
    join mark as m on m.urn = $1 and m.date = s.date and m.session = s.session
    join pupil as p using (pupil_id)
    """
)
DAYS_WITH_MARKS = "select distinct date from mark where urn = $1 and date > $2 order by date"
SCHOOLS_DUE = """
select urn, array_agg(distinct date order by date) as days from mark
where problem = 'future-date' and date <= $1 group by urn order by urn
"""
SCHOOLS_EARLY = "select distinct urn from mark where standing and date > $1 order by urn"

FIND_PUPILS = """
with resolved as (
    select u.received, u.place, coalesce(by_local.pupil_id, by_upn.pupil_id, by_id.survivor, by_id.pupil_id) as pupil_id
    from unresolved as u
    left join school_pupil as by_local
        on u.key_kind = 'local_id' and by_local.urn = u.urn and by_local.local_id = u.key
    left join pupil as by_upn on u.key_kind = 'upn' and by_upn.upn = u.key
    left join pupil as by_id
        on u.key_kind = 'pupil_id' and by_id.pupil_id = case
            when u.key ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then u.key::uuid end
    where u.urn = $1
),
moved as (
    delete from unresolved as u using resolved as r
    where u.received = r.received and u.place = r.place and exists (
        select from school_pupil as s where s.pupil_id = r.pupil_id and s.urn = $1
    )
    returning u.*, r.pupil_id
)
insert into mark (urn, date, session, pupil_id, received, place, version, code, details, rank, standing, problem,
    unexplained)
select urn, date, session, pupil_id, received, place, version, code, details, 0, false, null, false from moved
returning pupil_id::text, date, received, place
"""


class Arrived(NamedTuple):
    """A mark that waited for its pupil until now."""

    pupil_id: str
    on: date
    received: int
    place: int


_details = msgspec.json.Decoder(Details)


def entry_of(row: Any) -> Entry:
    """The entry in a row of `mark`, or of what reads it."""
    return Entry(
        row["pupil_id"],
        row["received"],
        row["place"],
        row["version"],
        row["code"],
        None if row["details"] is None else _details.decode(row["details"]),
        row["rank"],
        row["standing"],
        row["problem"],
    )


async def known(tx: Transaction, registers: Sequence[Register]) -> list[Known]:
    """What is kept that matters to each of some registers; their schools are locked."""
    result = [Known() for _ in registers]
    asked = _Asked()
    for n, register in enumerate(registers):
        for place, mark in enumerate(register.marks):
            for kind, key in mark.names():
                if kind != "pupil_id" or _UUID.fullmatch(key):
                    asked.add(n, register, place, kind, key)
    rows = await tx.fetch(
        READ,
        *asked.columns(),
        list(range(len(registers))),
        [register.urn for register in registers],
        [register.on for register in registers],
        [register.session for register in registers],
    )
    for row in rows:
        n, flag = row["n"], row["flag"]
        if n < 0:
            result[-1 - n].is_open = flag
        elif flag is not None:
            _take(row, result[asked.register[n]], asked.place[n], asked.kinds[n])
    for one in result:
        for slot in one.slots.values():
            slot.sort(key=lambda entry: (entry.received, entry.place))
    await _add_waiting(tx, registers, result)
    return result


class _Asked:
    """The keys that registers give, as columns; what is found is told by a key's number here."""

    def __init__(self) -> None:
        self.register: list[int] = []
        self.place: list[int] = []
        self.kinds: list[KeyKind] = []
        self._keys: list[str] = []
        self._urns: list[int] = []
        self._days: list[date] = []
        self._sessions: list[int] = []

    def add(self, n: int, register: Register, place: int, kind: KeyKind, key: str) -> None:
        self.register.append(n)
        self.place.append(place)
        self.kinds.append(kind)
        self._keys.append(key)
        self._urns.append(register.urn)
        self._days.append(register.on)
        self._sessions.append(register.session)

    def columns(self) -> tuple[list[Any], ...]:
        return list(range(len(self._keys))), self.kinds, self._keys, self._urns, self._days, self._sessions

    def __bool__(self) -> bool:
        return bool(self._keys)


def _take(row: Any, into: Known, place: int, kind: KeyKind) -> None:
    """Takes in what one row says of one key of one mark."""
    child = row["child"]
    into.found[place, kind] = child
    if row["flag"]:
        into.enrolled.add(child)
    if row["received"] is not None:
        entry = entry_of(row)
        slot = into.slots.setdefault(child, [])
        if entry not in slot:  # two keys of a mark bring the slot twice
            slot.append(entry)


async def _add_waiting(tx: Transaction, registers: Sequence[Register], result: Sequence[Known]) -> None:
    """Adds the marks that wait under the keys that nobody has."""
    asked = _Asked()
    for n, (register, one) in enumerate(zip(registers, result, strict=True)):
        if len(one.found) < len(register.marks):
            for place, mark in enumerate(register.marks):
                kind, key = mark.names()[0]
                if (place, kind) not in one.found:
                    asked.add(n, register, place, kind, key)
    if not asked:
        return
    columns = asked.columns()
    for row in await tx.fetch(WAITING, *columns):
        n = row["n"]
        waiting = result[asked.register[n]].waiting.setdefault((asked.kinds[n], columns[2][n]), [])
        details = None if row["details"] is None else _details.decode(row["details"])
        waiting.append(Entry("", row["received"], row["place"], row["version"], row["code"], details))
    for one in result:
        for key, waiting in one.waiting.items():
            ranks = standing.ranks(waiting)
            one.waiting[key] = [entry._replace(rank=rank) for entry, rank in zip(waiting, ranks, strict=True)]


class Submission(NamedTuple):
    """A register or a deletion, and what is kept of it."""

    register: Register
    kind: str
    kept: Sequence[Kept]
    waiting: Sequence[Waiting] = ()


async def keep(tx: Transaction, submissions: Sequence[Submission]) -> None:
    """Keeps what is new; every submission here brings something. Draws their numbers: their schools are locked."""
    sent = [
        (n, r.urn, r.on, r.session, one.kind, r.version, r.taken_at, r.taken_by, r.received_at, r.correlation_id)
        for n, one in enumerate(submissions)
        for r in (one.register,)
    ]
    marks = [
        (n, k.pupil_id, k.place, k.version, k.code, _json(k.details), *k.verdict, k.unexplained)
        for n, one in enumerate(submissions)
        for k in one.kept
    ]  # fmt: skip
    rows = await tx.fetch(KEEP, *_columns(sent, 10), *_columns(marks, 10))
    received = {row["n"]: row["received"] for row in rows}
    waiting = [
        (r.urn, r.on, r.session, received[n], w.place, w.kind, w.key, w.version, w.code, _json(w.details))
        for n, one in enumerate(submissions)
        for r in (one.register,)
        for w in one.waiting
    ]
    if waiting:
        await tx.execute(WAIT, *_columns(waiting, 10))


async def change(tx: Transaction, urn: int, changed: Sequence[Changed]) -> None:
    """Notes new verdicts on entries that are kept already."""
    if changed:
        rows = [(c.on, c.session, c.entry.pupil_id, c.entry.received, c.entry.place, *c.verdict) for c in changed]
        await tx.execute(CHANGE, urn, *_columns(rows, 8))


async def slots_of_children(tx: Transaction, urn: int, spans: Sequence[tuple[str, date, date]]) -> list[Placed]:
    """The whole slots of some children (living id, once each; first and last day) at a school, ready for `settle`."""
    return _placed(await tx.fetch(OF_CHILDREN, urn, *_columns(spans, 3)))


async def slots_of_sessions(tx: Transaction, urn: int, sessions: Sequence[tuple[date, Session]]) -> list[Placed]:
    """The whole slots of some sessions at a school, ready for `settle`."""
    return _placed(await tx.fetch(OF_SESSIONS, urn, *_columns(sessions, 2)))


async def days_with_marks(tx: Transaction, urn: int, after: date) -> list[date]:
    """The days after `after` for which the school has sent marks."""
    return [row["date"] for row in await tx.fetch(DAYS_WITH_MARKS, urn, after)]


async def schools_with_days_due(tx: Transaction, today: date) -> dict[int, list[date]]:
    """By school, the days that have come for which marks are waiting."""
    return {row["urn"]: row["days"] for row in await tx.fetch(SCHOOLS_DUE, today)}


async def schools_with_marks_after(tx: Transaction, today: date) -> list[int]:
    """Schools where a mark stands for a day after today: somebody has turned the clock back."""
    return [row["urn"] for row in await tx.fetch(SCHOOLS_EARLY, today)]


async def find_pupils(tx: Transaction, urn: int) -> list[Arrived]:
    """Moves the marks whose pupil the school knows by now to their slots, where they are still to be judged."""
    return [Arrived(*row.values()) for row in await tx.fetch(FIND_PUPILS, urn)]


def _placed(rows: Iterable[Any]) -> list[Placed]:
    return [
        Placed(row["date"], Session(row["session"]), row["child"], row["is_open"], row["is_enrolled"], entry_of(row))
        for row in rows
    ]


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _json(details: Details | None) -> str | None:
    return None if details is None else msgspec.json.encode(details).decode()
