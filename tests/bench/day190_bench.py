"""CPU seconds per mark of the whole system on school day 190 beside school day 1: does a year of history cost anything?

A simulated authority on embedded parts. CPU is that of the product and its PostgreSQL, from the day's first register
until the system is quiet again, less what it uses when nothing happens. A single day is one to two CPU seconds, and
PostgreSQL vacuums when it likes: what is compared are the medians of the first and of the last five days.
"""

import time
from statistics import median

from tests.bench import system
from tests.bench.report import Figure
from tests.bench.system import System
from tests.bench.year import Year

PUPILS = 3000
DAYS = 190
MEASURED = 5
DAYS_AT_ONCE = 10
RUNS = 3
_IDLE_SECONDS = 5.0
_SETTLE_SECONDS = 5.0


def run(runs: int = RUNS, pupils: int = PUPILS) -> list[Figure]:
    """The ratio of the two days' CPU per mark, the median of `runs` years."""
    ratios: list[float] = []
    notes: list[str] = []
    for _ in range(runs):
        with system.embedded() as product:
            year = Year.set_up(product, pupils)
            time.sleep(_SETTLE_SECONDS)
            first = median(_cost(product, year, day) for day in range(MEASURED))
            for day in range(MEASURED, DAYS - MEASURED, DAYS_AT_ONCE):
                year.play(range(day, min(day + DAYS_AT_ONCE, DAYS - MEASURED)))
            last = median(_cost(product, year, day) for day in range(DAYS - MEASURED, DAYS))
        ratios.append(last / first)
        notes.append(f"{last * 1e6:.0f} against {first * 1e6:.0f} CPU s per million marks")
        print(f"  {ratios[-1]:.2f}: {notes[-1]}")
    middle = notes[ratios.index(sorted(ratios)[len(ratios) // 2])]
    return [Figure("CPU per mark, day 190 beside day 1", "x", median(ratios), 1.1, at_most=True, note=middle)]


def _cost(product: System, year: Year, day: int) -> float:
    """CPU seconds per mark of one day."""
    idle = _used(product, _IDLE_SECONDS) / _IDLE_SECONDS
    before, begun = product.cpu_seconds(), time.perf_counter()
    marks = year.play([day])
    time.sleep(_SETTLE_SECONDS)
    used = product.cpu_seconds() - before
    return (used - idle * (time.perf_counter() - begun)) / marks


def _used(product: System, seconds: float) -> float:
    before = product.cpu_seconds()
    time.sleep(seconds)
    return product.cpu_seconds() - before
