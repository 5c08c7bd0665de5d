"""Patterns that were said, and which school is to be looked at for them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from common.arrays import array
from common.db import Transaction
from common.events.absence_engine import CountedSession

from absence_engine.domain.patterns.kept import Kept, Shown

ADD_LOOKS = """
insert into pattern_look (urn)
select urn from ledger_position where not exists (select from pattern_look as l where l.urn = ledger_position.urn)
order by urn on conflict do nothing
"""
TAKE = """
with at as (
    select p.urn, evaluated, last_register_date, policy_turn,
        last_register_date - (last_register_session = 0 and last_register_date >= $1)::int as day
    from ledger_position as p cross join engine left join school on school.urn = p.urn
    where last_register_date >= $1 - 60 and state = 'following' and number >= former
        and not coalesce(school.recalculating, false)
)
select at.* from pattern_look as l join at using (urn)
where l.policy_turn is distinct from at.policy_turn
    or (l.sequence <> at.evaluated and (l.looked_on < $1 or (at.day >= $1 and at.day > l.day)))
order by urn limit 1 for update of l skip locked
"""
FINISH = "update pattern_look set sequence = $2, day = $3, looked_on = $4, policy_turn = $5 where urn = $1"
COLUMNS = """
pattern_id::text, origin::text, coalesce(child.survivor, origin)::text, kind, what, year, detail::text, policy_version,
school_urn, detected_at, gone_at, epoch, revision
"""
OF_CHILDREN = f"""
select {COLUMNS} from unnest($1::text::uuid[]) as wanted (origin) join pattern using (origin)
join child on child.pupil_id = origin where year = $2
"""  # noqa: S608 (constants)
OF_SCHOOL = f"""
select {COLUMNS} from pattern join child on child.pupil_id = origin
where school_urn = $1 and ($2::text is null or kind = $2) and kind is distinct from $7 and (gone_at is null) = $3
    and ($4::timestamptz is null or (detected_at, pattern_id) < ($4, $5::uuid))
order by detected_at desc, pattern_id desc limit $6
"""  # noqa: S608 (constants)
OF_ALL = f"""
select {COLUMNS} from pattern join child on child.pupil_id = origin
where ($1::int is null or school_urn = $1) and ($2::uuid is null or pattern_id > $2) order by pattern_id limit $3
"""  # noqa: S608 (constants)
SAVE = """
insert into pattern (pattern_id, origin, kind, what, year, school_urn, detail, policy_version, detected_at, gone_at,
    epoch, revision)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::int[], $7::jsonb[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::int[], $12::int[])
on conflict (pattern_id) do update set school_urn = excluded.school_urn, detail = excluded.detail,
    policy_version = excluded.policy_version, detected_at = excluded.detected_at, gone_at = excluded.gone_at,
    epoch = excluded.epoch, revision = excluded.revision
"""


class Look(NamedTuple):
    """A school that is to be looked at: its ledger is counted up to `sequence`, its last register is of a day, and
    `day` is the last school day that is over.
    """

    urn: int
    sequence: int
    last_register: date
    policy_turn: int
    day: date


class Place(NamedTuple):
    """A pattern's place in a school's list."""

    detected_at: datetime
    pattern_id: str


class _Detail(msgspec.Struct):
    sentence: str
    sessions: list[CountedSession]
    numbers: dict[str, int]


async def take(tx: Transaction, today: date) -> Look | None:
    """Locks a school that is to be looked at and that nobody else looks at; None when there is none.

    Due is a school with something new once on each day, and once more when the afternoon of that day has come; every
    school when other policies may be in force. One without a register for 60 days is not: it is closed, or a replay has
    not come nearer.
    """
    await tx.execute(ADD_LOOKS)
    row = await tx.fetchrow(TAKE, today)
    return None if row is None else Look(*row)


async def finish(tx: Transaction, look: Look, today: date) -> None:
    """Notes that a school has been looked at."""
    await tx.execute(FINISH, look.urn, look.sequence, look.day, today, look.policy_turn)


async def of_children(tx: Transaction, pupil_ids: Iterable[str], year: int) -> list[Kept]:
    """What was said in a year of children, under these ids."""
    return [_kept(tuple(row)) for row in await tx.fetch(OF_CHILDREN, array(pupil_ids), year)]


async def of_school(
    tx: Transaction,
    urn: int,
    kind: str | None,
    without: str | None,
    after: Place | None,
    limit: int,
    *,
    standing: bool,
) -> list[Kept]:
    """What was said of children at a school, of one kind or without one, the latest first."""
    rows = await tx.fetch(OF_SCHOOL, urn, kind, standing, *(after or (None, None)), limit, without)
    return [_kept(tuple(row)) for row in rows]


async def page(tx: Transaction, urn: int | None, after: str | None, limit: int) -> list[Kept]:
    """What was said, of a school if one is given, by id from `after` on."""
    return [_kept(tuple(row)) for row in await tx.fetch(OF_ALL, urn, after, limit)]


async def save(tx: Transaction, said: Sequence[Kept]) -> None:
    """Keeps patterns as they are said now; their children must be locked."""
    if said:
        columns: Iterable[Sequence[Any]] = zip(*(_row(one) for one in said), strict=True)
        await tx.execute(SAVE, *(list(column) for column in columns))


def _row(one: Kept) -> tuple[Any, ...]:
    its = one.shown
    detail = msgspec.json.encode(_Detail(its.sentence, list(its.sessions), its.numbers)).decode()
    said = (one.pattern_id, one.origin, its.kind, its.what, its.year, one.school_urn, detail, its.policy_version)
    return *said, one.detected_at, one.gone_at, one.epoch, one.revision


def _kept(row: Sequence[Any]) -> Kept:
    detail = msgspec.json.decode(row[6], type=_Detail)
    shown = Shown(row[3], row[4], row[5], detail.sentence, detail.sessions, detail.numbers, row[7])
    return Kept(row[0], row[1], row[2], shown, row[8], row[9], row[10], row[11], row[12])
