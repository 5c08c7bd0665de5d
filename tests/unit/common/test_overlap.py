"""Parts of one work side by side: so many at a time, and none once one has failed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from common.overlap import overlapped


async def test_a_part_goes_on_while_another_one_waits() -> None:
    told = asyncio.Event()

    async def waits() -> None:
        await told.wait()

    async def tells() -> None:
        told.set()

    await asyncio.wait_for(overlapped([waits(), tells()], 2), 1)


async def test_parts_begin_in_order_and_no_more_than_so_many_at_a_time() -> None:
    running, most, begun = 0, 0, list[int]()

    async def part(n: int) -> None:
        nonlocal running, most
        begun.append(n)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await overlapped((part(n) for n in range(10)), 3)
    assert (begun, most) == (list(range(10)), 3)


async def test_a_failure_ends_the_others_before_it_is_told() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def fails() -> None:
        raise LookupError("this one")

    def parts() -> Iterator[Any]:
        yield waits()
        yield fails()
        yield waits()
        ended.append("all were begun")

    with pytest.raises(LookupError, match="this one"):
        await overlapped(parts(), 2)
    assert ended == ["waits"]


async def test_whoever_is_cancelled_cancels_the_parts() -> None:
    ended: list[int] = []

    async def waits(n: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(n)

    whole = asyncio.create_task(overlapped((waits(n) for n in range(5)), 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert sorted(ended) == [0, 1]
