"""How registers and deletions come in: one statement reads all that a batch of them needs, two keep what is new in it.

The marks themselves go by COPY: that is what a busy morning consists of. Numbers for submissions are drawn with the
reading, while their schools are locked; those of registers that bring nothing are never used.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from common.arrays import array
from common.db import Transaction, keyring

from registers.domain import standing
from registers.domain.calendars import admits
from registers.domain.ledger import LedgerEntry
from registers.domain.register import KINDS, Kept, Known, Register, Waiting
from registers.domain.standing import Entry
from registers.store import upns, year_groups
from registers.store.details import as_kept, details_of, taker
from registers.store.ledger import APPENDING, columns_of
from registers.store.marks import columns, entry_of
from registers.store.upns import FORMER

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

OF_REGISTERS = """
select 3, r.r, null,
    coalesce(case r.session when 0 then c.am else c.pm end, false)
        and r.date between coalesce(s.opened_on, r.date) and coalesce(s.closed_on, r.date),
    nextval('submission_received_seq'), null, null, null, null,
    to_jsonb(case r.session when 0 then c.am_groups else c.pm_groups end),
    case when r.date > s.closed_on then s.successor_urn end, null, null
from register as r left join lateral (
    select * from calendar_day as c where c.urn = r.urn and c.date = r.date offset 0
) as c on true left join lateral (
    select opened_on, closed_on, successor_urn from school as s where s.urn = r.urn offset 0
) as s on true
"""
"""A row per register: `flag` says whether the session is open, `received` is its number; `details`: the year groups for
which it is open, null for all; `rank`: the successor of a school that has closed.
"""
READ = f"""
with register as materialized (
    select * from unnest($1::int[], $2::date[], $3::smallint[]) with ordinality as r(urn, date, session, r)
),
found as materialized (
    select 0 as kind, a.n, r.urn, r.date, r.session, s.pupil_id
    from unnest($4::int[], $5::text[]) with ordinality as a(r, key, n) join register as r using (r) cross join lateral (
        select s.pupil_id from school_pupil as s where s.urn = r.urn and s.local_id = a.key offset 0
    ) as s
    union all
    select 1, a.n, r.urn, r.date, r.session, p.pupil_id
    from unnest($6::int[], $7::text[]) with ordinality as a(r, key, n) join register as r using (r) cross join lateral (
        select coalesce(
            (select p.pupil_id from pupil as p where p.upn_key = a.key),
            (select coalesce(p.survivor, p.pupil_id) from pupil as p where p.pupil_id = ({FORMER.format(key="a.key")}))
        ) as pupil_id offset 0
    ) as p
    union all
    select 2, a.n, r.urn, r.date, r.session, p.pupil_id
    from unnest($8::int[], $9::text::uuid[]) with ordinality as a(r, key, n) join register as r using (r)
    cross join lateral (
        select coalesce(p.survivor, p.pupil_id) as pupil_id from pupil as p where p.pupil_id = a.key offset 0
    ) as p
),
id as materialized (
    select kind, n, urn, date, session, pupil_id as child, pupil_id from found
    union all
    select f.kind, f.n, f.urn, f.date, f.session, f.pupil_id, dead.pupil_id
    from found as f cross join lateral (
        select dead.pupil_id from pupil as dead where dead.survivor = f.pupil_id offset 0
    ) as dead
)
select id.kind, id.n, id.child::text as child,
    coalesce(e.enrolled, case when exists (
        select from school_pupil as s where s.pupil_id = id.child and s.urn = id.urn
    ) then false end) as flag,
    m.received, m.place, m.pupil_id::text as pupil_id, m.version, m.code, m.details, m.rank, m.standing, m.problem
from id
cross join lateral (
    select bool_or(e.from_date <= id.date and coalesce(e.to_date >= id.date, true)) as enrolled
    from enrolment as e where e.urn = id.urn and e.pupil_id = id.child
) as e
left join lateral (
    select * from mark as m
    where m.urn = id.urn and m.date = id.date and m.session = id.session and m.pupil_id = id.pupil_id offset 0
) as m on true
union all
{OF_REGISTERS}"""  # noqa: S608 - put together from constants
"""A row per key that is found and entry of its slot (kind 0 to 2, in the order of KINDS; `flag`: enrolled, null where
the school does not know the child), and those of OF_REGISTERS.

