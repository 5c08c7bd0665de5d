"""From a register's scheduled time to its crossing being readable, p99: at 2,000 marks a second on real parts, each
service a process of its own, and at 500 a second embedded.

An open loop: registers of 30 marks start on a fixed schedule, whatever became of those before. In each, one pupil is
absent for the first time, which within the first ten sessions crosses 10% (rule book 3.5): the clock stops when that
pupil's episodes, read over HTTP, hold the crossing. That is far more than life brings: of 67 registers a second each
has its crossing, its task and its letter, and a reader who waits for it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from statistics import median, quantiles
from typing import Any, NamedTuple

from tests.bench import system
from tests.bench.load import OpenLoop, Request
from tests.bench.report import Figure
from tests.bench.system import CLASS_SIZE, SESSIONS, System

SESSIONS_PER_CLASS = 9  # a first absence at the tenth session is still 10%
SECONDS, WARM_UP = 25, 4
RUNS = 3


class Plan(NamedTuple):
    """A product, and how many marks a second it is sent."""

    name: str
    started: Callable[[], AbstractContextManager[System]]
    marks_per_second: int


PLANS = (Plan("real Kafka and PostgreSQL", system.on_real_parts, 2000), Plan("embedded", system.embedded, 500))


def run(runs: int = RUNS, seconds: int = SECONDS) -> list[Figure]:
    """The median over runs of the 99th percentile, on real Kafka and PostgreSQL and embedded."""
    return [_run(plan, runs, seconds) for plan in PLANS]


def _run(plan: Plan, runs: int, seconds: int) -> Figure:
    p99s: list[float] = []
    for _ in range(runs):
        with plan.started() as product:
            registers = plan.marks_per_second * seconds // CLASS_SIZE
            rooms = system.load_classes(product, -(-registers // SESSIONS_PER_CLASS))
            used = product.cpu_seconds()
            taken = sorted(asyncio.run(_measure(product, rooms, registers, plan.marks_per_second)))
            cores = (product.cpu_seconds() - used) / (registers * CLASS_SIZE) * plan.marks_per_second
        p99s.append(quantiles(taken, n=100)[98])
        middle, p99, worst = (f"{one * 1000:.0f} ms" for one in (median(taken), p99s[-1], taken[-1]))
        print(
            f"  {plan.name}: median {middle}, p99 {p99}, worst {worst}; its work is that of {cores:.2f} cores",
            flush=True,
        )
    what = f"last mark to readable crossing at {plan.marks_per_second:,} marks/s, p99, {plan.name}"
    return Figure(what, "s", median(p99s), 1.0, at_most=True)


async def _measure(
    product: System, rooms: Sequence[Sequence[str]], registers: int, marks_per_second: int
) -> list[float]:
    a_second = marks_per_second / CLASS_SIZE
    sender, reader = OpenLoop(product.url, product.token), OpenLoop(product.engine_url, product.token)
    begun = time.perf_counter() + 0.5
    taken: list[asyncio.Task[float]] = []
    for number in range(registers):
        due = begun + number / a_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        taken.append(asyncio.create_task(_crossing(sender, reader, rooms, number, due)))
    found = await asyncio.gather(*taken)
    sender.close()
    reader.close()
    return list(found)[round(a_second * WARM_UP) :]


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
