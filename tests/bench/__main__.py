"""`python -m tests.bench [ingest] [day190] [latency] [startup] [memory] [roll]`: the promised figures; all of them
without a name.

Exit status 1 when one does not hold. They want the machine to themselves.
"""

import sys

from tests.bench import day190_bench, ingest_bench, latency_bench, memory_bench, roll_bench, startup_bench

BENCHES = {
    "startup": startup_bench.run,
    "ingest": ingest_bench.run,
    "latency": latency_bench.run,
    "day190": day190_bench.run,
    "memory": memory_bench.run,
    "roll": roll_bench.run,
}


def main() -> int:
    figures = []
    for name in sys.argv[1:] or BENCHES:
        print(f"{name} …", flush=True)
        figures += BENCHES[name]()
    print()
    for figure in figures:
        print(figure)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
