"""Changes that concern many marks: they hold at once; what they leave is judged in writes of its own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from common.codes import code_table
from common.listen import Signal
from registers.actions import rejudging, release, settling, writing
from registers.actions.rejudging import Rejudging, judge_next
from registers.actions.release import judge_by
from registers.store import rejudging as store

from tests.integration.registers.conftest import OTHER, TODAY, URN, Authority, pupil, writer_on

DAYS = [f"2025-09-{day:02d}" for day in (8, 9, 10, 11, 12)]
CHILDREN = [str(n) for n in range(4)]
UPN = "H869200124007"
WHOLE = {day: ["AM", "PM"] for day in (*DAYS, "2025-09-15")}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large begins at ten marks; a chunk takes in five."""
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(rejudging, "MARKS_A_CHUNK", 5)


async def term(authority: Authority) -> list[str]:
    """Four children, present in ten sessions; their ids."""
    await authority.school()
    rows = (await authority.roll(*(pupil(n) for n in CHILDREN)))["results"]
    for day in DAYS:
        for half in ("AM", "PM"):
            await authority.register([{"local_id": n, "code": "/"} for n in CHILDREN], f"{day}/{half}")
    return [row["pupil_id"] for row in rows]


async def kinds(authority: Authority, since: int, urn: int = URN) -> list[str]:
    return [entry["type"].split(".")[3] for entry in await authority.changes(urn, since)]


async def is_recalculating(authority: Authority, urn: int = URN) -> bool:
    return (await authority.ask("GET", f"/v1/schools/{urn}")).get("recalculating", False)


async def finish(authority: Authority, urn: int = URN) -> int:
    """Judges all that is left; how many chunks that took."""
    chunks = 0
    while await is_recalculating(authority, urn):
        await judge_next(authority.writer, urn, 1)
        chunks += 1
    return chunks


async def test_a_large_change_of_the_calendar_holds_at_once_and_is_judged_in_chunks(authority: Authority) -> None:
    await term(authority)
    assert not await is_recalculating(authority)
    before = len(await authority.changes())
    answer = await authority.calendar({"2025-09-15": ["AM", "PM"]})
    assert await kinds(authority, before) == ["calendar-changed", "recalculation-started"]
    assert answer["sequence"] == before + 2
    assert await is_recalculating(authority)
    assert (await authority.ask("GET", "/v1/schools"))["items"][0]["recalculating"] is True
    await judge_next(authority.writer, URN, 1)
    assert await authority.standing("2025-09-08/AM") == {}
    assert len(await authority.standing("2025-09-09/AM")) == 4
    assert await finish(authority) == 4
    assert await authority.quarantine() == [("/", "closed-session")] * 40
    said = await authority.changes(since=before)
    assert said[1]["data"].items() >= {"sessions": 10, "children": None}.items()
    assert said[-1]["type"].endswith("recalculation-ended.v1")
    assert said[-1]["data"].items() >= {"sessions": 10, "marks": 40}.items()
    assert "recalculating" not in await authority.ask("GET", f"/v1/schools/{URN}")
    await authority.calendar(WHOLE)
    await finish(authority)
    assert len(await authority.standing("2025-09-12/PM")) == 4


async def test_a_small_change_is_judged_in_its_own_write(authority: Authority) -> None:
    await term(authority)
    before = len(await authority.changes())
    await authority.calendar(WHOLE | {"2025-09-08": ["PM"]})
    assert "recalculation-started" not in await kinds(authority, before)
    assert await authority.standing("2025-09-08/AM") == {}


async def test_registers_are_judged_by_the_new_calendar_while_old_marks_wait_for_it(authority: Authority) -> None:
    ids = await term(authority)
    await authority.calendar({"2025-09-15": ["AM", "PM"]})
    assert (await authority.mark("0", "O", "2025-09-12/PM"))[0] == "quarantined"
    assert (await authority.mark("1", "/", "2025-09-12/PM"))[0] == "quarantined"  # as it was sent before
    assert await authority.standing("2025-09-12/PM") == {"2": "/", "3": "/"}
    assert (await authority.delete(ids[2], "2025-09-12/PM"))["status"] == "deleted"
    await finish(authority)
    await authority.calendar(WHOLE)
    assert (await authority.mark("0", "O", "2025-09-12/PM"))[0] == "unchanged"
    await finish(authority)
    assert await authority.standing("2025-09-12/PM") == {"0": "O", "1": "/", "3": "/"}


async def test_a_mark_that_is_about_to_stand_again_can_be_taken_back(authority: Authority) -> None:
    ids = await term(authority)
    await authority.calendar({})
    await finish(authority)
    await authority.delete(ids[0], "2025-09-12/PM", status=404)
    await authority.calendar(WHOLE)
    assert (await authority.delete(ids[0], "2025-09-12/PM"))["status"] == "deleted"
    await finish(authority)
    assert await authority.standing("2025-09-12/PM") == {"1": "/", "2": "/", "3": "/"}


async def test_a_change_that_is_taken_back_meanwhile_ends_with_what_stood(authority: Authority) -> None:
    await term(authority)
    before = len(await authority.changes())
    await authority.calendar({})
    await judge_next(authority.writer, URN, 1)
    await authority.calendar(WHOLE)
    await finish(authority)
    assert await authority.quarantine() == []
    for day in DAYS:
        assert len(await authority.standing(f"{day}/AM")) == 4
    said = await kinds(authority, before)
    assert said.count("recalculation-started") == 2
    assert said.count("recalculation-ended") == 1
    assert said[-1] == "recalculation-ended"


