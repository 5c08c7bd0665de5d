"""Records that nobody can read: kept whole, counted, and handed in again once they can be read (invariant 1).

`decode_or_keep` lets the line go on without them. Those that a newer version understands are handed in again when a
consumer takes up their partition (`take_readable`): after every upgrade, for one. In a ledger an unreadable record
parks its school as well: see `ledger`.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import asyncpg
import structlog

from common import metrics
from common.broker import Partition, Record
from common.db import Transaction
from common.events import Event, UnreadableEventError, decode

log = structlog.get_logger()

News = TypeVar("News")

KEEP = """
insert into dead_letter (topic, partition, "offset", record_id, key, body, error)
select * from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])
on conflict do nothing
"""
KEPT = """
select topic, partition, "offset", record_id, key, body from dead_letter where topic = $1 and partition = $2
order by "offset", record_id for update
"""
FORGET = """
delete from dead_letter using unnest($3::bigint[], $4::text[]) as t ("offset", record_id)
where topic = $1 and partition = $2 and dead_letter."offset" = t."offset" and dead_letter.record_id = t.record_id
"""


async def keep(tx: Transaction, unreadable: Sequence[tuple[Record, str]]) -> None:
    """Keeps records, each with what was wrong with it; one that is kept already stays as it is."""
    if not unreadable:
        return
    records = [record for record, _ in unreadable]
    await tx.execute(
        KEEP,
        [record.partition.topic for record in records],
        [record.partition.number for record in records],
        [record.offset for record in records],
        [_name(record) for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [error for _, error in unreadable],
    )
    for record in records:
        metrics.DEAD_LETTERS.labels(record.partition.topic).inc()
        log.warning("unreadable record kept", partition=record.partition, offset=record.offset, id=record.id)


async def decode_or_keep(tx: Transaction, records: Sequence[Record]) -> list[Event]:
    """The events in the records, in order, without the unreadable ones, which are kept."""
    return await hear_or_keep(tx, records, lambda event: event)


async def hear_or_keep(tx: Transaction, records: Sequence[Record], hear: Callable[[Event], News | None]) -> list[News]:
    """The news in the records, in order. `hear` makes them of an event, None when there are none in it; a record that
    it raises UnreadableEventError for is kept, as one is that can't be decoded.
    """
    told: list[News] = []
    unreadable: list[tuple[Record, str]] = []
    for record in records:
        try:
            news = hear(decode(record.value))
        except UnreadableEventError as error:
            unreadable.append((record, str(error)))
        else:
            told += [news] if news is not None else []
    await keep(tx, unreadable)
    return told


async def take_readable(tx: Transaction, partition: Partition) -> list[Record]:
    """The kept records of a partition that can be read by now, in their order; they are not kept any longer."""
    readable = [record for row in await tx.fetch(KEPT, *partition) if _can_be_read(record := _record(row))]
    if readable:
        await tx.execute(
            FORGET, *partition, [record.offset for record in readable], [_name(record) for record in readable]
        )
        log.info("dead letters handed in again", partition=partition, records=len(readable))
    return readable


def _can_be_read(record: Record) -> bool:
    try:
        decode(record.value)
    except UnreadableEventError:
        return False
    return True


def _name(record: Record) -> str:
    """The record's id, or its body's digest: at the same offset of a new broker stands another record."""
    return record.id.replace("\0", "") or hashlib.sha256(record.value).hexdigest()


def _record(row: asyncpg.Record) -> Record:
    return Record(Partition(row["topic"], row["partition"]), row["offset"], row["key"], row["body"], row["record_id"])
