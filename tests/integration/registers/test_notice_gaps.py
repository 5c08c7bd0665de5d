"""Absences that no parent told of in time: on the first day by the school's time, and on every further day."""

from typing import Any

import httpx
import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil
from tests.integration.registers.test_absence_notices import BY_NAME, child, give, school, withdraw

__all__ = ["school"]

GAPS = f"/v1/schools/{URN}/absence-notices/gaps"
FRIDAY, MONDAY = "2025-09-12", "2025-09-15"


async def gaps(school: Authority, on: str = MONDAY, **query: Any) -> list[tuple[str, str, list[str]]]:
    """(local id, kind, sessions) of each gap of a day."""
    answer = await school.ask("GET", GAPS, params={"date": on, **query})
    return [(item["local_id"], item["kind"], [one["session"] for one in item["sessions"]]) for item in answer["items"]]


async def absent(school: Authority, *days: str, local_id: str = "1", code: str = "I") -> None:
    """Both sessions of some days."""
    for day in days:
        for session in ("AM", "PM"):
            await school.mark(local_id, code, f"{day}/{session}")


async def counts(school: Authority, on: str = MONDAY) -> dict[str, int]:
    answer = await school.ask("GET", GAPS, params={"date": on})
    return {name: count for name, count in answer["counts"].items() if count}


async def test_an_absence_that_nobody_told_of_is_a_gap_of_its_first_day(school: Authority) -> None:
    await absent(school, FRIDAY)
    await school.mark("2", "/", "2025-09-12/AM")
    assert await gaps(school, FRIDAY) == [("1", "first-day-missing", ["AM", "PM"])]
    (item,) = (await school.ask("GET", GAPS, params={"date": FRIDAY}))["items"]
    assert (item["pupil_id"], item["due_at"]) == (await child(school), "2025-09-12T09:15:00+01:00")
    assert (item["absent_since"], item["days_absent"], item["notice"]) == (FRIDAY, 1, None)
    assert await counts(school, FRIDAY) == {"absent": 1, "first_day_missing": 1}


@pytest.mark.parametrize(("at", "late"), [("09:15", False), ("09:16", True), ("17:00", True)])
async def test_a_notice_of_the_first_day_is_in_time_or_late(school: Authority, at: str, late: bool) -> None:
    await absent(school, FRIDAY)
    notice = await give(school, first=FRIDAY, given_at=f"2025-09-12T{at}:00+01:00")
    assert await gaps(school, FRIDAY) == ([("1", "first-day-late", ["AM", "PM"])] if late else [])
    for item in (await school.ask("GET", GAPS, params={"date": FRIDAY}))["items"]:
        assert item["notice"]["notice_id"] == notice["notice_id"]


async def test_the_time_is_when_the_schools_own_registers_close(school: Authority) -> None:
    times = [
        {"session": "AM", "registers_open": "08:40", "registers_close": "09:00"},
        {"session": "PM", "registers_open": "13:00", "registers_close": "13:10"},
    ]
    days = [{"date": FRIDAY, "sessions": ["AM", "PM"]}]
    await school.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json={"days": days, "times": times})
    await absent(school, FRIDAY)
    await give(school, first=FRIDAY, given_at="2025-09-12T09:10:00+01:00")
    answer = await school.ask("GET", GAPS, params={"date": FRIDAY})
    assert [item["kind"] for item in answer["items"]] == ["first-day-late"]
    assert answer["due"] == {"AM": "2025-09-12T09:00:00+01:00", "PM": "2025-09-12T13:10:00+01:00"}


async def test_in_winter_the_time_is_londons(school: Authority) -> None:
    answer = await school.ask("GET", GAPS, params={"date": "2025-12-01"})
    assert answer["due"]["AM"] == "2025-12-01T09:15:00Z"


async def test_each_further_day_without_a_notice_of_its_own_is_a_gap(school: Authority) -> None:
    first = await give(school, first="2025-09-11", given_at="2025-09-11T08:00:00+01:00")
    await absent(school, "2025-09-11", FRIDAY, MONDAY)
    assert await gaps(school, "2025-09-11") == []
    for day, days in ((FRIDAY, 2), (MONDAY, 3)):  # the weekend is no school day
        (item,) = (await school.ask("GET", GAPS, params={"date": day}))["items"]
        assert (item["kind"], item["absent_since"], item["days_absent"]) == ("further-day-missing", "2025-09-11", days)
        assert item["notice"]["notice_id"] == first["notice_id"]
        assert item["notice"]["to"] is None
    await give(school, first=FRIDAY, given_at="2025-09-12T15:00:00+01:00")
    assert await gaps(school, FRIDAY) == []  # only the first day has its time


