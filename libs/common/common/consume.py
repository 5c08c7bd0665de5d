"""Hearing things, each once: the loop that applies each record exactly one time, whatever the broker repeats.

Where a consumer stands is a row of its own database (`position`), locked and moved in the transaction of the effects:
the row is the fence against a second owner of the partition, and the truth about what has been applied. What the broker
remembers is only a hint for lag charts. `docs/decisions/exactly-once.md` says why.

The row keeps the id of the record before the position. Whenever a partition is taken up, after an assignment or a
reconnect, that record is read again; where another one stands there, or none, the broker is not the one that we knew,
and the partition is read from its beginning: natural keys and ledger numbers decide what is new.

Little lag, small batches: each poll is a transaction, and what it says can be read within moments. A long lag is
another thing: what is on the way is old, and there is much of it. A reader that can put many polls together in memory
(`Pile`) is given them one by one, outside any transaction, until it has enough; then all is applied at once, if nobody
else has moved the positions since the first of them was read. If somebody has, or a deadlock lasts, or we are stopped,
the memory is thrown away and the place looked for again: nothing of it was anybody's yet.

Map: `Consumer` is the loop: `_take_up` finds the place in a partition, `_apply` handles one poll in one transaction,
`_catch_up` many, `_adapt` chooses the next batch's size. `lock` and `save` are the position row. Unreadable records:
`dead_letters`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from common import metrics
from common.broker import Broker, BrokerAwayError, Partition, Record, Subscription
from common.db import Database, Transaction
from common.dead_letters import decode_or_keep, take_readable
from common.health import Health
from common.loops import Backoff, Pulse, pause
from common.places import MovedError, Place, lock, rewind, save

__all__ = ["Consumer", "Handle", "MovedError", "Pile", "Place", "decode_or_keep", "lock", "rewind", "save"]

log = structlog.get_logger()

Handle = Callable[[Transaction, Sequence[Record]], Awaitable[None]]
"""Does the effects of some records, each partition's in order, in the transaction that moves the positions.

May be called again for the same records, after a deadlock."""


class Pile(Protocol):
    """Records of many polls, put together in memory to be applied at once."""

    @property
    def is_full(self) -> bool:
        """Whether it is time to apply it."""
        ...

    async def take(self, connection: Transaction, records: Sequence[Record]) -> None:
        """Takes the records of a poll, each partition's in order. Reads what it needs; writes nothing."""
        ...

    async def apply(self, tx: Transaction, beat: Callable[[], None]) -> None:
        """Does the effects of all that was taken, in the transaction that moves the positions. It may take minutes:
        `beat` is called whenever a part is done.

        MovedError when what `take` read has changed since. May be called again, after a deadlock.
        """
        ...


POLL_SECONDS = 0.5
LONG_LAG = 10_000
"""So many records behind, a reader that can puts them on a pile."""
LOOK_SECONDS = 5.0
"""How often an idle consumer looks whether its rows were moved by somebody else: a rebuild does so."""
HINT_SECONDS = 2.0
SLOW_SECONDS = 1.0
"""Heartbeats share the event loop with the handlers: batches that take longer are halved."""
FILLING = 3
"""How many times as long as the last batch took to apply we wait for the next one to fill."""
LONGEST_FILLING, QUIET_SECONDS = 0.4, 0.06

READ = """
select t.topic, t.partition, coalesce(p.next_offset, 0) as next_offset
from unnest($1::text[], $2::int[]) as t (topic, partition)
left join position p using (topic, partition)
"""


def _id(record: Record) -> str:
    """The record's id as PostgreSQL can keep it: whoever wrote it may have put anything there."""
    return record.id.replace("\0", "")


