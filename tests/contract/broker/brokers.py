"""What the broker suite does over and over: publish, join, read until enough is there, be a member that can be killed.

`python -m tests.contract.broker.brokers KIND ADDRESS GROUP TOPIC MEMBER` is a member in a process of its own: it prints
`ready` when it has partitions, and then the ids that it reads.
"""

import asyncio
import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

from common.broker import Broker, Message, Partition, Record, Subscription
from common.embedded import open_embedded
from common.kafka import open_kafka

OPEN: Mapping[str, Callable[[str], Broker]] = {"embedded": open_embedded, "kafka": open_kafka}
"""The two implementations: each opens a broker at the address of a server."""

PARTITIONS = 6
PATIENCE_SECONDS = 60
KEYS = [str(100_000 + number).encode() for number in range(40)]


def messages(count: int, key: bytes = KEYS[0], start: int = 0) -> list[Message]:
    """Numbered messages of one key."""
    return [Message(key, b"message %d" % number, f"{key.decode()}-{number}") for number in range(start, start + count)]


def everywhere(topic: str) -> frozenset[Partition]:
    """All partitions of a topic."""
    return frozenset(Partition(topic, number) for number in range(PARTITIONS))


async def publish(broker: Broker, topic: str, sent: Iterable[Message]) -> None:
    """Publishes with a publisher of its own, each message to its key's partition."""
    publisher = await broker.publisher([topic])
    try:
        batches: dict[int, list[Message]] = defaultdict(list)
        for message in sent:
            batches[publisher.partition_for(topic, message.key)].append(message)
        for number, batch in batches.items():
            await publisher.publish(Partition(topic, number), batch)
    finally:
        await publisher.close()


@contextlib.asynccontextmanager
async def joined(broker: Broker, group: str, topic: str, member: str = "first") -> AsyncGenerator[Subscription, None]:
    """A member of a group while the block lasts."""
    subscription = await broker.subscribe(group, [topic], member)
    try:
        yield subscription
    finally:
        await subscription.close()


async def read(subscription: Subscription, count: int) -> list[Record]:
    """At least `count` records, as they come."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} records of {count}"
        for batch in (await subscription.poll(0.5, 1000)).values():
            records.extend(batch)
    return records


async def polled(subscription: Subscription, seconds: float) -> list[Record]:
    """What comes within `seconds`."""
    records: list[Record] = []
    deadline = time.monotonic() + seconds
    while (rest := deadline - time.monotonic()) > 0:
        for batch in (await subscription.poll(rest, 1000)).values():
            records.extend(batch)
    return records


async def until(subscriptions: Sequence[Subscription], condition: Callable[[], bool]) -> None:
    """Has all members poll, at the same time, until `condition` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, [sorted(subscription.assignment()) for subscription in subscriptions]
        await asyncio.gather(*(subscription.poll(0.2, 1000) for subscription in subscriptions))


async def assigned(subscription: Subscription, partitions: frozenset[Partition]) -> None:
    """Has one member poll until exactly these partitions are its own."""
    await until([subscription], lambda: subscription.assignment() == partitions)


def by_key(records: Iterable[Record]) -> dict[bytes, list[bytes]]:
    """The values of each key, in the order of the records."""
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for record in records:
        values[record.key].append(record.value)
    return values


class Outsider:
    """A member in a process of its own, which can be killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *arguments: str) -> "Outsider":
        """Returns when the member has partitions."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *arguments, stdout=asyncio.subprocess.PIPE
        )
        outsider = cls(process)
        assert await outsider.line() == "ready"
        return outsider

    async def line(self) -> str:
        """The next line that the member prints."""
        assert self._process.stdout is not None
        return (await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)).decode().strip()

    async def kill(self) -> None:
        """It closes nothing, and says goodbye to nobody."""
        self._process.kill()
        await self._process.wait()


async def _be_a_member(kind: str, address: str, group: str, topic: str, member: str) -> None:
    subscription = await OPEN[kind](address).subscribe(group, [topic], member)
    ready = False
    while True:
        batches = await subscription.poll(0.2, 1000)
        if not ready and subscription.assignment():
            ready = True
            print("ready", flush=True)
        for partition, records in batches.items():
            print(*(record.id for record in records), sep="\n", flush=True)
            await subscription.hint({partition: records[len(records) // 2].offset})


if __name__ == "__main__":
    asyncio.run(_be_a_member(*sys.argv[1:]))