async def test_a_large_change_of_the_roll_is_judged_in_chunks(authority: Authority) -> None:
    await term(authority)
    before = len(await authority.changes())
    late = {"from": "2025-09-10", "to": None, "kind": "single"}
    gone = {"from": "2025-09-01", "to": "2025-09-08", "kind": "single"}
    await authority.roll(pupil("0", enrolment=late), pupil("1", enrolment=gone), pupil("2", enrolment=late))
    said = await authority.changes(since=before)
    assert said[0]["type"].endswith("recalculation-started.v1")
    assert said[0]["data"]["children"] == 3
    assert len(await authority.standing("2025-09-08/AM")) == 4
    assert await finish(authority) > 1
    assert await authority.standing("2025-09-08/AM") == {"1": "/", "3": "/"}
    assert await authority.standing("2025-09-09/PM") == {"3": "/"}
    assert await authority.standing("2025-09-12/PM") == {"0": "/", "2": "/", "3": "/"}


async def test_children_that_become_one_meanwhile_are_judged_as_one(authority: Authority) -> None:
    await term(authority)
    late = {"from": "2025-09-12", "to": None, "kind": "single"}
    await authority.roll(*(pupil(n, upn=UPN if n == "0" else None, enrolment=late) for n in CHILDREN))
    await authority.roll(pupil("1", upn=UPN, enrolment=late))
    await finish(authority)
    assert await authority.standing("2025-09-11/AM") == {}
    assert set((await authority.standing("2025-09-12/AM")).values()) == {"/"}
    assert len(await authority.standing("2025-09-12/AM")) == 3


async def test_many_marks_whose_pupils_the_roll_brings_find_them_in_chunks(authority: Authority) -> None:
    await authority.school()
    for day in DAYS:
        await authority.register([{"local_id": n, "code": "O"} for n in CHILDREN], f"{day}/AM")
        await authority.register([{"local_id": n, "code": "/"} for n in CHILDREN], f"{day}/AM")
    await authority.roll(*(pupil(n) for n in CHILDREN))
    assert await is_recalculating(authority)
    has_come = (await authority.mark("0", "M", "2025-09-12/AM"))[0]
    assert has_come in ("accepted", "corrected")  # no order is promised in which marks find their pupils
    assert await finish(authority) == 7
    assert await authority.quarantine() == []
    assert await authority.standing("2025-09-08/AM") == dict.fromkeys(CHILDREN, "/")
    assert await authority.standing("2025-09-12/AM") == dict.fromkeys(CHILDREN, "/") | {"0": "M"}


async def test_another_code_table_is_judged_in_chunks(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    await term(authority)
    await judge_by(authority.database, authority.writer, TODAY)
    other = {**code_table(), "/": replace(code_table()["/"], valid_to=date(2025, 9, 10))}
    for module in (release, writing):
        monkeypatch.setattr(module, "code_table", lambda: other)
    await judge_by(authority.database, authority.writer, TODAY)
    assert await is_recalculating(authority)
    await finish(authority)
    assert await authority.quarantine() == [("/", "retired-code")] * 16
    monkeypatch.undo()


async def working(authority: Authority, until: Callable[[], Any], *workers: Rejudging) -> None:
    """Lets workers work until something is so; then they end."""
    stop = asyncio.Event()
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    deadline = time.monotonic() + 30
    while not await until():
        assert time.monotonic() < deadline
        assert not any(task.done() for task in running)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*running), 10)


async def test_a_worker_that_is_cut_off_leaves_the_rest_to_the_next(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await term(authority)
    await authority.calendar({})

    class CutError(Exception):
        pass

    async def cut(*_: object) -> None:
        raise CutError

    worker = Rejudging(authority.database, authority.writer, Signal())
    assert worker.health().detail == "not started"
    monkeypatch.setattr(store, "end", cut)
    with pytest.raises(CutError):
        await worker.run(asyncio.Event())
    monkeypatch.undo()
    assert len(await authority.standing("2025-09-08/AM")) == 4  # the chunk left nothing behind
    second = Rejudging(authority.database, authority.writer, Signal())

    async def done() -> bool:
        return not await is_recalculating(authority)

    await working(authority, done, second)
    assert second.health().ok
    assert await authority.quarantine() == [("/", "closed-session")] * 40


async def test_two_workers_share_the_schools(authority: Authority) -> None:
    await term(authority)
    await authority.school(OTHER)
    await authority.roll(*(pupil(n) for n in CHILDREN), urn=OTHER)
    for day in DAYS:
        await authority.register([{"local_id": n, "code": "/"} for n in CHILDREN], f"{day}/AM", OTHER)
    await authority.calendar({})
    await authority.calendar({}, OTHER)
    writers = [authority.writer, writer_on(authority.database)]
    workers = [Rejudging(authority.database, one, Signal()) for one in writers]

    async def done() -> bool:
        return not await is_recalculating(authority) and not await is_recalculating(authority, OTHER)

    await working(authority, done, *workers)
    assert len(await authority.quarantine()) == 40
    assert len(await authority.quarantine(OTHER)) == 20
    for urn in (URN, OTHER):
        assert (await kinds(authority, 0, urn)).count("recalculation-ended") == 1


async def test_a_worker_that_waits_begins_when_something_is_queued(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejudging, "LOOK_SECONDS", 5.0)
    await term(authority)
    queued = Signal()
    worker, stop = Rejudging(authority.database, authority.writer, queued), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await authority.calendar({})
    queued.set()
    deadline = time.monotonic() + 30
    while await is_recalculating(authority):
        assert time.monotonic() < deadline
    stop.set()
    queued.set()
    await asyncio.wait_for(running, 10)
