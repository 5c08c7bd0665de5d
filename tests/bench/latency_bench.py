"""From a register's scheduled time to its crossing being readable, p99, at 500 marks a second.

An open loop: registers of 30 marks start on a fixed schedule, whatever became of those before. In each, one pupil is
absent for the first time, which within the first ten sessions crosses 10% (rule book 3.5): the clock stops when that
pupil's episodes, read over HTTP, hold the crossing.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from tests.bench import system
from tests.bench.load import OpenLoop, Request
from tests.bench.report import Figure
from tests.bench.system import CLASS_SIZE, SESSIONS, System

MARKS_PER_SECOND = 500
SESSIONS_PER_CLASS = 9  # a first absence at the tenth session is still 10%
REGISTERS = 900
WARM_UP = 90
RUNS = 3


def run(runs: int = RUNS, registers: int = REGISTERS) -> list[Figure]:
    """The median over runs of the 99th percentile, on real Kafka and PostgreSQL and embedded."""
    figures: list[Figure] = []
    for name, started in (("real Kafka and PostgreSQL", system.on_real_parts), ("embedded", system.embedded)):
        p99s: list[float] = []
        for _ in range(runs):
            with started() as product:
                seconds = sorted(asyncio.run(_measure(product, registers)))
            p99s.append(quantiles(seconds, n=100)[98])
            middle, p99, worst = median(seconds), p99s[-1], seconds[-1]
            print(f"  {name}: median {middle * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, worst {worst * 1000:.0f} ms")
        figures.append(Figure(f"last mark to readable crossing, p99, {name}", "s", median(p99s), 1.0, at_most=True))
    return figures


async def _measure(product: System, registers: int) -> list[float]:
    classes = -(-registers // SESSIONS_PER_CLASS)
    rooms = await asyncio.to_thread(system.load_classes, product, classes)
    sender, reader = OpenLoop(product.url, product.token), OpenLoop(product.engine_url, product.token)
    begun = time.perf_counter() + 0.5
    taken: list[asyncio.Task[float]] = []
    for number in range(registers):
        due = begun + number * CLASS_SIZE / MARKS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        taken.append(asyncio.create_task(_crossing(sender, reader, rooms, number, due)))
    seconds = await asyncio.gather(*taken)
    sender.close()
    reader.close()
    return list(seconds)[WARM_UP:]


async def _crossing(
    sender: OpenLoop, reader: OpenLoop, rooms: Sequence[Sequence[str]], number: int, due: float
) -> float:
    """Posts one register and reads the crossing in it; seconds from `due`."""
    session, room = divmod(number, len(rooms))
    date, half = SESSIONS[session]
    absent = rooms[room][session]
    marks = [{"pupil_id": pupil_id, "code": "I" if pupil_id == absent else "/"} for pupil_id in rooms[room]]
    urn = system.urn_of_class(room)
    put = Request(f"/v1/schools/{urn}/registers/{date}/{half}", json.dumps({"marks": marks}).encode())
    sequence = (await sender.send(put)).json()["sequence"]
    read = Request(f"/v1/pupils/{absent}/episodes?at_least={urn}:{sequence}", method="GET")
    answer = await reader.send(read)
    items: list[dict[str, Any]] = answer.json()["items"]
    if not any(item["kind"] == "PA" and item["crossed_on"] == {"date": date, "session": half} for item in items):
        raise RuntimeError(f"the crossing of {absent} was not there: {items}")
    return answer.at - due
