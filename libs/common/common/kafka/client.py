# pyright: basic
# aiokafka carries few types; strict mode would report every line that touches it.
"""An aiokafka client within bounds: no wait without an end, no connection mended in secret, nothing left running."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from common.broker import BrokerAwayError

ANSWER_SECONDS = 10.0
"""How long the broker may take for one answer."""
STOP_SECONDS = 5.0

Inner = TypeVar("Inner")
T = TypeVar("T")


class Client(Generic[Inner]):
    """A producer, consumer or admin client that is dropped, not mended, when anything is wrong with the broker.

    `lost` is done as soon as a connection broke or an answer did not come; all that the client was doing ends then.
    """

    def __init__(self, inner: Inner, network: Any, stop: Callable[[], Awaitable[None]]) -> None:
        """`network` is the client's own network client, whose callback for closed connections is hooked into."""
        self.inner = inner
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._network = network
        self._stop = stop
        mend = network._on_connection_closed

        def closed(connection: Any, reason: CloseReason | None) -> None:
            mend(connection, reason)
            if reason in (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT):
                self.lose()

        network._on_connection_closed = closed

    async def ask(self, asked: Awaitable[T]) -> T:
        """What the broker answers; BrokerAwayError, and the client is lost, when it does not."""
        task = asyncio.ensure_future(asked)
        try:
            await asyncio.wait({task, self.lost}, timeout=ANSWER_SECONDS, return_when="FIRST_COMPLETED")
            self.check()
            if not task.done():
                raise BrokerAwayError("Kafka did not answer in time")
            return task.result()
        except BrokerAwayError:
            self.lose()
            raise
        except (KafkaError, OSError) as error:
            raise self.judge(error) from error
        finally:
            await _cancel({task})

    async def attempt(self, asked: Awaitable[object], seconds: float) -> None:
        """Does what may fail without consequence, and gives it up after `seconds`."""
        task = asyncio.ensure_future(asked)
        try:
            await asyncio.wait({task, self.lost}, timeout=seconds, return_when="FIRST_COMPLETED")
        finally:
            await _cancel({task})

    def check(self) -> None:
        """BrokerAwayError once the client is lost."""
        if self.lost.done():
            raise BrokerAwayError("the connection to Kafka is lost")

    async def check_topics(self, topics: Iterable[str]) -> None:
        """BrokerAwayError when the broker does not answer, or lacks a topic: another one, or a wiped one."""
        cluster = await self.ask(self._network.fetch_all_metadata())
        missing = set(topics) - cluster.topics()
        if missing:
            self.lose()
            raise BrokerAwayError(f"topics are not there: {sorted(missing)}")

    def judge(self, error: Exception) -> Exception:
        """BrokerAwayError for what may pass, the client being lost; errors for good (a refused login) as they are."""
        passing = isinstance(error, OSError | KafkaConnectionError | KafkaTimeoutError) or type(error) is KafkaError
        if passing or getattr(error, "retriable", False):
            self.lose()
            return BrokerAwayError(f"{type(error).__name__}: {error}")
        return error

    def lose(self) -> None:
        """Ends all that the client does: a consumer that went on would join its group again, under a name in use."""
        if not self.lost.done():
            self.lost.set_result(None)
        for task in self._tasks():
            task.cancel()

    async def close(self) -> None:
        """Stops the client in bounded time, gently unless it is lost."""
        if self.lost.done():
            await _cancel(self._tasks())
        stopping = asyncio.ensure_future(self._stop())
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)
        await _cancel({stopping, *self._tasks()})
        for connection in self._network._conns.values():
            connection.close()

    def _tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks that the client runs: coroutines that are methods of one of its parts."""
        values = (self.inner, *vars(self.inner).values())
        parts = {id(part) for part in values if type(part).__module__.startswith("aiokafka")}
        frames = {task: getattr(task.get_coro(), "cr_frame", None) for task in asyncio.all_tasks()}
        return {task for task, frame in frames.items() if frame is not None and id(frame.f_locals.get("self")) in parts}


async def _cancel(tasks: set[asyncio.Future[Any]] | set[asyncio.Task[Any]]) -> None:
    """Cancels what still runs, waits a moment, and takes note of how it ended, so that nobody is told later."""
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=1)
        for task in done:
            if not task.cancelled():
                task.exception()
