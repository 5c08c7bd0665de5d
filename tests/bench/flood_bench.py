"""What others notice of a client that floods, drips and pours: `python -m tests.bench flood`.

registers alone, one process as it is deployed. Its callers read and post registers on a schedule, and an answer's time
counts from when it was due. In turns they are alone, and beside `tests.hostile`: 64 connections that ask as fast as
they can, 300 that never finish a request, bodies of a gigabyte, all one client's. Service, PostgreSQL, the callers and
the hostile one share the cores.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median, quantiles

from rollcall.issuer import load

from tests.bench import processes, system
from tests.bench.load import OpenLoop, Request
from tests.bench.report import Figure
from tests.e2e.product import ALL_SCOPES, Product, apart

ROUNDS, SECONDS, A_SECOND = 4, 15.0, 40
SETTLE_SECONDS = 3.0
CLASSES = 40
PROMISED = 2.0
MEMORY_MIB = 64
ROOT = Path(__file__).parents[2]


def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Figure]:
    """The ratios of the 99th percentiles, and how much memory it took."""
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name,
        system.real_parts() as (postgres, kafka),
        apart(Path(name), system.TODAY, postgres.url, kafka.bootstrap, 1, ("registers",)) as product,
    ):
        service = product.processes[1].process.pid
        work = _Others(product, Path(name))
        hostile = load(Path(name) / "issuer.json").sign("hostile", ALL_SCOPES, None, 3600)
        before = processes.pss_mib([service])
        most = before
        for number in range(rounds * 2):
            flooded = number % 2 == 1
            with _let_loose(product.urls["registers"], hostile) if flooded else contextlib.nullcontext():
                asyncio.run(work.go(flooded, seconds))
                most = max(most, processes.pss_mib([service]))
        return [*work.figures(), Figure("memory that all of it took", "MiB", most - before, MEMORY_MIB, at_most=True)]


@contextlib.contextmanager
def _let_loose(url: str, token: str) -> Iterator[None]:
    loose = subprocess.Popen([sys.executable, "-m", "tests.hostile", url, token], cwd=ROOT, env={**os.environ})
    try:
        yield
    finally:
        loose.kill()
        loose.wait()


class _Others:
    """Callers who behave: what they ask for, and how long each answer took."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._url, self._token = product.urls["registers"], product.token(ALL_SCOPES)
        measured = system.System(self._url, "", self._token, ())
        classes = system.load_classes(measured, CLASSES)
        self._registers = iter(system.registers(classes, len(system.SESSIONS) * CLASSES))
        self._chance = Random(3)
        self.taken: dict[tuple[str, bool], list[float]] = {
            (what, flooded): [] for what in ("a register read", "a register posted") for flooded in (False, True)
        }

    def _next(self, number: int) -> tuple[str, Request]:
        if number % 2:
            return "a register posted", next(self._registers)
        urn = system.urn_of_class(self._chance.randrange(CLASSES))
        day, half = system.SESSIONS[self._chance.randrange(4)]
        return "a register read", Request(f"/v1/schools/{urn}/registers/{day}/{half}", method="GET")

    async def go(self, flooded: bool, seconds: float) -> None:
        """One round, without what came in its first seconds."""
        loop, begun = OpenLoop(self._url, self._token), time.perf_counter() + 0.2
        asked: list[asyncio.Task[None]] = []

        async def ask(what: str, request: Request, due: float) -> None:
            answer = await loop.send(request)
            if due > begun + SETTLE_SECONDS:
                self.taken[what, flooded].append(answer.at - due)

        for number in range(int((seconds + SETTLE_SECONDS) * A_SECOND)):
            due = begun + number / A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(ask(*self._next(number), due)))
        await asyncio.gather(*asked)
        loop.close()

    def figures(self) -> list[Figure]:
        """By kind: the 99th percentile beside the hostile client, to that without."""
        made: list[Figure] = []
        for what in ("a register read", "a register posted"):
            alone, beside = (quantiles(self.taken[what, flooded], n=100)[98] for flooded in (False, True))
            middle = tuple(median(self.taken[what, flooded]) * 1000 for flooded in (False, True))
            note = (
                f"({beside * 1000:.1f} against {alone * 1000:.1f} ms; median {middle[1]:.1f} against {middle[0]:.1f})"
            )
            name = f"{what} beside a client that floods, p99"
            made.append(Figure(name, "x without it", beside / alone, PROMISED, at_most=True, note=note))
        return made
