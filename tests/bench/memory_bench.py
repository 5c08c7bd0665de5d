"""Memory of the embedded product, PostgreSQL included: 10,000 pupils, a year of marks, one read of the whole authority.

The sum of the proportional set sizes of all its processes, 60 seconds after the read.
"""

import time
from statistics import median

import httpx

from tests.bench import processes, system
from tests.bench.report import Figure
from tests.bench.year import Year

PUPILS = 10_000
DAYS = 190
DAYS_AT_ONCE = 5
AFTER_SECONDS = 60
RUNS = 1  # it varies by a few MiB between runs, and a year takes minutes


def run(runs: int = RUNS, pupils: int = PUPILS, days: int = DAYS) -> list[Figure]:
    """MiB, the median of `runs`."""
    sizes: list[float] = []
    for _ in range(runs):
        with system.embedded() as product:
            year = Year.set_up(product, pupils)
            begun = time.perf_counter()
            for day in range(0, days, DAYS_AT_ONCE):
                year.play(range(day, min(day + DAYS_AT_ONCE, days)))
            seconds = time.perf_counter() - begun
            la_code = year.mis.authority.figures.la_code
            answer = httpx.get(
                f"{product.url}/v1/areas/{la_code}/absence?academic_year=2025-26",
                headers={"Authorization": f"Bearer {product.token}"},
                timeout=120,
            )
            answer.raise_for_status()
            time.sleep(AFTER_SECONDS)
            sizes.append(processes.pss_mib(product.roots))
        print(f"  {sizes[-1]:.0f} MiB after {year.marks:,} marks in {seconds:.0f} s")
    return [Figure("memory of the embedded product after a year", "MiB", median(sizes), 700, at_most=True)]
