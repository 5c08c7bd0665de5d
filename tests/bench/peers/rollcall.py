"""The absence engine at the peers' work: `python -m tests.bench.peers.rollcall --peers FOLDER [--size 30] [--shipped]`.

Keeps the contract of the peers' `run.py`, which gives the environment. The production consumer, handler and relay run
on the ledgers that `registers` has made; calendars and enrolments are applied before the clock starts. `seconds` end
with the last commit, `cpu_seconds` once the relay has sent all that there was to say. The policy is the peers' own
(from 40 possible sessions on, an episode ends at once) or, with `--shipped`, the one that is shipped, of all kinds:
then flags mean another thing, and nothing is compared.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from absence_engine import consumer
from absence_engine.actions.apply import quiet
from absence_engine.actions.holding import Policies
from absence_engine.domain.counts import count_rows
from absence_engine.domain.policy import Policy, read
from absence_engine.store.packing import unpack
from common.broker import Partition, Record
from common.clock import Clock
from common.consume import Consumer, Pile
from common.db import Database, Transaction
from common.events import decode
from common.events.absence_engine import TOPIC, Threshold
from common.kafka import open_kafka
from common.migrate import migrate
from common.relay import OutboxSource, Relay
from common.run import run_loop
from confluent_kafka import Consumer as Reader
from confluent_kafka import Producer, TopicPartition

from tests.bench.peers.registers import SIZE, names

CLOCK = Clock(fixed_today=date(2026, 7, 31))
FLAGS = {"PA": 1, "SA": 2, "PN_10_IN_10": 4}
_MARK = b'"pupil_id"'


def peers_policy() -> Policy:
    """The peers' three thresholds, with their hysteresis."""
    document = json.loads(files("absence_engine").joinpath("policies/england-2024.1.json").read_bytes())
    for threshold in document["thresholds"].values():
        if threshold["rule"] == "rate":
            threshold |= {"minimum_possible": 40, "recovery_sessions": 1}
    return read(document)


class Counted(consumer.LedgerPile):
    """The production pile, and how many marks are on it."""

    def __init__(self, bench: "Bench") -> None:
        super().__init__(CLOCK, bench.policies)
        self._bench = bench

    async def apply(self, tx: Transaction, beat: Callable[[], None] = quiet) -> None:
        """See `Pile`."""
        self._bench.taken = len(self._batch.marks)
        await super().apply(tx, beat)


class Bench:
    """A run: what is counted, and how far it is."""

    def __init__(self, meter: Any, policies: Policies) -> None:
        self.meter, self.policies = meter, policies
        self.done = asyncio.Event()
        self.taken = 0
        self._handle = consumer.handler(CLOCK, policies)

    async def handle(self, tx: Transaction, records: Sequence[Record]) -> None:
        """The production handler, with its marks counted."""
        self.meter.begin()
        self.taken = sum(record.value.count(_MARK) for record in records)
        await self._handle(tx, records)

    def pile(self) -> Pile:
        """The production pile, with its marks counted."""
        self.meter.begin()
        return Counted(self)

    def after_commit(self) -> None:
        """Counts what a transaction applied."""
        if self.meter.add(self.taken):
            self.done.set()
        self.taken = 0


async def _set_up(
    database: Database, handle: Callable[[Transaction, Sequence[Record]], Awaitable[None]], topic: str
) -> None:
    """Applies what stands before the registers."""
    records = [Record(Partition(topic, 0), n, key, value, "") for n, (key, value) in enumerate(_read_all(topic))]
    for first in range(0, len(records), 100):
        some = records[first : first + 100]
        await database.in_transaction(lambda tx, some=some: handle(tx, some))