async def test_a_notice_that_says_until_when_is_one_for_every_day(school: Authority) -> None:
    await give(school, first=FRIDAY, to=MONDAY, given_at="2025-09-12T08:00:00+01:00")
    await absent(school, FRIDAY, MONDAY)
    assert (await gaps(school, FRIDAY), await gaps(school)) == ([], [])
    assert await counts(school) == {"absent": 1, "told": 1}


async def test_a_child_who_came_in_between_begins_a_new_absence(school: Authority) -> None:
    await absent(school, "2025-09-11", MONDAY)
    await school.mark("1", "U", "2025-09-12/AM")
    assert await gaps(school) == [("1", "first-day-missing", ["AM", "PM"])]


async def test_a_session_that_the_notice_does_not_cover_is_a_gap(school: Authority) -> None:
    await absent(school, FRIDAY)
    await give(school, first=FRIDAY, to=FRIDAY, to_session="AM", given_at="2025-09-12T08:00:00+01:00")
    assert await gaps(school, FRIDAY) == [("1", "first-day-missing", ["PM"])]


async def test_what_the_school_knew_beforehand_wants_no_notice(school: Authority) -> None:
    for code in ("C", "M", "E", "V", "D", "Y1", "L"):
        await school.mark("1", code, "2025-09-12/AM")
        assert await gaps(school, FRIDAY) == []
        assert await counts(school, FRIDAY) == {}


@pytest.mark.parametrize("code", ["N", "O", "G"])
async def test_every_absence_that_nobody_knew_of_wants_a_notice(school: Authority, code: str) -> None:
    await absent(school, FRIDAY, code=code)
    (item,) = (await school.ask("GET", GAPS, params={"date": FRIDAY}))["items"]
    assert item["sessions"] == [{"session": "AM", "code": code}, {"session": "PM", "code": code}]


async def test_a_notice_that_was_withdrawn_told_nothing(school: Authority) -> None:
    await absent(school, FRIDAY)
    notice = await give(school, first=FRIDAY, given_at="2025-09-12T08:00:00+01:00")
    await withdraw(school, notice)
    assert await gaps(school, FRIDAY) == [("1", "first-day-missing", ["AM", "PM"])]


async def test_before_the_schools_time_nothing_is_a_gap_yet(school: Authority) -> None:
    await school.mark("1", "N")
    await school.mark("2", "N", "2025-09-15/PM")
    answer = await school.ask("GET", GAPS)
    assert (answer["date"], answer["as_of"]) == (MONDAY, "2025-09-15T10:00:00+01:00")
    assert await gaps(school) == [("1", "first-day-missing", ["AM"])]
    assert await counts(school) == {"absent": 2, "first_day_missing": 1, "not_due_yet": 1}


async def test_gaps_are_listed_by_kind_and_in_pages_and_counted_as_a_whole(school: Authority) -> None:
    await school.roll(pupil("3"))
    await absent(school, FRIDAY, local_id="1")
    await absent(school, FRIDAY, local_id="2")
    await absent(school, "2025-09-11", FRIDAY, local_id="3")
    await give(school, first=FRIDAY, local_id="2", given_by=BY_NAME, given_at="2025-09-12T10:00:00+01:00")
    assert await gaps(school, FRIDAY, kind="first-day-late") == [("2", "first-day-late", ["AM", "PM"])]
    assert await gaps(school, FRIDAY, kind="no-such-kind") == []
    found: list[str] = []
    path: str | None = f"{GAPS}?date={FRIDAY}&page_size=1"
    while path:
        page = await school.ask("GET", path)
        found += [item["pupil_id"] for item in page["items"]]
        assert page["counts"]["absent"] == 3
        path = page["next"]
    assert found == sorted(found)
    assert len(found) == 3
    for query in ({"date": "1000-01-01"}, {"date": "x"}, {"cursor": "x"}):
        await school.ask("GET", GAPS, 422, params=query)


async def test_after_a_merge_the_notice_of_one_id_tells_of_the_absence_of_the_other(school: Authority) -> None:
    await absent(school, "2025-09-11", local_id="1")
    await absent(school, FRIDAY, local_id="2")
    await give(school, first=FRIDAY, local_id="1", given_at="2025-09-12T08:00:00+01:00")
    assert await gaps(school, FRIDAY) == [("2", "first-day-missing", ["AM", "PM"])]
    living, dead = await child(school, "1"), await child(school, "2")
    merge = {"into": living, "reason": "one child", "by": "J. Field"}
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json=merge)
    assert await gaps(school, FRIDAY) == []
    assert await gaps(school, "2025-09-11") == [("1", "first-day-missing", ["AM", "PM"])]


async def test_gaps_of_a_hidden_school_are_not_told(school: Authority) -> None:
    await school.ask("GET", GAPS, 404, headers=bearer(schools=[OTHER]))
    await school.ask("GET", f"/v1/schools/{OTHER}/absence-notices/gaps", 404)
    answer: httpx.Response = await school.client.put(GAPS, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
