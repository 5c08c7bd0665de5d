"""`rollcall up` until its `ready` line: on an empty folder, and again on the same one."""

import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.report import Figure
from tests.bench.system import TODAY
from tests.binaries import free_port
from tests.e2e.product import Process

RUNS = 3


def run(runs: int = RUNS) -> list[Figure]:
    """Seconds until ready, first time and after, the medians of `runs`."""
    first: list[float] = []
    again: list[float] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name:
            first.append(_start(Path(name)))
            again.append(_start(Path(name)))
    print(f"  first {[round(seconds, 2) for seconds in first]}, again {[round(seconds, 2) for seconds in again]}")
    return [
        Figure("rollcall up to ready, first time", "s", median(first), 6, at_most=True),
        Figure("rollcall up to ready, after", "s", median(again), 4, at_most=True),
    ]


def _start(folder: Path) -> float:
    begun = time.perf_counter()
    process = Process("up", "--data", str(folder), "--port", str(free_port()), environment={"ROLLCALL_TODAY": TODAY})
    try:
        process.wait_ready()
        return time.perf_counter() - begun
    finally:
        process.stop()
