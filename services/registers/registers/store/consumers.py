"""Agreements with clients, and what of them is still to be announced.

Which schools an authority has and what is agreed about authorities change in different transactions. Whoever changes
either takes `lock` before it asks which schools an agreement comes to, so that of two that meet the later sees both.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from common.access.store import CHANNEL
from common.correlation import correlation_id
from common.db import Transaction
from common.events import encode, make
from common.events.consumers import TOPIC
from common.listen import notify
from common.relay import Outgoing

from registers.domain.consumers import Consumer, as_event

LOCK = "select pg_advisory_xact_lock(hashtextextended('consumers', 0))"
FACTS = """
select client_id, organisation, organisation_type, reference, purposes, agreement_from, agreement_to, scopes, las, urns,
    cohorts, redactions, revoked_at, version, schools
from consumer
"""
READ = f"{FACTS} where client_id = $1"
LIST = f"{FACTS} where client_id > $1 order by client_id limit $2"
ALL = f"{FACTS} order by client_id"
PUT = """
insert into consumer (client_id, organisation, organisation_type, reference, purposes, agreement_from, agreement_to,
    scopes, las, urns, cohorts, redactions, revoked_at, version)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)
on conflict (client_id) do update
set organisation = excluded.organisation, organisation_type = excluded.organisation_type,
    reference = excluded.reference, purposes = excluded.purposes, agreement_from = excluded.agreement_from,
    agreement_to = excluded.agreement_to, scopes = excluded.scopes, las = excluded.las, urns = excluded.urns,
    cohorts = excluded.cohorts, redactions = excluded.redactions, revoked_at = excluded.revoked_at
"""
RESOLVE = """
update consumer
set version = version + 1,
    schools = case when las is null and urns is null then null else array(
        select urn from school where la_code = any(coalesce(consumer.las, '{}'))
        union select unnest(consumer.urns) order by 1
    ) end
where client_id = any($1::text[]) or las && $2::text[]
returning client_id, organisation, organisation_type, reference, purposes, agreement_from, agreement_to, scopes, las,
    urns, cohorts, redactions, revoked_at, version, schools
"""
ANNOUNCE = """
insert into announcement (key, event_id, body) select * from unnest($1::text[], $2::text[], $3::bytea[])
"""
TAKE = "select id, key, event_id, body from announcement order by id limit $1"
DONE = "delete from announcement where id = any($1::bigint[])"


async def lock(tx: Transaction) -> None:
    """Waits until nobody else is finding out which schools an agreement comes to."""
    await tx.execute(LOCK)


async def read(tx: Transaction, client_id: str) -> Consumer | None:
    """What is agreed with a client."""
    row = await tx.fetchrow(READ, client_id)
    return None if row is None else _consumer(row)


async def page(tx: Transaction, after: str, limit: int) -> list[Consumer]:
    """Agreements by client, from the one after `after` on."""
    return [_consumer(row) for row in await tx.fetch(LIST, after, limit)]


def _consumer(row: Any) -> Consumer:
    return Consumer(*(tuple(value) if isinstance(value, list) else value for value in row.values()))  # type: ignore[arg-type]


async def put(tx: Transaction, consumer: Consumer) -> None:
    """Makes this what is agreed with the client. The lock is held; `resolve` follows."""
    await tx.execute(
        PUT, consumer.client_id, consumer.organisation, consumer.organisation_type, consumer.reference,
        consumer.purposes, consumer.agreed_from, consumer.agreed_to, consumer.scopes, consumer.las, consumer.urns,
        consumer.cohorts, consumer.redactions, consumer.revoked_at,
    )  # fmt: skip


async def resolve(tx: Transaction, clients: Collection[str], las: Collection[str] = ()) -> list[Consumer]:
    """Finds out anew which schools the agreements with these clients, and those about these authorities, come to; each
    of them as it is now, in a version of its own. The lock is held.
    """
    return [_consumer(row) for row in await tx.fetch(RESOLVE, list(clients), list(las))]


async def announce(tx: Transaction, consumers: Sequence[Consumer], now: datetime) -> None:
    """Tells all services, by the relay, and at once the processes of this one."""
    if not consumers:
        return
    events = [
        make(
            as_event(one),
            id=f"{one.client_id}/{one.version}",
            subject=one.client_id,
            now=now,
            correlationid=correlation_id(),
        )
        for one in consumers
    ]
    await tx.execute(
        ANNOUNCE, [event.subject for event in events], [event.id for event in events], list(map(encode, events))
    )
    await notify(tx, CHANNEL)


async def announce_all(tx: Transaction, now: datetime) -> int:
    """Tells all agreements again, as they are; how many."""
    known = [_consumer(row) for row in await tx.fetch(ALL)]
    await announce(tx, known, now)
    return len(known)


async def take(connection: Transaction, limit: int) -> list[Outgoing]:
    """The oldest announcements. Their ids are negative, for the relay numbers the ledgers' entries with the others."""
    return [
        Outgoing(-row["id"], TOPIC, row["key"].encode(), row["event_id"], row["body"])
        for row in await connection.fetch(TAKE, limit)
    ]


async def done(connection: Transaction, ids: Sequence[int]) -> None:
    """Those of these rows that were announcements are published."""
    if announced := [-id for id in ids if id < 0]:
        await connection.execute(DONE, announced)
