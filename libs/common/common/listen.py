"""Waiting for a change without asking over and over: `Signal` within a process, a PostgreSQL channel between them.

A signal is a hint: who waits looks again afterwards, and looks again anyway when the time is up.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from common.db import Transaction
from common.health import Health
from common.loops import Pulse, pause
from common.turns import meanwhile

log = structlog.get_logger()

RETRY_SECONDS = 1.0
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What is raised while PostgreSQL is away; the last one by a connection that is cut while a statement begins."""


class Signal:
    """Wakes everybody who waits for the next change.

    Read `turn`, look at the state, then `wait(turn, seconds)`: a change between the look and the wait is not missed.
    """

    def __init__(self) -> None:
        self.turn = 0
        self._next = asyncio.Event()

    def set(self) -> None:
        """Something changed."""
        self.turn += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, turn: int, seconds: float) -> bool:
        """Waits until `set` has been called since `turn` was read; False when `seconds` passed without."""
        if self.turn != turn:
            return True
        try:
            async with meanwhile():
                await asyncio.wait_for(self._next.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def work_off(
    work: Callable[[], Awaitable[bool]], changed: Signal, stop: asyncio.Event, pulse: Pulse, look_seconds: float
) -> None:
    """Calls `work` until `stop`, again at once while it found something to do; else when `changed` is set, and anyway
    after `look_seconds`.
    """
    ended = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            pulse.beat()
            turn = changed.turn
            if not await work():
                waiting = asyncio.create_task(changed.wait(turn, look_seconds))
                await asyncio.wait([waiting, ended], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
    finally:
        ended.cancel()


async def notify(tx: Transaction, channel: str) -> None:
    """Sets the signals of all processes that listen to `channel`, once the transaction commits."""
    await tx.execute("select pg_notify($1, '')", channel)


class Listener:
    """Background work: sets `signal` at every NOTIFY on a channel of a database, and after every reconnect."""

    def __init__(self, url: str, channel: str, signal: Signal) -> None:
        self.name = f"listen-{channel}"
        self._url, self._channel, self._signal = url, channel, signal
        self._listening = False

    async def run(self, stop: asyncio.Event) -> None:
        """Listens until `stop`; a lost connection is made again, for signals are only hints."""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except AWAY as error:
                log.warning("listening interrupted", channel=self._channel, error=type(error).__name__)
                await pause(stop, RETRY_SECONDS)

    def health(self) -> Health:
        """Degraded while nobody would hear a NOTIFY."""
        return Health(ok=True, degraded=not self._listening)

    def _heard(self, *_: object) -> None:
        self._signal.set()

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._url)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(self._channel, self._heard)
            self._listening = True
            self._signal.set()
            waits = {asyncio.create_task(stop.wait()), asyncio.create_task(lost.wait())}
            _, waiting = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
        finally:
            self._listening = False
            await connection.close(timeout=2)
