"""The ledger of each school: appended to in the transaction of the change, read as a change feed, sent by the relay."""

from collections.abc import Sequence
from typing import Any

from common.db import Transaction
from common.events.registers import TOPIC
from common.relay import Outgoing

from registers.domain.ledger import LedgerEntry
from registers.store import consumers

APPENDING = """
entry as materialized (
    select * from unnest($1::int[], $2::bigint[], $3::uuid[], $4::text[], $5::bigint[], $6::bytea[])
        with ordinality as e(urn, number, entry_id, type, write_last, body, n)
),
added as (
    insert into ledger (urn, number, entry_id, type, write_last, body)
    select urn, number, entry_id, type, write_last, body from entry
),
queued as (
    insert into outbox (urn, number) select urn, number from entry order by n
)
update school set last_number = last.number, last_entry = last.entry_id
from (select distinct on (urn) urn, number, entry_id from entry order by urn, number desc) as last
where school.urn = last.urn
"""
"""The end of a statement that appends: other `with` parts may come before it, with parameters from $7 on."""
APPEND = f"with {APPENDING}"
SINCE = "select number, body from ledger where urn = $1 and number > $2 order by number limit $3"

TAKE = """
select o.id, l.urn, l.entry_id::text as entry_id, l.body
from (select id, urn, number from outbox order by id limit $1) as o
join ledger as l using (urn, number)
order by o.id
"""
DONE = "delete from outbox where id = any($1::bigint[])"


async def append(tx: Transaction, entries: Sequence[LedgerEntry]) -> None:
    """Adds entries to the ledgers of their schools, which are locked, and queues them for the relay in this order."""
    if entries:
        await tx.execute(APPEND, *columns_of(entries))


def columns_of(entries: Sequence[LedgerEntry]) -> list[list[Any]]:
    """The first six parameters of a statement that appends."""
    return [list(column) for column in zip(*entries, strict=True)] if entries else [[] for _ in LedgerEntry._fields]


async def since(tx: Transaction, urn: int, number: int, limit: int) -> list[tuple[int, bytes]]:
    """Number and event of the entries after `number`, in order."""
    return [(row["number"], row["body"]) for row in await tx.fetch(SINCE, urn, number, limit)]


class LedgerSource:
    """What the relay publishes: ledger entries, keyed by URN, in the order in which they were written; and before them,
    as they are few, what agreements with clients have come to.
    """

    topics = (TOPIC, consumers.TOPIC)

    async def take(self, connection: Transaction, limit: int) -> list[Outgoing]:
        """The oldest entries that are still to be published (see `common.relay.Source`)."""
        announced = await consumers.take(connection, limit)
        return announced + [
            Outgoing(row["id"], TOPIC, str(row["urn"]).encode(), row["entry_id"], row["body"])
            for row in await connection.fetch(TAKE, limit - len(announced))
        ]

    async def done(self, connection: Transaction, ids: Sequence[int]) -> None:
        """They are published."""
        await consumers.done(connection, ids)
        await connection.execute(DONE, ids)
