"""`python -m tests.prove [MARKS] [SECONDS] [FIRST SEED]`: the engine and the second implementation on so many random
marks (10 million), for at most so many seconds (an hour), or `python -m tests.prove FILE`: on a story that was kept.

Exit status 1 with the story that differs, made as small as can be and kept in a file; 2 when time was up.
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

import structlog

from tests import servers
from tests.prove.engines import Engines
from tests.prove.shrink import HOWS, told
from tests.prove.story import Story
from tests.prove.work import Result, work

MARKS = 10_000_000
SECONDS = 3600.0
PROCESSES = 2
FURTHEST = 2**31
SAME, DIFFERENT, TOO_LATE = 0, 1, 2


def main() -> int:
    words = sys.argv[1:]
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with servers.postgres() as server:
        if words and Path(words[0]).exists():
            return asyncio.run(replay(server.url, Path(words[0])))
        marks = int(words[0]) if words else MARKS
        seconds = float(words[1]) if len(words) > 1 else SECONDS
        return prove(server.url, marks, seconds, int(words[2]) if len(words) > 2 else 0)


async def replay(server_url: str, path: Path) -> int:
    """Tells a kept story again, in each way of delivery."""
    engines = await Engines.open(server_url, "prove-again")
    kept = Story.load(path)
    differs = {how: found for how in HOWS if (found := await told(engines, kept, how))}
    for how, found in differs.items():
        print(f"delivered {how}: {found}")
    await engines.close()
    return DIFFERENT if differs else SAME


def prove(server_url: str, marks: int, seconds: float, first: int) -> int:
    """Story after story, in parallel, until enough marks were told, time is up or one differs."""
    context = multiprocessing.get_context("spawn")
    results: Queue[Result] = context.Queue()
    folder = tempfile.mkdtemp(prefix="rollcall-prove-")
    workers = [
        context.Process(
            target=work, args=(server_url, range(first + number, FURTHEST, PROCESSES), folder, results), daemon=True
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    began, done, stories = time.monotonic(), 0, 0
    try:
        while done < marks:
            left = began + seconds - time.monotonic()
            if left <= 0:
                print(f"time is up: {done:,} of {marks:,} marks in {stories} stories were the same")
                return TOO_LATE
            result = _next(results, workers, left)
            if result is None:
                continue
            if result.differs:
                print(f"seed {result.seed} differs: {result.differs}\nkept in {result.file}")
                return DIFFERENT
            done, stories = done + result.marks, stories + 1
            spent = time.monotonic() - began
            print(f"{done:>12,} marks  {stories:>5} stories  {spent:>6.0f} s  seed {result.seed}", flush=True)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    print(f"{done:,} marks in {stories} stories, delivered in any batches: both implementations say the same")
    return SAME


def _next(results: "Queue[Result]", workers: Sequence[BaseProcess], left: float) -> Result | None:
    """The next result; None when there is none for a while. RuntimeError when a worker has gone."""
    try:
        return results.get(timeout=min(left, 5.0))
    except Empty:
        if not all(worker.is_alive() for worker in workers):
            raise RuntimeError("a worker has gone") from None
        return None


if __name__ == "__main__":
    sys.exit(main())