`lateral … offset 0`: each key looks into an index, whatever the planner believes of tables that have just been filled.
"""
OF_REGISTER = 3
UNKNOWN = "unknown-pupil"

WAITING = """
select a.n, u.received, u.place, u.version, u.code, u.details
from unnest($1::int[], $2::date[], $3::smallint[], $4::text[], $5::text[]) with ordinality
    as a(urn, date, session, kind, key, n)
join unresolved as u
    on u.urn = a.urn and u.key_kind = a.kind and u.key = a.key and u.date = a.date and u.session = a.session
order by u.received, u.place
"""

KEEP = f"""
with submitted as (
    insert into submission (received, urn, date, session, kind, source_version, taken_at, taker, received_at,
        correlation_id)
    overriding system value
    select * from unnest($7::bigint[], $8::int[], $9::date[], $10::smallint[], $11::text[], $12::bigint[],
        $13::timestamptz[], $14::bytea[], $15::timestamptz[], $16::text[])
),
{APPENDING}
"""  # noqa: S608 - put together from constants
MARK = (
    "urn", "date", "session", "received", "pupil_id", "place", "version", "code", "details", "rank", "standing",
    "problem", "unexplained",
)  # fmt: skip
UNRESOLVED = (
    "urn", "date", "session", "received", "place", "key_kind", "key", "version", "code", "details", "problem",
)  # fmt: skip


class Submission(NamedTuple):
    """A register or a deletion with the number that it has, and what is kept of it."""

    register: Register
    received: int
    kind: str
    kept: Sequence[Kept]
    waiting: Sequence[Waiting] = ()


class _Keys(NamedTuple):
    """The keys of one kind that registers give, as columns: the number of the register (from 1), key, place."""

    registers: list[int]
    keys: list[str]
    places: list[int]


async def known(tx: Transaction, registers: Sequence[Register]) -> list[Known]:
    """What is kept that matters to each of some registers, and the numbers drawn for them; their schools are locked."""
    asked = _keys(registers)
    rows = await tx.fetch(
        READ,
        [register.urn for register in registers],
        [register.on for register in registers],
        [register.session for register in registers],
        *asked[0][:2],
        asked[1].registers,
        [upns.key(tx, upn) for upn in asked[1].keys],
        asked[2].registers,
        array(asked[2].keys),
    )
    result = [Known() for _ in registers]
    staggered: dict[int, frozenset[int]] = {}
    for row in rows:
        kind, n, child, flag, received = row[0], row[1], row[2], row[3], row[4]
        if kind == OF_REGISTER:
            tell(result[n - 1], n - 1, row, staggered)
            continue
        if flag is None:
            continue
        one = result[asked[kind].registers[n - 1] - 1]
        one.found[asked[kind].places[n - 1], KINDS[kind]] = child
        if flag:
            one.enrolled.add(child)
        if received is not None:
            entry = entry_of(tx, row)
            slot = one.slots.setdefault(child, [])
            if entry not in slot:  # two keys of a mark bring its slot twice
                slot.append(entry)
    await complete(tx, registers, result, staggered)
    return result


def tell(one: Known, at: int, row: Any, staggered: dict[int, frozenset[int]]) -> None:
    """Takes what a row of OF_REGISTERS says of the register at this place."""
    one.is_open, one.received, one.successor = row["flag"], row["received"], row["rank"]
    if row["details"] is not None:
        staggered[at] = msgspec.json.decode(row["details"], type=frozenset[int])


async def complete(
    tx: Transaction, registers: Sequence[Register], result: Sequence[Known], staggered: Mapping[int, frozenset[int]]
) -> None:
    """Puts slots into commit order; adds for whom a session is closed, and the marks that wait for unknown pupils."""
    for one in result:
        for slot in one.slots.values():
            slot.sort(key=lambda entry: (entry.received, entry.place))
    if staggered:
        await _keep_out(tx, registers, result, staggered)
    await _add_waiting(tx, registers, result)


async def _keep_out(
    tx: Transaction, registers: Sequence[Register], result: Sequence[Known], staggered: Mapping[int, frozenset[int]]
) -> None:
    """Notes for whom the sessions are closed that are open for some year groups only (places in `result`)."""
    asked = {(registers[at].urn, child) for at in staggered for child in result[at].found.values()}
    said = await year_groups.said(tx, asked)
    for at, groups in staggered.items():
        urn, on, one = registers[at].urn, registers[at].on, result[at]
        one.kept_out = {child for child in one.found.values() if not admits(groups, said.get((urn, child), {}), on)}


def _keys(registers: Sequence[Register]) -> tuple[_Keys, _Keys, _Keys]:
    """The keys that registers give, by kind in the order of KINDS."""
    by_local_id, by_upn, by_id = _Keys([], [], []), _Keys([], [], []), _Keys([], [], [])
    for number, register in enumerate(registers, start=1):
        for place, mark in enumerate(register.marks):
            for keys, key in ((by_local_id, mark.local_id), (by_upn, mark.upn), (by_id, mark.pupil_id)):
                if key is not None and (keys is not by_id or UUID.fullmatch(key)):
                    keys.registers.append(number)
                    keys.keys.append(key)
                    keys.places.append(place)
    return by_local_id, by_upn, by_id


async def _add_waiting(tx: Transaction, registers: Sequence[Register], result: Sequence[Known]) -> None:
    """Adds the marks that wait under the keys that nobody has."""
    unknown = [
        (one, register, *mark.names()[0])
        for register, one in zip(registers, result, strict=True)
        if len({place for place, _ in one.found}) < len(register.marks)
        for place, mark in enumerate(register.marks)
        if not any((place, kind) in one.found for kind, _ in mark.names())
    ]
    if not unknown:
        return
    asked = [
        (register.urn, register.on, register.session, kind, upns.key(tx, key) if kind == "upn" else key)
        for _, register, kind, key in unknown
    ]
    for row in await tx.fetch(WAITING, *columns(asked, 5)):
        one, _, kind, key = unknown[row["n"] - 1]
        details = details_of(tx, row["details"], row["received"], row["place"])
        entry = Entry("", row["received"], row["place"], row["version"], row["code"], details)
        one.waiting.setdefault((kind, key), []).append(entry)
    for one in result:
        for key, waiting in one.waiting.items():
            ranks = standing.ranks(waiting)
            one.waiting[key] = [entry._replace(rank=rank) for entry, rank in zip(waiting, ranks, strict=True)]


async def keep(tx: Transaction, submissions: Sequence[Submission], entries: Sequence[LedgerEntry] = ()) -> None:
    """Keeps what is new, and appends what that says to the ledgers; every submission here brings something."""
    ring = keyring(tx)
    sent = [
        (one.received, r.urn, r.on, r.session, one.kind, r.version, r.taken_at,
         taker(ring, one.received, r.taken_by), r.received_at, r.correlation_id)
        for one in submissions
        for r in (one.register,)
    ]  # fmt: skip
    await tx.execute(KEEP, *columns_of(entries), *columns(sent, 10))
    marks = [
        (r.urn, r.on, r.session, one.received, k.pupil_id, k.place, k.version, k.code,
         as_kept(ring, k.details, one.received, k.place), *k.verdict, k.unexplained)
        for one in submissions
        for r in (one.register,)
        for k in one.kept
    ]  # fmt: skip
    if marks:
        await tx.copy_records_to_table("mark", records=marks, columns=MARK)
    of = await upns.know(tx, {w.key for one in submissions for w in one.waiting if w.kind == "upn"})
    waiting = [
        (
            r.urn,
            r.on,
            r.session,
            one.received,
            w.place,
            w.kind,
            of[w.key] if w.kind == "upn" else w.key,
            w.version,
            w.code,
            as_kept(ring, w.details, one.received, w.place),
            UNKNOWN,
        )
        for one in submissions
        for r in (one.register,)
        for w in one.waiting
    ]
    if waiting:
        await tx.copy_records_to_table("unresolved", records=waiting, columns=UNRESOLVED)
