"""Turns: of each client so many requests are worked on at a time, the next ones wait in line, in order.

So nobody waits behind all that another sends at once. A request that itself waits for something (`meanwhile`) lets the
next one of its client have its turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from common.errors import TooManyRequestsError

LONGEST_LINE = 200


class _Line:
    """One client's requests: how many are worked on, and which wait for their turn."""

    def __init__(self) -> None:
        self.working = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Turn:
    """A request's place among those that are worked on. `end` gives it up, once."""

    __slots__ = ("_client", "_held", "_turns")

    def __init__(self, turns: "Turns", client: str) -> None:
        self._turns, self._client, self._held = turns, client, False

    async def begin(self, *, again: bool = False) -> None:
        """Waits for it; TooManyRequestsError when the line is too long, unless the request had a turn before."""
        await self._turns.enter(self._client, again)
        self._held = True

    def end(self) -> None:
        """The next in line may begin."""
        if self._held:
            self._held = False
            self._turns.leave(self._client)


class Turns:
    """Who is worked on, by client: at most `at_once` requests of each."""

    def __init__(self, at_once: int, longest_line: int = LONGEST_LINE) -> None:
        self._at_once, self._longest = at_once, longest_line
        self._lines: dict[str, _Line] = {}

    async def take(self, client: str) -> Turn:
        """A turn for the request that is being answered here, to be ended; TooManyRequestsError."""
        turn = Turn(self, client)
        await turn.begin()
        _turn.set(turn)
        return turn

    def is_idle(self) -> bool:
        """Whether nobody is worked on."""
        return not self._lines

    async def enter(self, client: str, again: bool) -> None:
        """Waits until one more of the client's may be worked on, at most so long a line unless `again`."""
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = _Line()
        if line.working < self._at_once and not line.waiting:
            line.working += 1
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
        """One of the client's is done: the next in line begins."""
        line = self._lines[client]
        while line.waiting:
            place = line.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        line.working -= 1
        if not line.working:
            del self._lines[client]


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


@asynccontextmanager
async def meanwhile() -> AsyncGenerator[None]:
    """What is done in the block is waiting: another request of the same client may be worked on meanwhile."""
    turn = _turn.get()
    if turn is None:
        yield
        return
    turn.end()
    try:
        yield
    finally:
        await turn.begin(again=True)
