"""Sending part of a ledger again: its entries go into the relay's table; readers know by number what they have."""

from datetime import UTC, datetime

from common.db import Transaction

from registers.store import consumers, schools

QUEUE = (
    "insert into outbox (urn, number) select urn, number from ledger where urn = $1 and number >= $2 order by number"
)


async def republish(tx: Transaction, *, school: int | None = None, from_number: int | None = None) -> int:
    """Queues the entries from number `from_number` on (the first when None), of one school, or of all, and then what is
    agreed with clients as well; how many.

    Schools are locked meanwhile: what is written later queues behind, so that the numbers arrive in order.
    """
    queued = 0 if school is not None else await consumers.announce_all(tx, datetime.now(UTC))
    for urn in [school] if school is not None else await schools.every_urn(tx):
        await schools.lock(tx, [urn])
        queued += int((await tx.execute(QUEUE, urn, from_number or 1)).split()[-1])
    return queued
