"""Jobs that somebody asked for, done one after the other in the background.

Whoever works on a job has an advisory lock for it: a job whose process died is begun again from the beginning by the
next.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from common.clock import Clock
from common.db import Database, Transaction
from common.health import Health
from common.listen import Signal, work_off
from common.loops import Pulse

from absence_engine.actions.holding import Policies
from absence_engine.store.jobs import lock

LOOK_SECONDS = 2.0


class Jobs(ABC):
    """Background work: does what has been asked for. `changed` is set when there may be something."""

    name: str
    kind: int
    """Of the locks (`store.jobs`)."""

    def __init__(self, database: Database, clock: Clock, policies: Policies, changed: Signal) -> None:
        self._database, self._clock, self._policies, self._changed = database, clock, policies, changed
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Does one job after the other, and waits for more, until `stop`."""
        await work_off(lambda: self.work(stop), self._changed, stop, self._pulse, LOOK_SECONDS)

    async def work(self, stop: asyncio.Event) -> bool:
        """Does the oldest job that nobody else works on; whether there was one."""
        async with self._database.transaction() as tx:
            waiting = await self._waiting(tx)
        for job_id in waiting:
            async with self._database.connection() as held:  # the lock goes with this connection
                if await lock(held, self.kind, job_id):
                    await self._do(job_id, stop)
                    return True
        return False

    @abstractmethod
    async def _waiting(self, tx: Transaction) -> Sequence[str]:
        """The ids of the jobs that are not done, oldest first."""

    @abstractmethod
    async def _do(self, job_id: str, stop: asyncio.Event) -> None:
        """Does a job, or leaves it where `stop` is set; somebody else may have done it meanwhile."""
