"""CPU seconds per mark of the whole system on school day 190 beside school day 1: does a year of history cost anything?

A simulated authority on embedded parts. CPU is that of the product and its PostgreSQL, from the day's first register
until the system is quiet again, less what it uses when nothing happens. A single day is one to two CPU seconds, and
PostgreSQL vacuums when it likes: what is compared are the medians of the first and of the last five days. Corrections
are sent as well, but not measured: there are none on the first day, and they are small registers. On a shared
machine the same work costs more CPU in one hour than in the next: each day is counted in units of a piece of work of
our own, done before and after it.
"""

import json
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
_ROUNDS = 10_000


def run(runs: int = RUNS, pupils: int = PUPILS) -> list[Figure]:
    """The ratio of the two days' CPU per mark, the median of `runs` years."""
    ratios: list[float] = []
    for _ in range(runs):
        with system.embedded() as product:
            year = Year.set_up(product, pupils)
            time.sleep(_SETTLE_SECONDS)
            first = median(_cost(product, year, day) for day in range(MEASURED))
            for day in range(MEASURED, DAYS - MEASURED, DAYS_AT_ONCE):
                year.play(range(day, min(day + DAYS_AT_ONCE, DAYS - MEASURED)))
            last = median(_cost(product, year, day) for day in range(DAYS - MEASURED, DAYS))
        ratios.append(last / first)
        print(f"  {ratios[-1]:.2f}: {last:.0f} against {first:.0f} pieces of work per million marks", flush=True)
    return [Figure("CPU per mark, days 186-190 beside days 1-5", "x", median(ratios), 1.1, at_most=True)]


def _cost(product: System, year: Year, day: int) -> float:
    """CPU per million marks of one day, in pieces of work."""
    before_piece = piece()
    idle = _used(product, _IDLE_SECONDS) / _IDLE_SECONDS
    before, begun = product.cpu_seconds(), time.perf_counter()
    marks = year.take(day)
    time.sleep(_SETTLE_SECONDS)
    used = product.cpu_seconds() - before
    seconds = (used - idle * (time.perf_counter() - begun)) / marks * 1e6
    cost = seconds / ((before_piece + piece()) / 2)
    print(f"    day {day + 1}: {seconds:.0f} CPU s, {cost:.0f} pieces of work per million marks", flush=True)
    year.correct(day)
    return cost


def piece() -> float:
    """CPU seconds of a fixed piece of work."""
    begun = time.process_time()
    for number in range(_ROUNDS):
        json.loads(json.dumps([{"local_id": str(place), "code": "/"} for place in range(number % 100)]))
    return time.process_time() - begun


def _used(product: System, seconds: float) -> float:
    before = product.cpu_seconds()
    time.sleep(seconds)
    return product.cpu_seconds() - before
