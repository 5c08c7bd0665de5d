"""Looks at schools for patterns of absence after their school days: background work, one school at a time."""

import asyncio
import time
from collections.abc import Callable

from common.clock import Clock
from common.db import Database
from common.health import Health
from common.listen import Signal, work_off
from common.loops import Pulse, pause

from absence_engine.actions.holding import Policies
from absence_engine.actions.patterns import look_next

LOOK_SECONDS = 10.0
"""How soon the end of a school day is noticed."""


class LookingForPatterns:
    """Background work; `changed` is set when other policies may be in force, `after_commit` is called when there may be
    something to say. Between two schools it rests as long as the last one took: marks go first.
    """

    name = "looking-for-patterns"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policies: Policies,
        changed: Signal,
        after_commit: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._policies = database, clock, policies
        self._changed, self._after_commit = changed, after_commit
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at what is due, school by school, and waits for more, until `stop`."""

        async def work() -> bool:
            began = time.monotonic()
            done = await self._database.in_transaction(lambda tx: look_next(tx, self._clock, self._policies))
            if done is None:
                return False
            self._after_commit()
            await pause(stop, time.monotonic() - began)
            return True

        await work_off(work, self._changed, stop, self._pulse, LOOK_SECONDS)
