"""What waits its turn: settling recipients and sending letters, by rows that are due. Any number of replicas share
the rows.
"""

import asyncio
from collections.abc import Awaitable, Callable

from common.health import Health
from common.loops import Backoff, Pulse, pause

LOOK_SECONDS = 1.0
"""How often a worker looks without having been woken: holds that pass, and what other processes committed."""

Step = Callable[[asyncio.Event], Awaitable[tuple[int, str]]]
"""Does what is due; answers how much that was, and what kept the rest from being done."""


class Worker:
    """Background work in steps; `after` is called when a step did something."""

    def __init__(self, name: str, step: Step, after: Callable[[], None]) -> None:
        self.name = name
        self._step, self._after = step, after
        self._woken = asyncio.Event()
        self._pulse = Pulse()
        self._backoff = Backoff()

    def wake(self) -> None:
        """There may be something due: look soon."""
        self._woken.set()

    def health(self) -> Health:
        """Degraded while something that the work needs is away."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop`; what is in flight is finished first."""
        while not stop.is_set():
            self._woken.clear()
            done, trouble = await self._step(stop)
            self._pulse.beat(trouble)
            if done:
                self._after()
            if trouble:
                await pause(stop, self._backoff.next())
                continue
            self._backoff.reset()
            if not done:
                await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
        except TimeoutError:
            return
