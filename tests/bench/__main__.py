"""`python -m tests.bench [NAME …] [--against COMMIT]`: the promised figures; all of them without a name.

`put` compares with a commit: the last one of the release before, or the one that is named. Exit status 1 when a figure
does not hold. They want the machine to themselves. `engine` needs `--peers`: the folder of the peers' benchmark.
"""

import argparse
import sys
from functools import partial

from tests.bench import (
    bulk_bench,
    day190_bench,
    engine_peers_bench,
    flood_bench,
    history_bench,
    ingest_bench,
    latency_bench,
    memory_bench,
    put_bench,
    reads_bench,
    reevaluate_bench,
    replay_bench,
    roll_bench,
    scale_out_bench,
    sessions_bench,
    sizes_bench,
    startup_bench,
)

BENCHES = {
    "startup": startup_bench.run,
    "ingest": ingest_bench.run,
    "latency": latency_bench.run,
    "reads": reads_bench.run,
    "flood": flood_bench.run,
    "day190": day190_bench.run,
    "sessions": sessions_bench.run,
    "memory": memory_bench.run,
    "bulk": bulk_bench.run,
    "history": history_bench.run,
    "sizes": sizes_bench.run,
    "roll": roll_bench.run,
    "put": put_bench.run,
    "engine": engine_peers_bench.run,
    "replay": replay_bench.run,
    "reevaluate": reevaluate_bench.run,
    "scale-out": scale_out_bench.run,
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    arguments.add_argument("--against", default=put_bench.RELEASED, help="the commit that `put` compares with")
    arguments.add_argument("--peers", help=f"the folder of the peers' benchmark ({engine_peers_bench.VARIABLE})")
    options = arguments.parse_args()
    if unknown := [name for name in options.names if name not in BENCHES]:
        arguments.error(f"there is no benchmark {', '.join(unknown)}")
    benches = BENCHES | {
        "put": partial(put_bench.run, options.against),
        "engine": partial(engine_peers_bench.run, options.peers),
    }
    figures = []
    names = options.names or list(benches)
    if not options.names and not engine_peers_bench.has_peers(options.peers):
        names.remove("engine")
        print(f"engine is left out: neither --peers nor {engine_peers_bench.VARIABLE} names the peers' benchmark")
    for name in names:
        print(f"{name} …", flush=True)
        figures += benches[name]()
    print()
    for figure in figures:
        print(figure)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
