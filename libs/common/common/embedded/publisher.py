"""Appending to partitions: one statement, one transaction, one round trip for each batch."""

from collections.abc import Mapping, Sequence

from common.broker import BrokerAwayError, Message, Partition
from common.embedded import store
from common.embedded.session import Session
from common.partitioning import partition_of


class EmbeddedPublisher:
    """See `common.broker.Publisher`. Publishing from several tasks at once is allowed; they take turns."""

    def __init__(self, session: Session, partitions: Mapping[Partition, int], counts: Mapping[str, int]) -> None:
        self._session = session
        self._partitions = partitions
        self._counts = counts

    @classmethod
    async def open(cls, url: str, topics: Sequence[str]) -> "EmbeddedPublisher":
        """Connects; BrokerAwayError as well when a topic is not there (yet)."""
        session = await Session.open(url, "rollcall broker publisher")
        try:
            partitions = await store.partition_ids(session, topics)
            counts = {topic: sum(partition.topic == topic for partition in partitions) for topic in topics}
            if not all(counts.values()):
                raise BrokerAwayError(f"not all of these topics are there: {sorted(topics)}")
        except BaseException:
            await session.close()
            raise
        return cls(session, partitions, counts)

    def partition_for(self, topic: str, key: bytes) -> int:
        """See `Publisher`."""
        return partition_of(key, self._counts[topic])

    async def publish(self, partition: Partition, messages: Sequence[Message]) -> None:
        """See `Publisher`. All of the messages arrive, or none."""
        if messages and not await store.append(self._session, self._partitions[partition], messages):
            raise BrokerAwayError(f"{partition} is not there any more")

    async def close(self) -> None:
        """See `Publisher`."""
        await self._session.close()
