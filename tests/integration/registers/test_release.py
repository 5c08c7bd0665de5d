"""Marks that wait for their day: at the start, at midnight, and after somebody turned the clock back."""

import asyncio
from datetime import date

from common.clock import Clock
from registers.actions import release
from registers.actions.release import Release, judge_by
from registers.actions.writing import Writer

from tests.integration.registers.conftest import TODAY, Authority, assemble, pupil


async def judge(authority: Authority, today: date) -> None:
    _, writer, _ = assemble(authority.database, today)
    await judge_by(authority.database, writer, today)


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


async def test_another_code_table_has_everything_judged_again(authority: Authority) -> None:
    await waiting(authority)
    await authority.mark("1", "/")
    await judge(authority, TODAY)
    async with authority.database.transaction() as tx:
        await tx.execute("update evaluated set value = 'an older table' where what = 'code-table'")
        await tx.execute(
            "update mark set standing = false, problem = 'unknown-code' where standing"
        )  # as that one had it
        await tx.execute("update mark set standing = true, problem = null where code = '8'")
    await judge(authority, TODAY)
    assert await authority.standing() == {"1": "/"}
    assert ("8", "future-date") not in await authority.quarantine()
    async with authority.database.transaction() as tx:  # what the older table's ledger said, we did not write: mend it
        await tx.execute("truncate ledger, mark, unresolved")
        await tx.execute("update school set last_number = 0, last_entry = null")


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
        async with asyncio.timeout(20):
            today[0] = date(2025, 9, 16)
            while not await authority.standing("2025-09-16/AM"):
                await asyncio.sleep(0.02)
        assert work.health().ok
        stop.set()
        await asyncio.wait_for(running, 20)
    finally:
        release.LOOK_SECONDS = patched
        running.cancel()
