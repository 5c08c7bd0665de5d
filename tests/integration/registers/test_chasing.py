"""Marks N are chased for five school days: due on the third, overdue on the fifth, settled when the N goes."""

from datetime import date
from typing import Any

import pytest
from common.clock import Clock
from registers.actions.chasing import Chase

from tests.integration.registers.conftest import OTHER, TODAY, URN, Authority, pupil, writer_on

CHASING = ("reason-due", "reason-overdue", "reason-settled")


async def chase(authority: Authority, today: date = TODAY) -> None:
    """A process that begins on that day looks once."""
    await Chase(authority.database, writer_on(authority.database, today)).look()


async def said(authority: Authority, urn: int = URN) -> list[tuple[str, list[Any]]]:
    """What the ledger says of reasons: what, and of which sessions."""
    entries = [(entry["type"].split(".")[3], entry["data"]) for entry in await authority.changes(urn)]
    return [
        (kind, [(one["date"], one["session"], one.get("due_on", one.get("code"))) for one in data["reasons"]])
        for kind, data in entries
        if kind in CHASING
    ]


async def n_on(authority: Authority, slot: str = "2025-09-02/AM", urn: int = URN) -> str:
    """A school with one pupil, who has an N; the pupil's id."""
    await authority.school(urn)
    answer = await authority.roll(pupil("1"), urn=urn)
    await authority.mark("1", "N", slot, urn)
    return answer["results"][0]["pupil_id"]


async def test_a_reason_is_due_on_the_third_school_day_and_overdue_on_the_fifth_each_said_once(
    authority: Authority,
) -> None:
    child = await n_on(authority)  # a Tuesday: school days follow on the 3rd, 4th, 5th, 8th and 9th
    await chase(authority, date(2025, 9, 4))
    assert await said(authority) == []
    for day in (5, 6, 7, 8):
        await chase(authority, date(2025, 9, day))
        assert await said(authority) == [("reason-due", [("2025-09-02", "AM", "2025-09-09")])]
    for day in (9, 10, 30):
        await chase(authority, date(2025, 9, day))
        assert (await said(authority))[1:] == [("reason-overdue", [("2025-09-02", "AM", "2025-09-09")])]
    entry = (await authority.changes())[-1]
    assert entry["data"]["reasons"][0]["pupil_id"] == child


@pytest.mark.parametrize("code", ["I", "O", "/"])
async def test_an_amended_n_is_settled_with_the_code_that_took_its_place(authority: Authority, code: str) -> None:
    await n_on(authority)
    await chase(authority, date(2025, 9, 9))
    await authority.mark("1", code, "2025-09-02/AM")
    await chase(authority, date(2025, 9, 9))
    await chase(authority, date(2025, 9, 10))
    assert (await said(authority))[1:] == [("reason-settled", [("2025-09-02", "AM", code)])]


async def test_a_deleted_n_and_an_n_on_a_day_that_closes_are_settled(authority: Authority) -> None:
    child = await n_on(authority)
    await authority.mark("1", "N", "2025-09-03/PM")
    await chase(authority, date(2025, 9, 8))
    await authority.delete(child, "2025-09-02/AM")
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (2, 4, 5, 8, 9, 10, 11)})
    await chase(authority, date(2025, 9, 8))
    assert (await said(authority))[1:] == [("reason-settled", [("2025-09-02", "AM", None), ("2025-09-03", "PM", None)])]


async def test_an_n_that_was_amended_in_time_is_never_chased(authority: Authority) -> None:
    await n_on(authority)
    await authority.mark("1", "M", "2025-09-02/AM")
    await chase(authority)
    assert await said(authority) == []


async def test_an_n_that_comes_back_is_chased_again(authority: Authority) -> None:
    await n_on(authority)
    for code in ("N", "I", "N"):
        await authority.mark("1", code, "2025-09-02/AM")
        await chase(authority, date(2025, 9, 8))
    assert [kind for kind, _ in await said(authority)] == ["reason-due", "reason-settled", "reason-due"]


async def test_a_changed_calendar_moves_the_days(authority: Authority) -> None:
    await n_on(authority)
    await chase(authority, date(2025, 9, 9))
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (2, 3, 8, 9, 10, 11)})
    await chase(authority, date(2025, 9, 9))
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (2, 9, 10, 11, 12, 15)})
    await chase(authority, date(2025, 9, 9))
    assert await said(authority) == [
        ("reason-overdue", [("2025-09-02", "AM", "2025-09-09")]),
        ("reason-due", [("2025-09-02", "AM", "2025-09-11")]),
        ("reason-settled", [("2025-09-02", "AM", "N")]),
    ]


async def test_beyond_the_calendar_nobody_is_chased(authority: Authority) -> None:
    await n_on(authority, "2025-09-12/PM")
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (12, 15, 16)})
    await chase(authority, date(2025, 10, 20))
    assert await said(authority) == []
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (12, 15, 16, 17)})
    await chase(authority, date(2025, 10, 20))
    assert await said(authority) == [("reason-due", [("2025-09-12", "PM", None)])]


async def test_each_school_is_chased_by_its_own_calendar(authority: Authority) -> None:
    await n_on(authority)
    await n_on(authority, urn=OTHER)
    await authority.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in (2, 5, 8, 9, 10, 11)}, OTHER)
    await chase(authority, date(2025, 9, 8))
    assert await said(authority) == [("reason-due", [("2025-09-02", "AM", "2025-09-09")])]
    assert await said(authority, OTHER) == []


async def test_a_school_is_looked_at_again_only_when_its_ledger_moves_or_a_day_comes(authority: Authority) -> None:
    await n_on(authority)
    day = [date(2025, 9, 4)]

    class Calendar(Clock):
        def today(self) -> date:
            return day[0]

    writer = writer_on(authority.database)
    writer.clock = Calendar()
    work = Chase(authority.database, writer)
    await work.look()
    day[0] = date(2025, 9, 5)
    await work.look()
    assert [kind for kind, _ in await said(authority)] == ["reason-due"]
    await authority.mark("1", "I", "2025-09-02/AM")
    await work.look()
    assert [kind for kind, _ in await said(authority)] == ["reason-due", "reason-settled"]
