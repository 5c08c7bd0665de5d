"""`python -m tests.bench.broker_bench`: what the two brokers carry, through the port, on servers that keep their data.

Figures to know, not promises: messages of 2 KB (a register of 30 marks), six partitions, one publisher, one reader.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.broker import Broker, Message, Partition
from common.embedded import open_embedded
from common.kafka import open_kafka

from tests import servers

TOPIC = "bench"
PARTITIONS = 6
BODY = b"x" * 2000
SINGLE = 500
BATCHES, BATCH = 60, 500
WAKES = 100


@contextmanager
def _brokers() -> Iterator[dict[str, Callable[[], Broker]]]:
    with servers.postgres(fsync="on", full_page_writes="on") as postgres, servers.kafka() as kafka:
        yield {"embedded": lambda: open_embedded(postgres.url), "Kafka": lambda: open_kafka(kafka.bootstrap)}


def _messages(count: int) -> list[Message]:
    return [Message(str(100_000 + number).encode(), BODY, str(number)) for number in range(count)]


async def _measure(broker: Broker) -> dict[str, float]:
    await broker.ensure_topics({TOPIC: PARTITIONS})
    publisher = await broker.publisher([TOPIC])
    started = time.perf_counter()
    for number in range(SINGLE):
        await publisher.publish(Partition(TOPIC, number % PARTITIONS), _messages(1))
    alone = time.perf_counter() - started
    batch = _messages(BATCH)
    started = time.perf_counter()
    for _ in range(BATCHES // PARTITIONS):
        await asyncio.gather(*(publisher.publish(Partition(TOPIC, number), batch) for number in range(PARTITIONS)))
    together = time.perf_counter() - started

    subscription = await broker.subscribe("bench", [TOPIC], "bench")
    total, read = SINGLE + BATCHES * BATCH, 0
    while not subscription.assignment():
        read += sum(map(len, (await subscription.poll(0.1, 1)).values()))
    started = time.perf_counter()
    while read < total:
        read += sum(map(len, (await subscription.poll(1, 2000)).values()))
    reading = time.perf_counter() - started

    wakes = []
    for _ in range(WAKES):
        waiting = asyncio.create_task(subscription.poll(5, 10))
        await asyncio.sleep(0.005)  # the poll has come to rest
        published = time.perf_counter()
        await publisher.publish(Partition(TOPIC, 0), _messages(1))
        while not await waiting:
            waiting = asyncio.create_task(subscription.poll(5, 10))
        wakes.append(time.perf_counter() - published)
    await subscription.close()
    await publisher.close()
    await broker.close()
    return {
        "one at a time, ms each": alone / SINGLE * 1000,
        "batches of 500, messages/s": BATCHES * BATCH / together,
        "read, records/s": total / reading,
        "publish to poll, ms (median)": statistics.median(wakes) * 1000,
        "publish to poll, ms (95th)": statistics.quantiles(wakes, n=20)[-1] * 1000,
    }


def main() -> None:
    """Prints one column for each broker."""
    with _brokers() as brokers:
        figures = {name: asyncio.run(_measure(open_broker())) for name, open_broker in brokers.items()}
    print(f"{'':32}" + "".join(f"{name:>12}" for name in figures))
    for what in next(iter(figures.values())):
        print(f"{what:32}" + "".join(f"{figure[what]:12,.1f}" for figure in figures.values()))


if __name__ == "__main__":
    main()
