"""Saying things: events are written in the transaction of the change that they tell of, and leave by the relay.

`add` is the only way out of a service (registers keeps its ledger beside it, see `registers/store`). The table is read
and emptied by `relay`; nothing ever reads it by a cursor, so a late commit is never passed over.
"""

from collections.abc import Sequence

from common.db import Transaction
from common.events import Event, encode

ADD = """
insert into outbox (topic, key, event_id, body)
select topic, key, event_id, body
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) with ordinality as t (topic, key, event_id, body, n)
order by n
"""


async def add(tx: Transaction, events: Sequence[Event], topic: str) -> None:
    """Writes events to be published on `topic`, keyed by their subject, in this order."""
    if events:
        await tx.execute(
            ADD,
            [topic] * len(events),
            [event.subject for event in events],
            [event.id for event in events],
            [encode(event) for event in events],
        )
