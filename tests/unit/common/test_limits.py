"""What one client may ask for: so many requests a minute, so many at a time."""

import asyncio
from contextlib import suppress

import pytest
from common.errors import TooManyRequestsError
from common.settings import Settings
from common.turns import MOST_RESTING, Turn, Turns, meanwhile
from common.web import limits
from common.web.limits import READS, WRITES, Bucket, Limits, Policy


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(bucket: Bucket) -> tuple[str, str]:
    headers = dict(bucket.headers())
    return headers[b"ratelimit-policy"].decode(), headers[b"ratelimit"].decode()


def test_a_quota_is_used_up_and_comes_back_evenly() -> None:
    clock = Clock()
    bucket = Bucket(Policy("reads", 60), clock())
    assert [bucket.take(clock()) for _ in range(61)] == [True] * 60 + [False]
    clock.now += 2.5
    assert [bucket.take(clock()) for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [bucket.take(clock()) for _ in range(61)] == [True] * 60 + [False]


def test_the_headers_say_what_is_left_and_when_all_is_there_again() -> None:
    clock = Clock()
    bucket = Bucket(Policy("writes", 120), clock())
    for _ in range(20):
        bucket.take(clock())
    assert told(bucket) == ('"writes";q=120;w=60', '"writes";r=100;t=10')
    for _ in range(101):
        bucket.take(clock())
    assert told(bucket)[1] == '"writes";r=0;t=60'


def test_reads_and_writes_are_counted_apart_and_clients_too() -> None:
    clock = Clock()
    ours = Limits({READS: Policy(READS, 1), WRITES: Policy(WRITES, 1)}, 8, clock)
    for client in ("one", "other"):
        for method in ("GET", "PUT"):
            bucket = ours.bucket(client, method)
            assert bucket is not None
            ours.take(bucket)
    spent = ours.bucket("one", "HEAD")
    assert spent is not None
    with pytest.raises(TooManyRequestsError) as refused:
        ours.take(spent)
    assert refused.value.retry_after == 60


def test_nought_sets_no_limit() -> None:
    ours = Limits.of(Settings(database_url="", rate_limit_reads=0))
    assert ours.bucket("one", "GET") is None
    assert ours.bucket("one", "PUT") is not None


def test_production_is_stricter_unless_it_is_told() -> None:
    production = Settings(database_url="", environment="production", metrics_port=1, rate_limit_writes=70)
    quotas = [
        (policy.quota if (policy := Limits.of(settings).policy("one", kind)) else None)
        for settings in (Settings(database_url=""), production)
        for kind in (READS, WRITES)
    ]
    assert quotas == [600_000, 600_000, 30_000, 70]


def test_the_buckets_of_clients_that_are_gone_are_let_go() -> None:
    clock = Clock()
    ours = Limits({READS: Policy(READS, 60)}, 8, clock)
    bucket = ours.bucket("one", "GET")
    assert bucket is not None
    ours.take(bucket)
    clock.now += 2
    ours.forget_idle()
    assert ours.buckets, "what it spent has not been told yet"
    bucket.settle(60, 1, clock())
    ours.forget_idle()
    assert not ours.buckets


async def test_a_client_has_so_many_turns_at_a_time_and_the_others_wait_in_order() -> None:
    turns, order, go_on = Turns(2), [], asyncio.Event()

    async def request(number: int) -> None:
        turn = await turns.take("one")
        order.append(number)
        await go_on.wait()
        turn.end()

    tasks = [asyncio.create_task(request(number)) for number in range(6)]
    other = await asyncio.wait_for(turns.take("other"), 1)
    await asyncio.sleep(0)
    assert order == [0, 1]
    go_on.set()
    await asyncio.gather(*tasks)
    other.end()
    assert order == [0, 1, 2, 3, 4, 5]
    assert turns.is_idle()


async def flooding(turns: Turns, clock: Clock, number: int = 20) -> list[asyncio.Task[Turn]]:
    """Requests of a client that has been worked on for a second."""
    tasks = [asyncio.create_task(turns.take("floods")) for _ in range(number)]
    await asyncio.sleep(0)
    clock.now += 1
    return tasks


async def begun_after(turns: Turns, tasks: list[asyncio.Task[Turn]], ended: int) -> int:
    """How many are worked on once so many of them have ended."""
    for task in tasks[:ended]:
        (await task).end()
        await asyncio.sleep(0)
    begun = sum(task.done() for task in tasks) - ended
    for task in tasks:
        task.cancel()
    return begun


async def test_of_a_client_that_takes_more_than_its_share_four_requests_are_worked_on_beside_others() -> None:
    clock = Clock()
    turns = Turns(8, clock=clock)
    tasks = await flooding(turns, clock)
    assert sum(task.done() for task in tasks) == 8, "it is alone"
    for number in range(3):  # several come, whose requests are short
        other = await asyncio.wait_for(turns.take(f"other {number}"), 1)
        clock.now += 0.05
        other.end()
    others = [await asyncio.wait_for(turns.take("other 1"), 1) for _ in range(5)]
    assert len(others) == 5, "who takes less than its share does not wait"
    assert await begun_after(turns, tasks, 10) == 4, "none begins before there are but four"


async def test_who_asks_for_little_now_and_then_holds_nobody_up() -> None:
    clock = Clock()
    turns = Turns(8, clock=clock)
    tasks = await flooding(turns, clock)
    for _ in range(3):
        other = await asyncio.wait_for(turns.take("other"), 1)
        clock.now += 0.01
        other.end()
    assert await begun_after(turns, tasks, 10) == 8


async def test_the_services_own_requests_hold_nobody_up() -> None:
    clock = Clock()
    turns = Turns(8, clock=clock, own="services")
    for _ in range(4):
        await turns.take("services")
    tasks = await flooding(turns, clock)
    assert await begun_after(turns, tasks, 10) == 8


async def test_a_client_that_is_alone_again_has_all_its_turns_again() -> None:
    clock = Clock()
    turns = Turns(8, clock=clock)
    other = await turns.take("other")
    first = [await turns.take("floods") for _ in range(5)]
    clock.now += 1
    next_one = asyncio.create_task(turns.take("floods"))
    await asyncio.sleep(0)
    assert not next_one.done()
    other.end()
    clock.now += 20
    first[0].end()
    assert await asyncio.wait_for(next_one, 1)
    for _ in range(3):
        assert await asyncio.wait_for(turns.take("floods"), 1)


async def test_clients_that_take_the_same_have_the_same() -> None:
    clock = Clock()
    turns = Turns(4, clock=clock)
    for _ in range(4):
        for client in ("one", "two", "three"):
            assert await asyncio.wait_for(turns.take(client), 1)
            clock.now += 0.001


async def test_of_a_long_line_the_rest_is_refused() -> None:
    turns = Turns(1, longest_line=2)
    first = await turns.take("one")
    waiting = [asyncio.create_task(turns.take("one")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequestsError):
        await turns.take("one")
    first.end()
    for task in waiting:
        (await task).end()
    assert turns.is_idle()


async def test_whoever_goes_away_while_waiting_leaves_no_gap() -> None:
    turns = Turns(1)
    first = await turns.take("one")
    gone, next_one = (asyncio.create_task(turns.take("one")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    first.end()
    first.end()
    with suppress(asyncio.CancelledError):
        await gone
    (await asyncio.wait_for(next_one, 1)).end()
    assert turns.is_idle()


async def test_whoever_is_cancelled_just_as_it_gets_its_turn_passes_it_on() -> None:
    turns = Turns(1)
    first = await turns.take("one")
    gone, next_one = (asyncio.create_task(turns.take("one")) for _ in range(2))
    await asyncio.sleep(0)
    first.end()
    gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone
    (await asyncio.wait_for(next_one, 1)).end()
    assert turns.is_idle()


async def test_a_request_that_waits_lets_another_have_its_turn() -> None:
    turns, news = Turns(1), asyncio.Event()

    async def waits() -> str:
        turn = await turns.take("one")
        try:
            async with meanwhile():
                await news.wait()
            return "heard"
        finally:
            turn.end()

    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0)
    second = await asyncio.wait_for(turns.take("one"), 1)
    news.set()
    await asyncio.sleep(0)
    assert not waiting.done(), "it takes its turn again"
    second.end()
    assert await waiting == "heard"
    assert turns.is_idle()


async def test_a_request_that_is_cancelled_while_it_waits_gives_nothing_back_twice() -> None:
    turns = Turns(1)

    async def waits() -> None:
        turn = await turns.take("one")
        try:
            async with meanwhile():
                await asyncio.Event().wait()
        finally:
            turn.end()

    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert turns.is_idle()


async def test_so_many_requests_of_a_client_may_wait_for_news_and_no_more() -> None:
    turns, news = Turns(2), asyncio.Event()

    async def waits() -> None:
        turn = await turns.take("one")
        try:
            for _ in range(2):  # it looks, and waits again: it is still the same request
                async with meanwhile():
                    await news.wait()
        finally:
            turn.end()

    waiting = [asyncio.create_task(waits()) for _ in range(MOST_RESTING)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequestsError):
        await asyncio.wait_for(asyncio.create_task(waits()), 1)
    news.set()
    await asyncio.gather(*waiting)
    await asyncio.wait_for(asyncio.create_task(waits()), 1)
    assert turns.is_idle()


async def test_waiting_outside_of_any_request_just_waits() -> None:
    async with meanwhile():
        pass
    assert Turns(1).is_idle()


async def test_so_many_refusals_are_held_back_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLD_SECONDS", 0.05)
    monkeypatch.setattr(limits, "MOST_HELD", 3)
    ours = Limits({}, 8)
    assert sorted(await asyncio.gather(*(ours.hold() for _ in range(5)))) == [False, False, True, True, True]
    assert await ours.hold()


async def test_requests_of_nobody_are_slowed_and_only_very_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NOBODYS", 10)
    monkeypatch.setattr(limits, "HOLD_SECONDS", 0.05)
    monkeypatch.setattr(limits, "MOST_HELD", 5)
    ours = Limits({}, 8)
    passed = await asyncio.gather(*(ours.slow() for _ in range(20)), return_exceptions=True)
    assert [type(one) for one in passed].count(TooManyRequestsError) == 5
    await ours.slow()


async def test_what_a_request_left_behind_takes_no_turn_any_more() -> None:
    """A task that it began hears of its news later: nobody would ever end a turn that is taken then."""
    turns = Turns(1)
    news = asyncio.Event()

    async def waits() -> None:
        async with meanwhile():
            await news.wait()

    turn = await turns.take("one")
    begun = asyncio.create_task(waits())
    await asyncio.sleep(0)
    turn.end()
    later = asyncio.create_task(waits())
    await asyncio.sleep(0)
    news.set()
    await asyncio.gather(begun, later)
    assert turns.is_idle()
