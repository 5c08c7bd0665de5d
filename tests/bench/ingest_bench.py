"""`PUT` registers of 30 marks to committed totals, beside a careful service that only stores and sends the same ones.

On real Kafka and PostgreSQL the product should be 1.5 times as fast as the careful service; embedded, as fast as it.
Schools and rolls are loaded first, sender and servers share the same cores, 16 connections. For the product the clock
runs from the first `PUT` until the engine has counted every school's last ledger number; for the careful service until
the last answer.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from statistics import median

from tests.bench import load, system
from tests.bench.report import Figure
from tests.bench.system import System

CLASSES = 200
REGISTERS = 2000
CONNECTIONS = 16
RUNS = 3


def run(runs: int = RUNS, registers: int = REGISTERS) -> list[Figure]:
    """Marks per second of the three systems in turn, `runs` times."""
    rates: dict[str, list[float]] = {"careful": [], "real parts": [], "embedded": []}
    for number in range(runs):
        rooms: list[list[str]] = []
        for name, started in (
            ("real parts", partial(_product, system.on_real_parts, registers)),
            ("embedded", partial(_product, system.embedded, registers)),
        ):
            rate, rooms = started()
            rates[name].append(rate)
        rates["careful"].append(_reference(rooms, registers))
        print(
            f"  round {number + 1}: " + ", ".join(f"{name} {values[-1]:,.0f} marks/s" for name, values in rates.items())
        )
    careful, real, embedded = (median(rates[name]) for name in ("careful", "real parts", "embedded"))
    return [
        Figure("PUT to committed totals, real Kafka and PostgreSQL", "x careful service", real / careful, 1.5,
               note=f"{real:,.0f} against {careful:,.0f} marks/s"),
        Figure("PUT to committed totals, embedded", "x careful service", embedded / careful, 1.0,
               note=f"{embedded:,.0f} against {careful:,.0f} marks/s"),
    ]  # fmt: skip


def _product(started: Callable[[], AbstractContextManager[System]], registers: int) -> tuple[float, list[list[str]]]:
    with started() as product:
        rooms = system.load_classes(product, CLASSES)
        work = system.registers(rooms, registers)

        async def measure() -> float:
            begun = time.perf_counter()
            answers = await load.closed_loop(product.url, product.token, work, CONNECTIONS)
            sequences = load.last_sequences(answers, accepted_only=True)
            done = await load.wait_for_engine(product.url, product.token, rooms[0][0], sequences)
            return done - begun

        return registers * system.CLASS_SIZE / asyncio.run(measure()), rooms


def _reference(rooms: Sequence[Sequence[str]], registers: int) -> float:
    with system.reference() as careful:
        work = system.registers(rooms, registers)
        begun = time.perf_counter()
        answers = asyncio.run(load.closed_loop(careful.url, None, work, CONNECTIONS))
        return registers * system.CLASS_SIZE / (max(answer.at for answer in answers) - begun)
