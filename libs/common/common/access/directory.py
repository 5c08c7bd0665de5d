"""All agreements in memory, kept as the service's table has them: a request looks one up in a dictionary."""

import asyncio
from collections.abc import Mapping

import structlog

from common.access import store
from common.access.consumers import Consumer
from common.db import Database
from common.health import Health
from common.listen import AWAY, RETRY_SECONDS, Listener, Signal, work_off
from common.loops import Pulse, pause

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""How often we look without having been told: a NOTIFY is a hint, and may be missed."""


class Directory:
    """Background work: reads the agreements again whenever one has changed. `turn` rises then. Beside it runs its
    `listener`.
    """

    def __init__(self, database: Database, service: str) -> None:
        self.name = f"{service}-agreements"
        self._database = database
        self._changed = Signal()
        self.listener = Listener(database.url, store.CHANNEL, self._changed)
        self._known: Mapping[str, Consumer] = {}
        self._state: str | None = None
        self._pulse = Pulse()
        self._reading = asyncio.Lock()
        self.turn = 0

    def find(self, client_id: str) -> Consumer | None:
        """What is agreed with a client; None when nothing ever was."""
        return self._known.get(client_id)

    async def refresh(self) -> None:
        """Reads what has changed: whoever changed it in this process calls this, and the next request is judged so."""
        async with self._reading, self._database.transaction() as tx:
            state = await store.state(tx)
            if state != self._state:
                self._known, self._state = await store.every(tx), state
                self.turn += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps up until `stop`. While the database is away what was known last holds: routes answer 503 meanwhile, and
        a process that does nothing else lives on.
        """

        async def look() -> bool:
            await self.refresh()
            return False

        while not stop.is_set():
            try:
                await work_off(look, self._changed, stop, self._pulse, LOOK_SECONDS)
            except AWAY as error:
                log.warning("agreements not read", loop=self.name, error=type(error).__name__)
                self._pulse.beat("database away")
                await pause(stop, RETRY_SECONDS)

    def health(self) -> Health:
        """Degraded while the database is away."""
        return self._pulse.health()


async def open_directory(database: Database, service: str) -> Directory:
    """The agreements that a service knows, read once before it answers anybody."""
    directory = Directory(database, service)
    await directory.refresh()
    return directory
