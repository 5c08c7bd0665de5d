"""The broker port: what Rollcall needs of Apache Kafka, and nothing more.

Two implementations behave alike and pass one suite (`tests/contract/broker`): `kafka` on aiokafka, and `embedded` on
PostgreSQL. A topic has partitions; a partition is a log of records with rising offsets; a key always goes to the same
partition; members of a group share the partitions. Where a consumer stands is its own business (see `consume`): the
committed offset of the broker is a hint for lag charts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class BrokerAwayError(Exception):
    """The broker can't be reached, or did not answer in time. What was being sent may or may not have arrived."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish. `id` is the event's id, carried beside the value so that a reader need not decode it."""

    key: bytes
    value: bytes
    id: str


class Record(NamedTuple):
    """Something published: where it stands, and what it is. `id` is empty when the sender gave none."""

    partition: Partition
    offset: int
    key: bytes
    value: bytes
    id: str


class Publisher(Protocol):
    """Sends. One publisher serves one relay; it is dropped, not mended, after BrokerAwayError."""

    def partition_for(self, topic: str, key: bytes) -> int:
        """The partition that a key goes to (murmur2, as every Kafka client does)."""
        ...

    async def publish(self, partition: Partition, messages: Sequence[Message]) -> None:
        """Appends all messages in order and returns once all are acknowledged, or raises BrokerAwayError."""
        ...

    async def close(self) -> None:
        """Bounded in time, also when the broker is gone."""
        ...


class Subscription(Protocol):
    """A member of a group: gets records of the partitions assigned to it, from where it asks for them.

    It is dropped, not mended, after BrokerAwayError: the log that answers next time may be another one.
    """

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109 - a poll without records is no error
        max_records: int,
    ) -> Mapping[Partition, Sequence[Record]]:
        """Records by partition, each in offset order; empty after `timeout` seconds. BrokerAwayError if unreachable.

        A partition that was assigned anew starts at the broker's committed hint: the caller seeks where it must.
        """
        ...

    def assignment(self) -> frozenset[Partition]:
        """The partitions that are this member's at the moment."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """The next poll reads this partition from `offset` on, or from its beginning when that lies beyond the end.

        Of no effect when the partition is not this member's (any more).
        """
        ...

    async def read_one(self, partition: Partition, offset: int) -> Record | None:
        """The record that stands at `offset` now, or None when there is none (any more). Does not move the position."""
        ...

    def end(self, partition: Partition) -> int | None:
        """The offset behind the last record known to stand in a partition; None while nothing is known of it."""
        ...

    async def hint(self, offsets: Mapping[Partition, int]) -> None:
        """Tells the broker how far this group is, for lag charts. Bounded; failures are ignored."""
        ...

    async def close(self) -> None:
        """Leaves the group; bounded in time."""
        ...


class Broker(Protocol):
    """A way to a broker; makes publishers and subscriptions."""

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Creates the topics (name to number of partitions) that are absent; never changes an existing one."""
        ...

    async def publisher(self, topics: Sequence[str]) -> Publisher:
        """A new publisher that is connected and knows the partitions of these topics.

        BrokerAwayError as well when a topic is not there (yet).
        """
        ...

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Joins `group` as `member` (a name that is stable over restarts, one of its kind at a time).

        Partitions may arrive with later polls. BrokerAwayError as well when a topic is not there (yet).
        """
        ...

    async def close(self) -> None:
        """Closes what the broker itself holds open."""
        ...
