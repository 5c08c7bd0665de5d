"""`PUT` registers of 30 marks to committed totals, beside a careful service that only stores and sends the same ones.

On real Kafka and PostgreSQL, each service a process, the product should be 1.5 times as fast as the careful service;
embedded, as fast as it.
Schools and rolls are loaded first, sender and servers share the same cores, 16 connections. For the product the clock
runs from the first `PUT` until the engine has counted every school's last ledger number; for the careful service until
the last answer. The CPU of all servers is told beside each rate: where the machine is not ours alone, it says more.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from tests.bench import load, system
from tests.bench.report import Figure
from tests.bench.system import System

CLASSES = 200
REGISTERS = 2000
CONNECTIONS = 16
RUNS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: marks per second, and the servers' CPU microseconds per mark."""

    rate: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f} marks/s at {self.cpu:.0f} us CPU a mark"


def run(runs: int = RUNS, registers: int = REGISTERS) -> list[Figure]:
    """Marks per second of the three systems in turn, `runs` times."""
    taken: dict[str, list[Measured]] = {
        "careful": [],
        "real parts": [],
        "real parts, one process": [],
        "embedded": [],
    }
    for number in range(runs):
        one, rooms = _product(system.on_real_parts, registers)
        taken["real parts"].append(one)
        taken["real parts, one process"].append(_product(system.in_one_process, registers)[0])
        taken["careful"].append(_reference(rooms, registers))
        taken["embedded"].append(_product(system.embedded, registers)[0])
        print(
            f"  round {number + 1}: " + "; ".join(f"{name} {values[-1]}" for name, values in taken.items()), flush=True
        )
    careful, real, single, embedded = (median(one.rate for one in taken[name]) for name in taken)
    return [
        Figure("PUT to committed totals, real Kafka and PostgreSQL", "x careful service", real / careful, 1.5,
               note=f"{real:,.0f} against {careful:,.0f} marks/s"),
        Figure("PUT to committed totals, real parts, all services in one process", "x careful service",
               single / careful, None, note=f"{single:,.0f} against {careful:,.0f} marks/s"),
        Figure("PUT to committed totals, embedded", "x careful service", embedded / careful, 1.0,
               note=f"{embedded:,.0f} against {careful:,.0f} marks/s"),
    ]  # fmt: skip


def _product(started: Callable[[], AbstractContextManager[System]], registers: int) -> tuple[Measured, list[list[str]]]:
    with started() as product:
        rooms = system.load_classes(product, CLASSES)
        work = system.registers(rooms, registers)

        async def until_counted() -> float:
            answers = await load.closed_loop(product.url, product.token, work, CONNECTIONS)
            sequences = load.last_sequences(answers, accepted_only=True)
            return await load.wait_for_engine(product.engine_url, product.token, rooms[0][0], sequences)

        return _measured(product, registers, until_counted), rooms


def _reference(rooms: Sequence[Sequence[str]], registers: int) -> Measured:
    with system.reference() as careful:
        work = system.registers(rooms, registers)

        async def until_answered() -> float:
            return max(answer.at for answer in await load.closed_loop(careful.url, None, work, CONNECTIONS))

        return _measured(careful, registers, until_answered)


def _measured(server: System, registers: int, work: Callable[[], Coroutine[None, None, float]]) -> Measured:
    """`work` answers when it was done."""
    marks = registers * system.CLASS_SIZE
    used, begun = server.cpu_seconds(), time.perf_counter()
    done = asyncio.run(work())
    return Measured(marks / (done - begun), (server.cpu_seconds() - used) / marks * 1e6)
