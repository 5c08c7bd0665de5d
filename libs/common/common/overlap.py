"""Work in parts that share a transaction: while the database is at one part's statement, another part is worked out.

A connection carries out one statement at a time (`common.db`), so that parts may be begun without waiting for each
other, if what each reads and writes is no concern of the others.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def overlapped(parts: Iterable[Coroutine[Any, Any, None]], most: int) -> None:
    """Does all parts, at most so many at a time; each is taken from `parts` when it is begun, in their order.

    Once one fails the others are cancelled, and its error is raised when they have ended: nothing of them goes on in a
    transaction that is rolled back.
    """
    running: set[asyncio.Task[None]] = set()
    try:
        for part in parts:
            running.add(asyncio.create_task(part))
            if len(running) == most:
                running = await _one_ends(running)
        while running:
            running = await _one_ends(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _one_ends(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """The tasks that still run once one of them has ended well; else its error."""
    done, left = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return left
