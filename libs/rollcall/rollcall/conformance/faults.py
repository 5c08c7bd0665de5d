"""Which requests meet a planted fault: registers, each kind once, and never the repetition of one that met one."""

from typing import Literal

Fault = Literal["unavailable", "too-many", "lost-answer"]
PLAN: dict[int, Fault] = {2: "unavailable", 4: "too-many", 6: "lost-answer"}
"""By the number of the register, among those that differ in place or body."""
STATUS = {"unavailable": 503, "too-many": 429}


class Faults:
    """Counts the registers that come, and says which of them meets what."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def meets(self, method: str, path: str, digest: str) -> Fault | None:
        """What the request meets."""
        if method != "PUT" or "/registers/" not in path or (path, digest) in self._seen:
            return None
        self._seen.add((path, digest))
        return PLAN.get(len(self._seen))
