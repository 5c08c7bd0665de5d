"""Turns: of each client so many requests are worked on at a time, the next ones wait in line, in order.

A process has one thread, and a database so many connections: what is worked on at the same time shares them. So of a
client that takes more than its share while others are there, four requests are worked on at a time, however many it
sends: the others notice four requests of it, not all. Who is alone, or takes no more than the others do, has
`at_once`. A share is what clients were worked on, on average, in the last second or so; half a second's work is no
more than anybody's. Others are there when they, all together, were worked on for a tenth of a second: who asks for
little now and then holds nobody up. The services' own client (`own`) is nobody: what it asks, others have caused.

A request that itself waits for something (`meanwhile`) lets the next one of its client have its turn.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from common.errors import TooManyRequestsError

LONGEST_LINE = 1000
MOST_RESTING = 200
"""So many requests of a client may wait for something else than their turn."""
MEMORY_SECONDS = 1.0
"""What was worked on so long ago counts for a third of what is worked on now."""
OVER_SHARE = 1.25
"""So many times the average is more than a share."""
BESIDE_OTHERS = 4
"""So many requests of a client are worked on at a time, whoever else is there."""
LITTLE, NOTICED, FORGOTTEN = 0.5, 0.1, 0.001
"""Seconds of work: one client's that are nobody's concern; all others' that are noticed; nobody's memory."""


class _Line:
    """One client's requests: how many are worked on, which wait for their turn, how many for something else, and how
    long it was worked on lately (seconds, fading).
    """

    __slots__ = ("_at", "_work", "resting", "waiting", "working")

    def __init__(self, now: float) -> None:
        self.working = self.resting = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._work, self._at = 0.0, now

    def work(self, now: float) -> float:
        """What it was worked on, up to now."""
        passed = now - self._at
        if passed > 0:
            faded = math.exp(-passed / MEMORY_SECONDS)
            self._work = self._work * faded + self.working * MEMORY_SECONDS * (1 - faded)
            self._at = now
        return self._work


class Turn:
    """A request's place among those that are worked on. `rest` gives it up for a while, `end` for good, once: it
    `is_over` then, also for what the request has begun and left behind.
    """

    __slots__ = ("_client", "_held", "_rests", "_turns", "is_over")

    def __init__(self, turns: "Turns", client: str) -> None:
        self._turns, self._client, self._held, self._rests = turns, client, False, False
        self.is_over = False

    async def begin(self, *, again: bool = False) -> None:
        """Waits for it; TooManyRequestsError when the line is too long, unless the request had a turn before."""
        await self._turns.enter(self._client, again)
        self._held = True

    def rest(self) -> None:
        """The next in line may begin, until this one does again; TooManyRequestsError when too many do so already. A
        request counts from its first rest until its end.
        """
        if not self._rests:
            self._turns.rest(self._client)
            self._rests = True
        self._leave()

    def end(self) -> None:
        """The next in line may begin."""
        self.is_over = True
        self._leave()
        if self._rests:
            self._rests = False
            self._turns.rested(self._client)

    def _leave(self) -> None:
        if self._held:
            self._held = False
            self._turns.leave(self._client)


class Turns:
    """Who is worked on, by client."""

    def __init__(
        self,
        at_once: int,
        longest_line: int = LONGEST_LINE,
        clock: Callable[[], float] = time.monotonic,
        own: str | None = None,
    ) -> None:
        self._at_once, self._longest, self._clock, self._own = at_once, longest_line, clock, own
        self._lines: dict[str, _Line] = {}

    async def take(self, client: str) -> Turn:
        """A turn for the request that is being answered here, to be ended; TooManyRequestsError."""
        turn = Turn(self, client)
        await turn.begin()
        _turn.set(turn)
        return turn

    def is_idle(self) -> bool:
        """Whether nobody is worked on."""
        return not any(line.working for line in self._lines.values())

    async def enter(self, client: str, again: bool) -> None:
        """Waits until one more of the client's may be worked on, at most so long a line unless `again`."""
        line = self._lines.get(client)
        if line is None:
            self._forget()
            line = self._lines[client] = _Line(self._clock())
        if not line.waiting and self._may_begin(line):
            self._count(line, 1)
            return
        if len(line.waiting) >= self._longest and not again:
            raise TooManyRequestsError("Too many requests of this client wait already.", retry_after=1)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave(client)
            raise

    def leave(self, client: str) -> None:
        """One of the client's is done: the next in line begin, as many as may."""
        line = self._lines[client]
        self._count(line, -1)
        while line.waiting and self._may_begin(line):
            place = line.waiting.popleft()
            if not place.done():
                self._count(line, 1)
                place.set_result(None)

    def rest(self, client: str) -> None:
        """One more of the client's waits for something else than its turn; TooManyRequestsError."""
        line = self._lines[client]
        if line.resting >= MOST_RESTING:
            raise TooManyRequestsError("Too many requests of this client wait for news already.", retry_after=1)
        line.resting += 1

    def rested(self, client: str) -> None:
        """It waits no more."""
        self._lines[client].resting -= 1

    def _may_begin(self, line: _Line) -> bool:
        """Whether one more of a client's requests may be worked on."""
        if line.working >= self._at_once:
            return False
        if line.working < BESIDE_OTHERS:
            return True
        now = self._clock()
        mine = line.work(now)
        if mine <= LITTLE:
            return True
        others = [work for work in self._works_beside(line, now) if work > FORGOTTEN]
        return sum(others) < NOTICED or mine <= OVER_SHARE * (mine + sum(others)) / (1 + len(others))

    def _works_beside(self, line: _Line, now: float) -> Iterator[float]:
        """What the others were worked on, but for the services themselves."""
        return (one.work(now) for client, one in self._lines.items() if one is not line and client != self._own)

    def _count(self, line: _Line, more: int) -> None:
        line.work(self._clock())
        line.working += more

    def _forget(self) -> None:
        """Lets go of clients that were not there for a while."""
        now = self._clock()
        for client, line in list(self._lines.items()):
            if not (line.working or line.waiting or line.resting) and line.work(now) < FORGOTTEN:
                del self._lines[client]


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


@asynccontextmanager
async def meanwhile() -> AsyncGenerator[None]:
    """What is done in the block is waiting: another request of the same client may be worked on meanwhile.
    TooManyRequestsError when too many of its requests wait so.
    """
    turn = _turn.get()
    if turn is None or turn.is_over:
        yield
        return
    turn.rest()
    try:
        yield
    finally:
        if not turn.is_over:
            await turn.begin(again=True)
