"""What a register's `PUT` costs now, against an earlier commit: both serve at the same time, and take turns.

registers alone, as it is deployed: a process of its own on a PostgreSQL of its own, one Kafka for both. In each round
both get the same registers of 30 marks, all new ones, over 16 connections; who begins changes from round to round. The
figure is the median of the rounds' ratios: what else the machine does meets both. The CPU of service and PostgreSQL is
told beside it.
"""

import asyncio
import contextlib
import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests import keys, servers
from tests.bench import load, system
from tests.bench.load import Request
from tests.bench.report import Figure
from tests.bench.system import POSTGRES_SETTINGS, TODAY, System
from tests.binaries import free_port
from tests.e2e.product import ALL_SCOPES, Process, token_from

ROOT = Path(__file__).parents[2]
RELEASED = "c019e03"
"""The last commit of 0.1.0."""
CLASSES, CONNECTIONS = 100, 16
ROUNDS, REGISTERS = 31, 200


@dataclass(frozen=True, slots=True)
class Cost:
    """One round of one of the two: milliseconds of a register by the clock, and of CPU."""

    clock: float
    cpu: float


def run(against: str = RELEASED, rounds: int = ROUNDS, registers: int = REGISTERS) -> list[Figure]:
    """The two ratios, now to then."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name, servers.kafka() as kafka:
        folder = Path(name)
        issuer = Process("issuer", "--data", str(folder / "issuer"), "--port", str(free_port()))
        try:
            url, token = issuer.wait_ready(), token_from(folder / "issuer")(ALL_SCOPES)
            with (
                _registers(ROOT, kafka.bootstrap, url, token) as now,
                _registers(_sources(against, folder / "then"), kafka.bootstrap, url, token) as then,
            ):
                return _figures(against, _rounds(now, then, rounds, registers))
        finally:
            issuer.stop()


def _figures(against: str, taken: Sequence[tuple[Cost, Cost]]) -> list[Figure]:
    """`taken`: by round, now and then."""
    clock = median(now.clock / then.clock for now, then in taken)
    cpu = median(now.cpu / then.cpu for now, then in taken)
    now, then = (
        Cost(median(one.clock for one in side), median(one.cpu for one in side)) for side in zip(*taken, strict=True)
    )
    return [
        Figure("PUT of a register, by the clock", f"x {against}", clock, 1.10, at_most=True,
               note=f"{now.clock:.2f} against {then.clock:.2f} ms"),
        Figure("PUT of a register, CPU", f"x {against}", cpu, None, note=f"{now.cpu:.2f} against {then.cpu:.2f} ms"),
    ]  # fmt: skip


def _rounds(now: System, then: System, rounds: int, registers: int) -> list[tuple[Cost, Cost]]:
    """One round more than asked for: the first warms both up."""
    work = {one.url: _work(one, (rounds + 1) * registers) for one in (now, then)}
    taken: list[tuple[Cost, Cost]] = []
    for number in range(rounds + 1):
        costs: dict[str, Cost] = {}
        for one in (now, then) if number % 2 else (then, now):
            costs[one.url] = _cost(one, work[one.url][number * registers :][:registers])
        taken.append((costs[now.url], costs[then.url]))
    return taken[1:]


def _work(one: System, registers: int) -> list[Request]:
    return system.registers(system.load_classes(one, CLASSES), registers)


def _cost(one: System, work: Sequence[Request]) -> Cost:
    used, begun = one.cpu_seconds(), time.perf_counter()
    answers = asyncio.run(load.closed_loop(one.url, one.token, work, CONNECTIONS))
    seconds, cpu = time.perf_counter() - begun, one.cpu_seconds() - used
    load.last_sequences(answers, accepted_only=True)
    return Cost(seconds / len(work) * 1000, cpu / len(work) * 1000)


def _sources(commit: str, folder: Path) -> Path:
    """The files of a commit; RuntimeError when the repository does not have it."""
    done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"there is no commit {commit}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


@contextlib.contextmanager
def _registers(sources: Path, kafka: str, issuer: str, token: str) -> Iterator[System]:
    """registers as these sources have it."""
    packages = [str(folder) for part in ("services", "libs") for folder in sorted((sources / part).iterdir())]
    environment = {"PYTHONPATH": os.pathsep.join(packages), "ROLLCALL_TODAY": TODAY, **keys.SETTINGS}
    with servers.postgres(**POSTGRES_SETTINGS) as postgres:
        process = Process(
            "service", "registers", "--database", postgres.url, "--kafka", kafka, "--port", str(free_port()),
            "--issuer", issuer, "--jwks-url", f"{issuer}/.well-known/jwks.json", environment=environment,
        )  # fmt: skip
        try:
            url = process.wait_ready()
            yield System(url, url, token, (process.process.pid, postgres.pid))
        finally:
            process.stop()
