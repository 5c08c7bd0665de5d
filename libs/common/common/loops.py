"""What the background loops share: waiting that ends with `stop`, growing delays, and a pulse that shows they turn."""

import asyncio
import time

from common.health import Health

STUCK_SECONDS = 90.0
"""A loop that has not come round for so long is not ready. What takes longer, a replay, says that it goes on."""


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Waits `seconds`, or less when `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


class Backoff:
    """Delays that double from 0.1 s to 2 s while something stays away."""

    FIRST, LONGEST = 0.1, 2.0

    def __init__(self) -> None:
        self._next = self.FIRST

    def reset(self) -> None:
        """It worked: the next delay is a short one again."""
        self._next = self.FIRST

    def next(self) -> float:
        """The seconds to wait now."""
        delay, self._next = self._next, min(self._next * 2, self.LONGEST)
        return delay


class Pulse:
    """When a loop last came round, and what it is waiting for, if it can't do its work."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._trouble = "not started"

    def beat(self, trouble: str = "") -> None:
        """The loop came round; `trouble` says what keeps it from its work."""
        self._last = time.monotonic()
        self._trouble = trouble

    @property
    def well(self) -> bool:
        """Whether the loop did its work when it last came round."""
        return not self._trouble

    def health(self) -> Health:
        """Not ok when the loop has stopped turning; degraded while it turns in vain."""
        silent = time.monotonic() - self._last
        if silent > STUCK_SECONDS:
            return Health(ok=False, detail=f"has not come round for {silent:.0f} s")
        return Health(ok=True, degraded=bool(self._trouble), detail=self._trouble)
