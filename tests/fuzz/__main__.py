"""`python -m tests.fuzz [REQUESTS]`: so many random requests and sequences of requests to every route of the running
product, 100,000 unless said otherwise; an audit at the end. Exit status 1 when an answer is not as documented.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.product import embedded
from tests.fuzz.authority import TODAY, furnish
from tests.fuzz.rounds import fuzz

REQUESTS = 100_000
LONGEST_SECONDS = 3 * 3600


def main() -> int:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rollcall-fuzz-") as name, embedded(Path(name), TODAY) as product:
        try:
            statuses = fuzz(product, furnish(product), Path(name), requests, LONGEST_SECONDS)
            told = product.audited()
        except AssertionError as found:
            print(found)
            return 1
    print(told)
    seconds = time.monotonic() - began
    print(f"{statuses.total():,} requests in {seconds:,.0f} s, all answered as documented; by status:")
    print("  ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
