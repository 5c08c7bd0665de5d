"""Which registers are expected, missing and late, by the school's own calendar and times."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from common.clock import LONDON, Clock
from registers.actions.expecting import Expecting
from registers.actions.writing import Writer

from tests.integration.registers.conftest import OTHER, TODAY, URN, Authority, bearer, pupil

EXPECTED = f"/v1/schools/{URN}/registers/expected"


def work(authority: Authority, at: str = "10:00", today: date = TODAY) -> Expecting:
    """The background work of a process that begins at a time in London."""
    wall = datetime.combine(today, time.fromisoformat(at), LONDON).astimezone(UTC)
    return Expecting(authority.database, Writer(authority.database, Clock(today, lambda: wall), authority.writer.wake))


async def said(authority: Authority, urn: int = URN) -> list[tuple[str, ...]]:
    """What the ledger says of registers: what, date and session, and how complete it was."""
    entries = [(entry["type"].split(".")[3], entry["data"]) for entry in await authority.changes(urn)]
    return [
        (
            kind,
            f"{data['date']} {data['session']}",
            data.get("ended", "missing"),
            f"{data['marked']}/{data['expected']}",
        )
        for kind, data in entries
        if kind in ("register-missing", "register-received")
    ]


async def school(authority: Authority, urn: int = URN, days: tuple[str, ...] = ("2025-09-15",)) -> None:
    """A school that is open on a few days only, with four pupils."""
    await authority.school(urn)
    await authority.calendar({day: ["AM", "PM"] for day in days}, urn)
    await authority.roll(*(pupil(str(number)) for number in range(1, 5)), urn=urn)


async def registers(authority: Authority, on: str = "2025-09-15") -> list[tuple[Any, ...]]:
    answer = await authority.ask("GET", EXPECTED, params={"date": on})
    return [(one["session"], one["status"], one["marked"], one["expected"]) for one in answer["registers"]]


async def test_a_register_is_missing_once_its_closing_time_and_grace_are_over_and_said_once(
    authority: Authority,
) -> None:
    await school(authority)
    await work(authority, "09:44").look()
    assert await said(authority) == []
    process = work(authority, "09:45")
    for _ in range(2):
        await process.look()
        await work(authority, "09:46").look()
        assert await said(authority) == [("register-missing", "2025-09-15 AM", "missing", "0/4")]
    entry = (await authority.changes())[-1]
    assert entry["data"]["closes_at"] == "2025-09-15T09:30:00+01:00"
    await work(authority, "14:00").look()
    assert [what[1] for what in await said(authority)] == ["2025-09-15 AM", "2025-09-15 PM"]


async def test_marks_that_were_known_beforehand_are_no_register(authority: Authority) -> None:
    await school(authority)
    await authority.mark("1", "M")
    await work(authority).look()
    assert await said(authority) == [("register-missing", "2025-09-15 AM", "missing", "1/4")]
    assert await registers(authority) == [("AM", "missing", 1, 4), ("PM", "awaited", 0, 4)]


async def test_a_missing_register_that_comes_is_received_and_late(authority: Authority) -> None:
    await school(authority)
    process = work(authority)
    await process.look()
    await authority.register([{"local_id": str(number), "code": "/"} for number in (1, 2, 3)])
    for _ in range(2):
        await process.look()
    assert (await said(authority))[1:] == [("register-received", "2025-09-15 AM", "received", "3/4")]
    answer = await authority.ask("GET", EXPECTED)
    morning, afternoon = answer["registers"]
    assert (morning["status"], morning["marked"], morning["closes_at"]) == ("late", 3, "2025-09-15T09:30:00+01:00")
    assert morning["received_at"] is not None
    assert (afternoon["status"], afternoon["received_at"]) == ("awaited", None)


async def test_a_register_that_came_in_time_is_taken(authority: Authority) -> None:
    await school(authority)
    await authority.register([{"local_id": str(number), "code": "/"} for number in (1, 2)])
    await work(authority).look()
    assert await said(authority) == []
    assert await registers(authority) == [("AM", "taken", 2, 4), ("PM", "awaited", 0, 4)]


async def test_a_register_that_was_taken_back_is_missing_again(authority: Authority) -> None:
    await school(authority)
    await work(authority).look()
    answer = await authority.register([{"local_id": str(number), "code": "/"} for number in (1, 2)])
    await work(authority).look()
    for mark in answer["marks"]:
        await authority.delete(mark["pupil_id"])
    await work(authority).look()
    assert [what[2] for what in await said(authority)] == ["missing", "received", "missing"]


async def test_a_session_that_is_closed_after_all_ends_a_missing_register(authority: Authority) -> None:
    await school(authority)
    process = work(authority)
    await process.look()
    await authority.calendar({"2025-09-15": ["PM"]})
    await process.look()
    assert (await said(authority))[1:] == [("register-received", "2025-09-15 AM", "not-expected", "0/0")]
    assert await registers(authority) == [("PM", "awaited", 0, 4)]
    assert (await authority.ask("GET", "/v1/registers/late"))["items"] == []


async def test_nothing_is_expected_while_nobody_is_on_the_roll_and_on_closed_days(authority: Authority) -> None:
    await authority.school()
    await work(authority).look()
    assert await said(authority) == []
    assert await registers(authority) == []
    await authority.roll(pupil("1", enrolment={"from": "2025-09-16", "to": None, "kind": "single"}))
    assert await registers(authority) == []
    assert await registers(authority, "2025-09-13") == []
    assert [one[0] for one in await registers(authority, "2025-09-16")] == ["AM", "PM"]


async def test_a_day_that_the_service_was_down_is_caught_up_with_but_not_last_month(authority: Authority) -> None:
    await school(authority, days=("2025-09-03", "2025-09-12", "2025-09-15"))
    await work(authority, "08:00").look()
    assert [what[1] for what in await said(authority)] == ["2025-09-12 AM", "2025-09-12 PM"]


async def test_the_schools_own_times_say_when_a_register_is_missing(authority: Authority) -> None:
    await school(authority)
    times = [
        {"session": "AM", "registers_open": "08:30", "registers_close": "09:00"},
        {"session": "AM", "registers_open": "09:30", "registers_close": "10:00", "year_group": 6},
    ]
    days = [{"date": "2025-09-15", "sessions": ["AM", "PM"]}]
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json={"days": days, "times": times})
    await work(authority, "10:14").look()
    assert await said(authority) == []
    await work(authority, "10:15").look()
    assert [what[1] for what in await said(authority)] == ["2025-09-15 AM"]


async def test_of_a_staggered_day_only_its_year_groups_are_expected(authority: Authority) -> None:
    await authority.school()
    days = [{"date": "2025-09-15", "sessions": ["AM"], "year_groups": [5]}]
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json={"days": days})
    await authority.roll(pupil("1"), pupil("2", year_group=5), pupil("3", year_group=None))
    assert await registers(authority) == [("AM", "missing", 0, 2)]


async def test_the_late_registers_of_all_schools_are_listed_in_pages(authority: Authority) -> None:
    await school(authority)
    await school(authority, OTHER)
    await work(authority, "14:30").look()
    await authority.register([{"local_id": str(number), "code": "/"} for number in (1, 2)])
    await work(authority, "14:31").look()
    listed: list[Any] = []
    path: str | None = "/v1/registers/late?page_size=3"
    while path:
        answer = await authority.ask("GET", path)
        listed += answer["items"]
        path = answer["next"]
    assert [(one["school_urn"], one["session"], one["status"]) for one in listed] == [
        (URN, "AM", "late"), (URN, "PM", "missing"), (OTHER, "AM", "missing"), (OTHER, "PM", "missing"),
    ]  # fmt: skip
    assert (listed[0]["marked"], listed[0]["expected"], listed[0]["school_name"]) == (0, 4, f"School {URN}")


@pytest.mark.parametrize(("query", "number"), [("la_code=330", 1), ("la_code=331", 0), ("date=2025-09-12", 0)])
async def test_late_registers_are_those_of_a_day_and_an_authority(
    authority: Authority, query: str, number: int
) -> None:
    await school(authority)
    await work(authority).look()
    assert len((await authority.ask("GET", f"/v1/registers/late?{query}"))["items"]) == number


async def test_a_token_sees_the_registers_of_its_own_schools(authority: Authority) -> None:
    await school(authority)
    await work(authority).look()
    headers = bearer(schools=[OTHER])
    await authority.ask("GET", EXPECTED, 404, headers=headers)
    assert (await authority.ask("GET", "/v1/registers/late", headers=headers))["items"] == []
    await authority.ask("GET", "/v1/registers/late?la_code=3300", 422)
    await authority.ask("GET", "/v1/registers/late?cursor=x", 422)
