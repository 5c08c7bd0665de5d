"""Marks that wait for their day: at the start, at midnight, and after somebody turned the clock back."""

import asyncio
import time
from dataclasses import replace
from datetime import date

import pytest
from common.clock import Clock
from common.codes import code_table
from common.db import Database
from registers.actions import release, writing
from registers.actions.release import Release, judge_by
from registers.actions.writing import Writer

from tests.integration.registers.conftest import TODAY, Authority, pupil, writer_on


async def judge(authority: Authority, today: date) -> None:
    await judge_by(authority.database, writer_on(authority.database, today), today)


async def waiting(authority: Authority) -> None:
    """Marks for tomorrow: one good, one corrected in advance, one on a closed day, one with an unknown code."""
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"))
    await authority.mark("1", "/", "2025-09-16/AM")
    await authority.mark("2", "O", "2025-09-16/AM")
    await authority.mark("2", "M", "2025-09-16/AM")
    await authority.mark("1", "/", "2025-09-20/AM")
    await authority.mark("1", "8", "2025-09-16/PM")


async def test_a_mark_for_tomorrow_stands_tomorrow(authority: Authority) -> None:
    await waiting(authority)
    await judge(authority, TODAY)
    assert await authority.standing("2025-09-16/AM") == {}
    before = len(await authority.changes())
    await judge(authority, date(2025, 9, 16))
    assert await authority.standing("2025-09-16/AM") == {"1": "/", "2": "M"}
    kinds = [entry["type"].split(".")[3] for entry in await authority.changes(since=before)]
    assert kinds == ["session-marked", "mark-released"]
    await judge(authority, date(2025, 9, 16))
    assert len(await authority.changes()) == before + 2
    await judge(authority, date(2025, 9, 20))
    assert sorted(await authority.quarantine()) == [("/", "closed-session"), ("8", "unknown-code")]


async def test_a_clock_turned_back_takes_marks_back(authority: Authority) -> None:
    await waiting(authority)
    await judge(authority, date(2025, 9, 16))
    await judge(authority, TODAY)
    assert await authority.standing("2025-09-16/AM") == {}
    assert ("/", "future-date") in await authority.quarantine()


async def test_another_code_table_has_everything_judged_again(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(authority)
    await authority.mark("1", "/")
    await authority.mark("2", "8")
    await judge(authority, TODAY)
    table = code_table()
    other = {**table, "8": replace(table["/"], code="8"), "/": replace(table["/"], valid_to=date(2025, 9, 14))}
    for module in (release, writing):
        monkeypatch.setattr(module, "code_table", lambda: other)
    await judge(authority, TODAY)
    assert await authority.standing() == {"2": "8"}
    assert ("/", "retired-code") in await authority.quarantine()
    monkeypatch.undo()
    await judge(authority, TODAY)
    assert await authority.standing() == {"1": "/"}


async def test_the_background_work_looks_at_the_start_and_when_the_date_changes(authority: Authority) -> None:
    await waiting(authority)
    today = [TODAY]

    class Calendar(Clock):
        def today(self) -> date:
            return today[0]

    writer = Writer(authority.database, Calendar(), authority.writer.wake)
    work, stop = Release(authority.database, writer), asyncio.Event()
    assert work.health().detail == "not started"
    patched, release.LOOK_SECONDS = release.LOOK_SECONDS, 0.01
    running = asyncio.create_task(work.run(stop))
    try:
        today[0] = date(2025, 9, 16)
        deadline = time.monotonic() + 20
        while not await authority.standing("2025-09-16/AM"):
            assert time.monotonic() < deadline
        assert work.health().ok
        stop.set()
        await asyncio.wait_for(running, 20)
    finally:
        release.LOOK_SECONDS = patched
        running.cancel()


async def test_a_mark_that_was_being_written_at_midnight_stands_soon_after(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(authority)
    writer = writer_on(authority.database, date(2025, 9, 16))
    statuses: list[str] = []

    async def judge_just_before(database: Database, writer: Writer, today: date) -> None:
        await judge_by(database, writer, today)
        statuses.append((await authority.mark("2", "O", "2025-09-16/PM"))[0])  # decided by yesterday's date

    monkeypatch.setattr(release, "judge_by", judge_just_before)
    monkeypatch.setattr(release, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(release, "AGAIN_SECONDS", 0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(Release(authority.database, writer).run(stop))
    deadline = time.monotonic() + 20
    while await authority.standing("2025-09-16/PM") != {"2": "O"}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 20)
    assert statuses[0] == "quarantined"
