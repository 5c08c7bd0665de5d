"""What each process does: one story after another, until it is ended."""

import asyncio
import json
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import structlog
from audit.policy import policy_files

from tests.prove.engines import Engines
from tests.prove.shrink import shrunk, told
from tests.prove.story import story


class Result(NamedTuple):
    """What came of one story. `file`: where it was kept, if it differs."""

    seed: int
    marks: int
    differs: str = ""
    file: str = ""


def work(server_url: str, seeds: range, folder: str, results: "Queue[Result]") -> None:
    """The stories of some seeds. The first that differs is made small, and kept in the folder."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_work(server_url, seeds, Path(folder), results))


async def _work(server_url: str, seeds: range, folder: Path, results: "Queue[Result]") -> None:
    shipped = json.loads(policy_files()[-1].read_text(encoding="utf-8"))
    engines = await Engines.open(server_url, f"prove-{seeds.start}")
    for seed in seeds:
        drawn = story(seed, shipped)
        found = await told(engines, drawn, "any")
        if found:
            small, how, said = await shrunk(engines, drawn)
            path = folder / f"story-{seed}.json"
            small.save(path, delivered=how, found=said or found)
            text = f"{said or found}\n({len(small.writes)} writes, {small.marks} marks, delivered {how})"
            results.put(Result(seed, drawn.marks, text, str(path)))
        else:
            results.put(Result(seed, drawn.marks))
