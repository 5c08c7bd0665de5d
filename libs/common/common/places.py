"""Where a consumer stands: a row for each partition, in its own database (`common.consume` says what it is for)."""

from typing import NamedTuple

from common.broker import Partition
from common.db import Transaction

LOCK = "select next_offset, record_id from position where topic = $1 and partition = $2 for update"
INSERT = "insert into position (topic, partition, next_offset, record_id) values ($1, $2, 0, '') on conflict do nothing"
SAVE = "update position set next_offset = $3, record_id = $4 where topic = $1 and partition = $2"
REWIND = "update position set next_offset = 0, record_id = '' where topic = $1"


class MovedError(Exception):
    """What was read is not where it was any more: somebody else was faster. Nothing of it may be applied."""


class Place(NamedTuple):
    """Where we stand in a partition: the offset to read next, and the id of the record before it (empty at 0)."""

    offset: int
    record_id: str


async def lock(tx: Transaction, partition: Partition) -> Place:
    """Locks the position row until the transaction ends, and gives it; a partition never read stands at 0."""
    row = await tx.fetchrow(LOCK, *partition)
    if row is None:
        await tx.execute(INSERT, *partition)
        row = await tx.fetchrow(LOCK, *partition)
        assert row is not None
    return Place(row["next_offset"], row["record_id"])


async def save(tx: Transaction, partition: Partition, place: Place) -> None:
    """Moves a position that this transaction has locked."""
    await tx.execute(SAVE, *partition, *place)


async def rewind(tx: Transaction, topic: str) -> None:
    """Sets all positions of a topic to the beginning; running consumers notice within seconds."""
    await tx.execute(REWIND, topic)
