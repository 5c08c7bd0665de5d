"""What the supervisor tells its worker, kept apart so that the supervisor need not load what the worker needs."""

import json
import sys
from dataclasses import asdict, dataclass

READY = b"ready\n"
"""What the worker says over the lifeline once every part of every service does its work."""


REFUSED = 2
"""The status of a worker that has said which setting can't be worked with: another start would end like it."""

AGAIN = 3
"""The status of a sandbox's worker whose date was set: it is started again at once."""


@dataclass(frozen=True, slots=True)
class Options:
    """`listener` and `lifeline` are the numbers of inherited files; `database` is the URL of a server."""

    data: str
    port: int
    database: str
    embedded: bool
    kafka: str | None
    sandbox: bool
    listener: int
    lifeline: int

    def command(self) -> list[str]:
        """How to start a worker with these options."""
        return [sys.executable, "-m", "rollcall.worker", json.dumps(asdict(self))]
