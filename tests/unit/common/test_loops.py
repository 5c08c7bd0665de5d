"""What the background loops share: pauses, delays, signals."""

import asyncio

from common.listen import Signal
from common.loops import Backoff, Pulse, pause


async def test_a_pause_ends_when_stop_is_set() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(pause(stop, 60))
    stop.set()
    await asyncio.wait_for(waiting, 1)


async def test_a_pause_without_stop_ends_by_itself() -> None:
    await asyncio.wait_for(pause(asyncio.Event(), 0.001), 1)


def test_delays_double_up_to_a_limit_and_start_again_after_success() -> None:
    backoff = Backoff()
    assert [backoff.next() for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    backoff.reset()
    assert backoff.next() == 0.1


def test_a_loop_that_turns_in_vain_is_ready_but_degraded() -> None:
    pulse = Pulse()
    pulse.beat("broker away")
    assert (pulse.health().ok, pulse.health().degraded, pulse.health().detail) == (True, True, "broker away")
    pulse.beat()
    assert (pulse.health().ok, pulse.health().degraded) == (True, False)


async def test_a_signal_wakes_all_who_wait() -> None:
    signal = Signal()
    waiting = [asyncio.create_task(signal.wait(signal.turn, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.set()
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_a_change_between_the_look_and_the_wait_is_not_missed() -> None:
    signal = Signal()
    turn = signal.turn
    signal.set()
    assert await signal.wait(turn, 0)


async def test_waiting_for_a_signal_ends_when_the_time_is_up() -> None:
    signal = Signal()
    assert not await signal.wait(signal.turn, 0.001)
