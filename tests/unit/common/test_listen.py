"""Loops that wait for a change."""

import asyncio

from common.listen import Signal, work_off
from common.loops import Pulse


async def test_a_loop_that_waits_for_work_ends_with_stop_and_not_with_its_next_look() -> None:
    stop, idle = asyncio.Event(), asyncio.Event()

    async def work() -> bool:
        idle.set()
        return False

    loop = asyncio.create_task(work_off(work, Signal(), stop, Pulse(), look_seconds=3600))
    await idle.wait()
    stop.set()
    await asyncio.wait_for(loop, 5)
    assert loop.done()