def _read_all(topic: str, starts: dict[int, int] | None = None) -> list[tuple[bytes, bytes]]:
    """Every (key, value) of a topic, or from some offsets on, partition by partition."""
    reader = Reader({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"], "group.id": "bench"})
    found: list[tuple[bytes, bytes]] = []
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    for number in sorted(partitions):
        low, high = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
        at = (starts or {}).get(number, low)
        if at >= high:
            continue
        reader.assign([TopicPartition(topic, number, at)])
        while at < high:
            for message in reader.consume(1000, 1.0):
                at = (message.offset() or 0) + 1
                found.append((message.key() or b"", message.value() or b""))
    reader.close()
    return found


def _ends(topic: str) -> dict[int, int]:
    reader = Reader({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"], "group.id": "bench"})
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {n: reader.get_watermark_offsets(TopicPartition(topic, n), timeout=10)[1] for n in partitions}
    reader.close()
    return ends


async def _sent(database: Database) -> None:
    """Returns once the relay has sent everything."""
    while True:
        async with database.connection() as connection:
            if not await connection.fetchval("select exists (select from outbox)"):
                return
        await asyncio.sleep(0.01)


async def run(meter_module: Any, topic: str, size: int, policies: Policies) -> int:
    """Sets up, runs until the last mark, and says what it cost."""
    url = os.environ["DATABASE_URL"]
    await migrate(url, "absence_engine")
    database, broker = await Database.open(url), open_kafka(os.environ["KAFKA_BOOTSTRAP"])
    ledgers, setup = names(topic, size)
    await broker.ensure_topics({TOPIC: 6})
    await _set_up(database, consumer.handler(CLOCK, policies), setup)
    meter = meter_module.Meter()
    bench, stop, before = Bench(meter, policies), asyncio.Event(), _ends(TOPIC)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name="bench-relay")

    def after_commit() -> None:
        bench.after_commit()
        relay.wake()

    listening = Consumer(
        database, broker, group=meter_module.GROUP, member="bench", topics=[ledgers], handle=bench.handle,
        name="bench-consumer", after_commit=after_commit, pile=bench.pile,
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run(stop))
        following = tasks.create_task(listening.run(stop))
        finished = tasks.create_task(bench.done.wait())
        await asyncio.wait({following, finished}, return_when="FIRST_COMPLETED")
        if following.done():
            following.result()
        committed = meter.end
        await _sent(database)
        meter.cpu_end = meter._cpu()
        stop.set()
    drained = time.perf_counter() - committed
    meter_module.write_totals(await _totals(database))
    _write_crossings([value for _, value in _read_all(TOPIC, before)])
    sizes = await _sizes(database)
    await database.close()
    await broker.close()
    print(json.dumps(sizes), file=sys.stderr)
    meter.report(final_commit_seconds=drained)
    return 0


async def _totals(database: Database) -> list[tuple[Any, ...]]:
    """(pupil, possible, absent, unauthorised, flags); the flags are the standing episodes."""
    async with database.connection() as connection:
        sheets = await connection.fetch("select pupil_id::text, marks from sheet")
        standing = await connection.fetch(
            "select pupil_id::text, kind from episode where state <> 'reversed' "
            "and (kind = 'PN_10_IN_10' or (state = 'open' and not provisional))"
        )
    codes = np.frombuffer(b"".join(unpack([row[1] for row in sheets])), np.uint8).reshape(len(sheets), -1)
    flags: dict[str, int] = {}
    for pupil_id, kind in standing:
        flags[pupil_id] = flags.get(pupil_id, 0) | FLAGS.get(kind, 0)
    rows = count_rows(codes).tolist()
    return [
        (sheet[0], row[0], row[2] + row[3], row[3], flags.get(sheet[0], 0))
        for sheet, row in zip(sheets, rows, strict=True)
    ]


async def _sizes(database: Database) -> dict[str, Any]:
    """Bytes of the tables, indexes and out-of-line values included."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint from pg_class "
            "where relkind = 'r' and relnamespace = 'public'::regnamespace order by 2 desc limit 8"
        )
        episodes = await connection.fetchval("select count(*) from episode")
    return {"episodes": episodes} | {row[0]: row[1] for row in rows}


def _write_crossings(bodies: Sequence[bytes]) -> None:
    """What was announced, as the peers announce it: whenever a flag of a pupil is another one."""
    producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"], "partitioner": "murmur2_random"})
    crossed: dict[tuple[str, str], set[str]] = {}
    for number, body in enumerate(bodies):
        data = decode(body).data
        if not isinstance(data, Threshold) or data.kind not in FLAGS:
            continue
        episodes = crossed.setdefault((data.pupil_id, data.kind), set())
        was = bool(episodes)
        stands = data.state == "open" and not data.provisional
        if data.kind == "PN_10_IN_10":
            stands = data.state != "reversed"
        (episodes.add if stands else episodes.discard)(data.episode_id)
        if was != bool(episodes):
            status = "crossed" if episodes else "reversed" if data.state == "reversed" else "ended"
            said = {"pupil_id": data.pupil_id, "kind": data.kind, "status": status, "sequence": number}
            producer.produce(os.environ["BENCH_CROSSINGS"], json.dumps({"data": said}), data.pupil_id)
            producer.poll(0)
    producer.flush()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peers", type=Path, required=True, help="the folder of the peers' benchmark")
    arguments.add_argument("--size", type=int, default=SIZE)
    arguments.add_argument("--shipped", action="store_true", help="the policy that is shipped, of all kinds")
    options = arguments.parse_args()
    sys.path.insert(0, str(options.peers))
    meter = importlib.import_module("meter")
    policies = Policies(CLOCK) if options.shipped else Policies(CLOCK, [peers_policy()])
    run_loop(run(meter, meter.TOPIC, options.size, policies))


if __name__ == "__main__":
    main()
