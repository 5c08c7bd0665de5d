"""Policy sets, the turn by which everybody knows that another one may hold, and who is to be looked at once more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from common.db import Transaction
from common.preconditions import state_of

from absence_engine.domain.policy import Policy, written

ENGLAND = "england"
"""Whose versions ship, and hold where an authority has none of its own."""

TURN = "select epoch, policy_turn, policy_day from engine"
LOCK_TURN = f"{TURN} for update"
NEXT_TURN = "update engine set policy_turn = policy_turn + 1, policy_day = coalesce($1, policy_day)"
DOCUMENTS = "select la_code, document from policy_set where state = 'published' order by la_code, valid_from, version"
BEGUN = """
select la_code, version, valid_from from policy_set where state = 'published' and valid_from <= $1
order by valid_from, version, la_code
"""
FACTS = """
select la_code, version, valid_from, document, state, author, created_at, changed_at, published_by, published_at, reason
from policy_set
"""
READ = f"{FACTS} where la_code = $1 and version = $2"
READ_FOR_UPDATE = f"{READ} for update"
LIST = f"{FACTS} where la_code = any($1::text[]) order by la_code, state desc, valid_from, version"
DRAFT = """
insert into policy_set (la_code, version, valid_from, document, state, author, created_at, changed_at)
values ($1, $2, $3, $4, 'draft', $5, $6, $6)
on conflict (la_code, version) do update set valid_from = excluded.valid_from, document = excluded.document,
    author = excluded.author, changed_at = excluded.changed_at
"""
PUBLISH = """
update policy_set set state = 'published', valid_from = $3, document = $4, published_by = $5, published_at = $6,
    changed_at = $6, reason = $7
where la_code = $1 and version = $2
"""
DELETE = "delete from policy_set where la_code = $1 and version = $2 and state = 'draft' returning true"
SHIP = """
insert into policy_set (la_code, version, valid_from, document, state, author, created_at, changed_at, published_by,
    published_at)
select 'england', t.version, t.valid_from, t.document, 'published', 'rollcall', $4, $4, 'rollcall', $4
from unnest($1::text[], $2::date[], $3::jsonb[]) as t (version, valid_from, document)
on conflict (la_code, version) do nothing
"""
AUTHORITIES = "select distinct la_code from school order by 1"
IS_AUTHORITY = "select exists (select from school where la_code = $1)"
LAS = "select urn, la_code from school where urn = any($1::int[])"
AGAIN = """
insert into reevaluation (la_code, part, version, started_at)
select la_code, part, version, $3
from unnest($1::text[], $2::text[]) as t (la_code, version) cross join generate_series(0, 15) as part
on conflict (la_code, part) do update
set version = excluded.version, cursor = null, children = 0, started_at = excluded.started_at, finished_at = null
"""
HOLD_PARTS = "select from reevaluation where la_code = any($1::text[]) order by la_code, part for update"
UNDER_WAY = """
select la_code, max(version), sum(children)::bigint from reevaluation
group by la_code having bool_or(finished_at is null) order by 1
"""
NOT_BEGUN = """
select la_code || '/' || part || '/' || xmin, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    pg_current_xact_id()::text::bigint
from reevaluation where finished_at is null and cursor is null
"""
"""The row's own xmin is the transaction that made the job, or made it anew. A snapshot's xmax would not do for the last
column: it is behind the last transaction that has ended, not the last that has begun.
"""
TAKE = """
select la_code, part, version, cursor::text from reevaluation
where finished_at is null and (cursor is not null or la_code || '/' || part || '/' || xmin = any($1::text[]))
order by started_at, la_code, part limit 1 for update skip locked
"""
NEXT_IDS = """
select pupil_id::text from child
where pupil_id > $1 and pupil_id <= $4 and (
    exists (select from enrolment as e join school using (urn) where e.pupil_id = child.pupil_id and la_code = $2)
    or exists (select from sheet as s join school using (urn) where s.pupil_id = child.pupil_id and la_code = $2)
)
order by pupil_id limit $3
"""
ADVANCE = "update reevaluation set cursor = $3, children = children + $4 where la_code = $1 and part = $2"
FINISH = "update reevaluation set finished_at = $3 where la_code = $1 and part = $2"

FIRST_ID, LAST_ID = str(UUID(int=0)), str(UUID(int=2**128 - 1))


class PolicyRow(NamedTuple):
    """A version of an authority's policy, as it is kept; `document` is JSON."""

    la_code: str
    version: str
    valid_from: date
    document: str
    state: Literal["draft", "published"]
    author: str
    created_at: datetime
    changed_at: datetime
    published_by: str | None
    published_at: datetime | None
    reason: str | None

    @property
    def content(self) -> dict[str, Any]:
        """The document, decoded."""
        return decoded(self.document)

    @property
    def tag(self) -> str:
        """What a precondition asks for."""
        return state_of(self.state, self.valid_from, self.document)


class Begun(NamedTuple):
    """A published version."""

    la_code: str
    version: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Job:
    """A part of an authority's children who are looked at once more: those with ids behind `cursor`, up to `last`."""

    la_code: str
    part: int
    version: str
    cursor: str
    last: str


class UnderWay(NamedTuple):
    """An authority of whose children not all have been looked at, and how many have."""

    la_code: str
    version: str
    children: int


async def turn(tx: Transaction, *, lock: bool = False) -> tuple[int, int, date | None]:
    """The epoch; how often the versions in force may have changed; the day by which they are. `lock`ed: nobody else
    moves it until the transaction ends.
    """
    row = await tx.fetchrow(LOCK_TURN if lock else TURN)
    assert row is not None
    return row[0], row[1], row[2]


