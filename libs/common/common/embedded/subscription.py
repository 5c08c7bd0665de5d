"""A member of a group: which partitions are its own, and what stands in them.

Every member works out alone who gets what: the partitions of a topic are dealt out to the members that are there, in
order, one after the other. It gives up what is not its own, and takes what is as soon as the one who had it lets go.
What a member holds, its name included, are advisory locks of its one connection: when the connection goes, so does the
member.

A member looks once a second who is there and what is new; notifications only make it look sooner. One that does not
poll for five minutes is thrown out, as Kafka does it: PostgreSQL ends a session that was idle for so long.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

from common.broker import BrokerAwayError, Partition, Record, Subscription
from common.embedded import store
from common.embedded.session import ANSWER_SECONDS, Session
from common.embedded.store import Slot

LOOK_SECONDS = 1.0
IMPATIENT_SECONDS = 0.1
"""How often a member looks for a partition that is its own, but that another one has not given up yet."""
HINT_SECONDS = 2.0
MAX_POLL = "300s"
POLL_BYTES = 8_000_000
"""About how much one poll brings at most, however many records were asked for."""


class EmbeddedSubscription:
    """See `common.broker.Subscription`."""

    def __init__(self, session: Session, member: int, slots: Mapping[Partition, Slot]) -> None:
        self._session = session
        self._member = member
        self._slots = dict(sorted(slots.items()))
        self._memberships = sorted({membership for membership, _ in slots.values()})
        self._held: dict[Partition, int] = {}
        """The partitions that are ours, and the offset to read next in each."""
        self._ends: Mapping[int, int] = {}
        self._look_at = 0.0
        self._woken = asyncio.Event()

    @classmethod
    async def open(cls, url: str, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Joins; BrokerAwayError as well when a topic is not there (yet)."""
        session = await Session.open(url, f"rollcall broker {member}", idle_session_timeout=MAX_POLL)
        try:
            partitions = await store.partition_ids(session, topics)
            memberships = await store.memberships(session, group, topics)
            if len({partition.topic for partition in partitions}) < len(set(topics)):
                raise BrokerAwayError(f"not all of these topics are there: {sorted(topics)}")
            slots = {partition: (memberships[partition.topic], number) for partition, number in partitions.items()}
            subscription = cls(session, await store.member_id(session, member), slots)
            await subscription._join()
        except BaseException:
            await session.close()
            raise
        return subscription

    async def _join(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        for membership in self._memberships:
            while not await store.take_name(self._session, membership, self._member):
                if time.monotonic() > deadline:
                    raise BrokerAwayError("another session has this member's name, and does not end")
        self._session.on_loss(self._woken.set)
        await self._session.listen(store.RECORDS, self._hear_records)
        await self._session.listen(store.MEMBERS, self._hear_members)
        await self._share()
        await store.tell_members(self._session, self._memberships)

    def _hear_records(self, payload: str) -> None:
        if any(str(self._slots[partition][1]) == payload for partition in self._held):
            self._woken.set()

    def _hear_members(self, payload: str) -> None:
        if int(payload) in self._memberships:
            self._look_at = 0.0
            self._woken.set()

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109 - a poll without records is no error
        max_records: int,
    ) -> Mapping[Partition, Sequence[Record]]:
        """See `Subscription`."""
        deadline = time.monotonic() + timeout
        while True:
            self._woken.clear()
            if time.monotonic() >= self._look_at:
                await self._share()
            polled = await self._read(max_records)
            rest = deadline - time.monotonic()
            if polled or rest <= 0:
                return polled
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(rest, max(self._look_at - time.monotonic(), 0)))

    async def _share(self) -> None:
        """Sees who is there, gives up what is not ours, and takes what is."""
        there = await store.members_there(self._session, self._memberships)
        ours = {partition for partition in self._slots if self._is_ours(partition, there)}
        lost = self._held.keys() - ours
        if lost:
            for partition in lost:
                del self._held[partition]
            await store.give_up(self._session, [self._slots[partition] for partition in lost])
        wanted = {self._slots[partition]: partition for partition in ours - self._held.keys()}
        taken = await store.take(self._session, wanted) if wanted else set[Slot]()
        if taken:
            hinted = await store.hints(self._session, taken)
            self._held |= {wanted[slot]: hinted.get(slot[1], 0) for slot in taken}
        self._look_at = time.monotonic() + (LOOK_SECONDS if len(taken) == len(wanted) else IMPATIENT_SECONDS)

    def _is_ours(self, partition: Partition, there: Mapping[int, Sequence[int]]) -> bool:
        members = there[self._slots[partition][0]]
        return bool(members) and members[partition.number % len(members)] == self._member

    async def _read(self, max_records: int) -> dict[Partition, Sequence[Record]]:
        """What is new, from the partition that waited longest on; positions move past it."""
        ends = self._ends = await store.ends(self._session, [self._slots[partition][1] for partition in self._held])
        polled: dict[Partition, Sequence[Record]] = {}
        room, room_bytes = max_records, POLL_BYTES
        for partition, position in list(self._held.items()):
            number = self._slots[partition][1]
            if position > ends[number]:
                position = 0  # beyond the end: another log, which Kafka too reads from its beginning
            if position < ends[number] and room > 0 and room_bytes > 0:
                records = await store.read(self._session, partition, number, position, room, room_bytes)
                position = records[-1].offset + 1 if records else ends[number]  # none: retention took them
                if records:
                    polled[partition] = records
                    room -= len(records)
                    room_bytes -= sum(len(record.value) for record in records)
                    del self._held[partition]  # to the end of the queue
            self._held[partition] = position
        return polled

    def assignment(self) -> frozenset[Partition]:
        """See `Subscription`."""
        return frozenset(self._held)

    def seek(self, partition: Partition, offset: int) -> None:
        """See `Subscription`. Of no effect when the partition is not this member's any more."""
        if partition in self._held:
            self._held[partition] = offset

    async def read_one(self, partition: Partition, offset: int) -> Record | None:
        """See `Subscription`."""
        return await store.read_one(self._session, partition, self._slots[partition][1], offset)

    def end(self, partition: Partition) -> int | None:
        """See `Subscription`."""
        return self._ends.get(self._slots[partition][1])

    async def hint(self, offsets: Mapping[Partition, int]) -> None:
        """See `Subscription`."""
        mine = {self._slots[partition]: offset for partition, offset in offsets.items() if partition in self._held}
        if mine:
            with contextlib.suppress(BrokerAwayError, TimeoutError):
                await asyncio.wait_for(store.set_hints(self._session, mine), HINT_SECONDS)

    async def close(self) -> None:
        """See `Subscription`."""
        with contextlib.suppress(BrokerAwayError, TimeoutError):
            await asyncio.wait_for(store.leave(self._session, self._memberships), HINT_SECONDS)
        await self._session.close()