class Consumer:
    """Background work: applies the records of `topics`, in one transaction per poll.

    `member` is stable over restarts and unique in `group`. `after_commit` is called after each batch. `partitions` is
    for topics that do not exist yet. A batch holds at most `largest` records; `pile` is for long lags.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        group: str,
        member: str,
        topics: Sequence[str],
        handle: Handle,
        name: str,
        after_commit: Callable[[], None] | None = None,
        partitions: int = 6,
        smallest: int = 200,
        largest: int = 4000,
        pile: Callable[[], Pile] | None = None,
    ) -> None:
        self.name = name
        self._database, self._broker = database, broker
        self._group, self._member, self._topics = group, member, tuple(topics)
        self._handle, self._after_commit = handle, after_commit
        self._partitions, self._smallest, self._largest = partitions, smallest, largest
        self._limit = smallest
        self._new_pile = pile
        self._pulse = Pulse()
        self._backoff = Backoff()
        self._places: dict[Partition, int] = {}
        self._hinted = self._looked = self._took = 0.0
        self._behind = 0

    @property
    def caught_up(self) -> bool:
        """Whether everything has been applied that was known to stand in our partitions at the last poll."""
        return self._behind == 0

    def health(self) -> Health:
        """Degraded while the broker is away."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop`. Raises what it can't mend: the batch is rolled back, the position stays."""
        while not stop.is_set():
            try:
                await self._broker.ensure_topics(dict.fromkeys(self._topics, self._partitions))
                subscription = await self._broker.subscribe(self._group, self._topics, self._member)
                try:
                    await self._follow(subscription, stop)
                finally:
                    self._places.clear()
                    await subscription.close()
            except BrokerAwayError as error:
                self._lost(error)
                await pause(stop, self._backoff.next())

    async def _follow(self, subscription: Subscription, stop: asyncio.Event) -> None:
        """Polls and applies until `stop`, or until the broker is away."""
        while not stop.is_set():
            await self._take_up(subscription)
            polled = await self._gather(subscription, stop)
            self._found()
            started = time.monotonic()
            ours = {
                partition: records for partition, records in polled.items() if records and partition in self._places
            }
            if ours and not stop.is_set():
                if self._new_pile is not None and self._behind > LONG_LAG:
                    await self._catch_up(subscription, self._new_pile(), ours, stop)
                else:
                    await self._apply(subscription, ours)
            await self._hint(subscription, last=stop.is_set())
            self._took = time.monotonic() - started
            self._adapt(self._count_behind(subscription, self._places))
            if not polled:
                await self._look()

    async def _gather(self, subscription: Subscription, stop: asyncio.Event) -> Mapping[Partition, Sequence[Record]]:
        """What a poll brings, and what follows it within moments: a busy day is applied in fewer, fuller batches.

        We wait a few times as long as the last batch took to apply, never long, and go on as soon as it is quiet.
        """
        polled = dict(await subscription.poll(POLL_SECONDS, self._limit))
        left = self._limit - sum(map(len, polled.values()))
        until = time.monotonic() + min(FILLING * self._took, LONGEST_FILLING)
        while polled and left > 0 and (seconds := until - time.monotonic()) > 0 and not stop.is_set():
            more = await subscription.poll(min(seconds, QUIET_SECONDS), left)
            if not more:
                break
            for partition, records in more.items():
                before = polled.get(partition, ())
                if before and records[0].offset != before[-1].offset + 1:
                    self._places.pop(partition, None)  # shared out anew in between: look where it stands
                polled[partition] = [*before, *records]
            left -= sum(map(len, more.values()))
        return polled

    async def _take_up(self, subscription: Subscription) -> None:
        """Goes to the stored position in every partition that became ours since the last time."""
        assigned = subscription.assignment()
        for gone in self._places.keys() - assigned:
            del self._places[gone]
        for partition in sorted(assigned - self._places.keys()):
            offset = await self._begin(subscription, partition)
            if partition in subscription.assignment():
                subscription.seek(partition, offset)
                self._places[partition] = offset

    async def _begin(self, subscription: Subscription, partition: Partition) -> int:
        """The offset to read from. Dead letters of the partition that can be read by now are applied first."""

        async def work(tx: Transaction) -> int:
            place = await lock(tx, partition)
            if readable := await take_readable(tx, partition):
                await self._handle(tx, readable)
            if place.offset == 0 or await self._knows(subscription, partition, place):
                return place.offset
            log.warning("another log, read from its start", loop=self.name, partition=partition, was_at=place.offset)
            metrics.REPLAYS.labels(self.name).inc()
            await save(tx, partition, Place(0, ""))
            return 0

        return await self._database.in_transaction(work)

    async def _knows(self, subscription: Subscription, partition: Partition, place: Place) -> bool:
        """Whether the record before our place is the one that we applied, and not one of a new broker."""
        before = await subscription.read_one(partition, place.offset - 1)
        return before is not None and _id(before) == place.record_id

    async def _apply(self, subscription: Subscription, polled: Mapping[Partition, Sequence[Record]]) -> None:
        """Handles what a poll brought, all partitions in one transaction: what a transaction costs is paid once. The
        place in a partition whose position somebody else moved is given up, so that it is looked for again.
        """
        expected = {partition: self._places.pop(partition) for partition in sorted(polled)}

        async def work(tx: Transaction) -> list[Partition]:
            kept: list[Partition] = []
            for partition, place in expected.items():  # in order: two members never wait for each other
                stored, _ = await lock(tx, partition)
                if await self._reads_on(subscription, polled[partition][0], place, stored):
                    kept.append(partition)
            if kept:
                await self._handle(tx, [record for partition in kept for record in polled[partition]])
            for partition in kept:
                last = polled[partition][-1]
                await save(tx, partition, Place(last.offset + 1, _id(last)))
            return kept

        began = time.monotonic()
        kept = await self._database.in_transaction(work)
        for partition in expected.keys() - set(kept):
            log.info("place lost", loop=self.name, partition=partition, expected=expected[partition])
        for partition in kept:
            self._places[partition] = polled[partition][-1].offset + 1
            metrics.CONSUMED_BATCHES.labels(self.name, partition.topic).inc()
            metrics.CONSUMED_RECORDS.labels(self.name, partition.topic).inc(len(polled[partition]))
        metrics.BATCH_SECONDS.labels(self.name).observe(time.monotonic() - began)
        if kept and self._after_commit is not None:
            self._after_commit()

    async def _catch_up(
        self, subscription: Subscription, pile: Pile, polled: Mapping[Partition, Sequence[Record]], stop: asyncio.Event
    ) -> None:
        """Puts what a poll brought, and what follows it, on a pile, and applies that in one transaction."""
        begun: dict[Partition, int] = {}
        last: dict[Partition, Record] = {}
        async with self._database.connection() as connection:
            while await self._follows(subscription, polled, begun, last):
                await pile.take(connection, [record for records in polled.values() for record in records])
                self._pulse.beat()
                if pile.is_full or stop.is_set() or not self._lags(subscription, last):
                    break
                polled = await subscription.poll(POLL_SECONDS, self._largest)
                if not polled:
                    break
        if last and not stop.is_set():
            await self._apply_pile(pile, begun, last)

    def _lags(self, subscription: Subscription, last: Mapping[Partition, Record]) -> bool:
        """Whether there is more to be put on a pile: little lag is for small batches. Not while partitions change
        hands: what was read is applied now, or somebody else will do it again.
        """
        if not self._places.keys() <= subscription.assignment():
            return False
        reached = self._places | {partition: record.offset + 1 for partition, record in last.items()}
        return self._count_behind(subscription, reached) > self._smallest

    async def _follows(
        self,
        subscription: Subscription,
        polled: Mapping[Partition, Sequence[Record]],
        begun: dict[Partition, int],
        last: dict[Partition, Record],
    ) -> bool:
        """Whether a poll goes on where we stand, in all its partitions: else nothing of it may be taken. Notes so."""
        for partition, records in polled.items():
            place = last[partition].offset + 1 if partition in last else self._places.get(partition)
            if place is None or not await self._reads_on(subscription, records[0], place, place):
                self._places.pop(partition, None)
                return False
        for partition, records in polled.items():
            begun.setdefault(partition, self._places[partition])
            last[partition] = records[-1]
        return True

    async def _apply_pile(self, pile: Pile, begun: Mapping[Partition, int], last: Mapping[Partition, Record]) -> None:
        """Applies a pile, unless a position was moved since it was begun. All its places are given up meanwhile."""
        ours = [partition for partition in begun if self._places.pop(partition, None) is not None]

        async def work(tx: Transaction) -> None:
            for partition in sorted(begun):  # in order: two members never wait for each other
                if (await lock(tx, partition)).offset != begun[partition]:
                    raise MovedError(f"the position of {partition}")
            await pile.apply(tx, self._pulse.beat)
            for partition, record in last.items():
                await save(tx, partition, Place(record.offset + 1, _id(record)))

        began = time.monotonic()
        try:
            await self._database.in_transaction(work)
        except MovedError as error:
            log.info("pile thrown away", loop=self.name, moved=str(error))
            return
        self._places |= {partition: last[partition].offset + 1 for partition in ours}
        for partition, record in last.items():
            metrics.CONSUMED_BATCHES.labels(self.name, partition.topic).inc()
            metrics.CONSUMED_RECORDS.labels(self.name, partition.topic).inc(record.offset + 1 - begun[partition])
        metrics.BATCH_SECONDS.labels(self.name).observe(time.monotonic() - began)
        if self._after_commit is not None:
            self._after_commit()

    async def _reads_on(self, subscription: Subscription, first: Record, expected: int, stored: int) -> bool:
        """Whether a batch goes on where we stand: nobody moved the position, nothing was left out or came back.

        After a rebalance that nobody told us of, the broker goes on from a hint, before or behind. An offset that is
        passed over for good (retention, a compacted log) is one at which no record stands.
        """
        if stored != expected or first.offset < stored:
            return False
        return first.offset == stored or await subscription.read_one(first.partition, stored) is None

    async def _look(self) -> None:
        """Gives up the places whose rows were moved by somebody else: no record would come to tell us."""
        if time.monotonic() - self._looked < LOOK_SECONDS or not self._places:
            return
        self._looked = time.monotonic()
        for partition in await self._moved(self._places):
            del self._places[partition]

    async def _moved(self, places: Mapping[Partition, int]) -> Iterable[Partition]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(READ, [p.topic for p in places], [p.number for p in places])
        stored = {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return [partition for partition, offset in places.items() if stored[partition] != offset]

    async def _hint(self, subscription: Subscription, *, last: bool) -> None:
        if self._places and (last or time.monotonic() - self._hinted > HINT_SECONDS):
            self._hinted = time.monotonic()
            await subscription.hint(self._places)

    def _count_behind(self, subscription: Subscription, reached: Mapping[Partition, int]) -> int:
        """The records known to stand in some partitions behind those that have been read."""
        return sum(max(0, (subscription.end(partition) or 0) - offset) for partition, offset in reached.items())

    def _adapt(self, behind: int) -> None:
        """Small batches while little waits, large ones when we lag, and none that starves the heartbeats."""
        self._behind = behind
        metrics.LAG_RECORDS.labels(self.name).set(behind)
        if self._took > SLOW_SECONDS or behind < self._limit // 4:
            self._limit = max(self._limit // 2, self._smallest)
        elif behind > self._limit:
            self._limit = min(self._limit * 2, self._largest)

    def _found(self) -> None:
        self._backoff.reset()
        self._pulse.beat()
        metrics.BROKER_AWAY.labels(self.name).set(0)

    def _lost(self, error: BrokerAwayError) -> None:
        if self._pulse.well:
            log.warning("broker away", loop=self.name, error=str(error))
        self._pulse.beat("broker away")
        metrics.BROKER_AWAY.labels(self.name).set(1)
        metrics.BROKER_LOSSES.labels(self.name).inc()