async def next_turn(tx: Transaction, day: date | None = None) -> None:
    """Says that another version may hold for somebody; the `day` by which they do, where it is another one."""
    await tx.execute(NEXT_TURN, day)


async def published(tx: Transaction) -> dict[str, list[Mapping[str, Any]]]:
    """The documents of all published versions, by authority, England's among them."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in await tx.fetch(DOCUMENTS):
        found.setdefault(row[0], []).append(msgspec.json.decode(row[1]))
    return found


async def read(tx: Transaction, la_code: str, version: str, *, lock: bool = False) -> PolicyRow | None:
    """One version."""
    row = await tx.fetchrow(READ_FOR_UPDATE if lock else READ, la_code, version)
    return None if row is None else PolicyRow(*row.values())


async def versions(tx: Transaction, la_codes: Sequence[str]) -> list[PolicyRow]:
    """Every version of some authorities: published ones by the day on which they begin, then drafts."""
    return [PolicyRow(*row.values()) for row in await tx.fetch(LIST, list(la_codes))]


async def keep_draft(tx: Transaction, la_code: str, policy: Policy, author: str, now: datetime) -> None:
    """Adds or replaces a draft."""
    await tx.execute(DRAFT, la_code, policy.version, policy.valid_from, _document(policy), author, now)


async def publish(
    tx: Transaction, la_code: str, policy: Policy, by: str, now: datetime, reason: str | None = None
) -> None:
    """Makes a draft a published version, valid from the policy's day on."""
    await tx.execute(PUBLISH, la_code, policy.version, policy.valid_from, _document(policy), by, now, reason)


async def delete(tx: Transaction, la_code: str, version: str) -> bool:
    """Deletes a draft; False when there is none."""
    return bool(await tx.fetchval(DELETE, la_code, version))


async def ship(tx: Transaction, policies: Sequence[Policy], now: datetime) -> None:
    """Adds the versions that ship and are not there yet."""
    days, documents = [policy.valid_from for policy in policies], [_document(policy) for policy in policies]
    await tx.execute(SHIP, [policy.version for policy in policies], days, documents, now)


async def begun(tx: Transaction, day: date) -> list[Begun]:
    """The published versions of all that hold from a day on that has come by `day`, oldest first."""
    return [Begun(*row.values()) for row in await tx.fetch(BEGUN, day)]


async def authorities(tx: Transaction) -> list[str]:
    """The authorities that have a school."""
    return [row[0] for row in await tx.fetch(AUTHORITIES)]


async def is_authority(tx: Transaction, la_code: str) -> bool:
    """Whether some school is of an authority."""
    return bool(await tx.fetchval(IS_AUTHORITY, la_code))


async def las(tx: Transaction, urns: Collection[int]) -> dict[int, str]:
    """The authority of each of these schools."""
    return {row[0]: row[1] for row in await tx.fetch(LAS, sorted(urns))}


async def hold_parts(tx: Transaction, la_codes: Collection[str]) -> None:
    """Waits until nobody works on a part of these authorities, and has nobody begin until the transaction ends."""
    await tx.execute(HOLD_PARTS, sorted(la_codes))


async def look_again(tx: Transaction, versions: Mapping[str, str], now: datetime) -> None:
    """Has all children of some authorities looked at once more, from the beginning; by authority the version that
    came into force.
    """
    if versions:
        await tx.execute(AGAIN, list(versions), list(versions.values()), now)


async def under_way(tx: Transaction) -> list[UnderWay]:
    """The authorities whose children are still to be looked at."""
    return [UnderWay(*row.values()) for row in await tx.fetch(UNDER_WAY)]


class NotBegun(NamedTuple):
    """A part that nobody has begun, by what `made` it. All transactions with numbers below `ended` are over; all that
    write when it is seen have numbers below `begun`.
    """

    made: str
    ended: int
    begun: int


async def not_begun(tx: Transaction) -> list[NotBegun]:
    """The parts that nobody has begun; in a transaction of its own, which would wait for itself otherwise."""
    return [NotBegun(*row.values()) for row in await tx.fetch(NOT_BEGUN)]


async def take(tx: Transaction, ready: Collection[str]) -> Job | None:
    """The part that has waited longest and that nobody else works on, locked; of those that nobody has begun only one
    that is `ready` (what made it).
    """
    row = await tx.fetchrow(TAKE, list(ready))
    if row is None:
        return None
    before, last = (UUID(int=max((digit << 124) - 1, 0)) for digit in (row["part"], row["part"] + 1))
    return Job(row["la_code"], row["part"], row["version"], row["cursor"] or str(before), str(last))


async def next_ids(tx: Transaction, la_code: str, after: str, limit: int, last: str = LAST_ID) -> list[str]:
    """The next ids with a stay or marks at an authority's schools, in order, up to the `last`."""
    return [row[0] for row in await tx.fetch(NEXT_IDS, after, la_code, limit, last)]


async def advance(tx: Transaction, job: Job, cursor: str, children: int) -> None:
    """Notes that the children up to an id have been looked at."""
    await tx.execute(ADVANCE, job.la_code, job.part, cursor, children)


async def finish(tx: Transaction, job: Job, now: datetime) -> None:
    """Notes that all of a part have been."""
    await tx.execute(FINISH, job.la_code, job.part, now)


def decoded(document: str) -> dict[str, Any]:
    """A document as it is kept, decoded."""
    return msgspec.json.decode(document)


def _document(policy: Policy) -> str:
    return msgspec.json.encode(written(policy)).decode()
