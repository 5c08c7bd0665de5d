"""Calendars in full: for whom a session is open, what closed days are, terms, and when registers open and close."""

from datetime import date
from typing import Any

import pytest
from registers.store import schools

from tests.integration.registers.conftest import URN, Authority, pupil

CALENDAR = f"/v1/schools/{URN}/calendars/2025-26"
FULL = ["AM", "PM"]
DAY, NEXT = "2025-09-02", "2025-09-03"


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    return authority


async def put(school: Authority, status: int = 200, **body: Any) -> Any:
    return await school.ask("PUT", CALENDAR, status, json=body)


def open_day(day: str, *groups: int, sessions: list[str] = FULL) -> dict[str, Any]:
    return {"date": day, "sessions": sessions} | ({"year_groups": list(groups)} if groups else {})


async def test_a_calendar_is_told_as_it_was_given(school: Authority) -> None:
    days = [
        {"date": "2025-09-01", "sessions": [], "kind": "inset", "reason": "Staff training"},
        open_day(DAY, 7, 12),
        open_day(NEXT),
        {"date": "2025-09-04", "sessions": FULL, "kind": "closure", "reason": "No water"},
        {"date": "2025-10-27", "sessions": [], "kind": "holiday"},
    ]
    terms = [{"name": "Autumn 1", "from": DAY, "to": "2025-10-24"}]
    times = [
        {"session": "AM", "registers_open": "08:45", "registers_close": "09:15", "ends": "12:00"},
        {"session": "AM", "year_group": 12, "registers_open": "09:30", "registers_close": "10:00"},
    ]
    await put(school, days=days, terms=terms, times=times)
    told = await school.ask("GET", CALENDAR)
    assert (told["days"], told["terms"], told["times"]) == (days, terms, times)
    assert {"date": "2026-05-04", "name": "Early May bank holiday"} in told["public_holidays"]


async def test_terms_and_times_that_are_left_out_stay_and_empty_ones_go(school: Authority) -> None:
    terms = [{"name": "Autumn", "from": DAY, "to": NEXT}]
    times = [{"session": "PM", "registers_open": "13:00", "registers_close": "13:20"}]
    await put(school, days=[open_day(DAY)], terms=terms, times=times)
    await put(school, days=[open_day(NEXT)])
    told = await school.ask("GET", CALENDAR)
    assert (told["terms"], told["times"]) == (terms, times)
    await put(school, days=[open_day(NEXT)], terms=[], times=[])
    assert not {"terms", "times"} & (await school.ask("GET", CALENDAR)).keys()


async def test_what_no_reader_hears_of_adds_nothing_to_the_ledger(school: Authority) -> None:
    before = (await put(school, days=[open_day(DAY)]))["sequence"]
    day = open_day(DAY) | {"reason": "Sports day"}
    assert (await put(school, days=[day], terms=[{"name": "A", "from": DAY, "to": NEXT}]))["sequence"] == before


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"days": [open_day(DAY, 7), open_day(DAY, 8, 7)]}, "/days/1/date", "duplicate-day"),
        ({"days": [open_day(DAY), open_day(DAY, 8)]}, "/days/1/date", "duplicate-day"),
        ({"days": [open_day(DAY) | {"kind": "holiday"}]}, "/days/0/sessions", "open-on-closed-day"),
        ({"days": [open_day(DAY) | {"kind": "inset"}]}, "/days/0/sessions", "open-on-closed-day"),
        ({"days": [], "terms": [{"name": "A", "from": NEXT, "to": DAY}]}, "/terms/0/to", "ends-before-it-starts"),
        ({"days": [], "terms": [{"name": "A", "from": "2024-09-02", "to": DAY}]}, "/terms/0", "outside-year"),
        (
            {"days": [], "terms": [{"name": "A", "from": DAY, "to": NEXT}, {"name": "B", "from": NEXT, "to": NEXT}]},
            "/terms", "terms-overlap",
        ),
        (
            {"days": [], "times": [{"session": "AM", "registers_open": "09:00", "registers_close": "08:00"}]},
            "/times/0/registers_close", "closes-before-it-opens",
        ),
        (
            {"days": [], "times": [{"session": "AM", "registers_open": "09:00", "registers_close": "09:10"}] * 2},
            "/times/1", "duplicate-times",
        ),
    ],
)  # fmt: skip
async def test_a_calendar_that_contradicts_itself_is_refused(
    school: Authority, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await put(school, 422, **body)
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in answer["errors"]]


async def test_a_staggered_day_is_open_for_its_year_groups_only(school: Authority) -> None:
    await put(school, days=[open_day(DAY, 7), open_day(NEXT)])
    await school.roll(pupil("1", year_group=7), pupil("2", year_group=8), pupil("3", year_group=None))
    marks = [{"local_id": number, "code": "/"} for number in "123"]
    answer = await school.register(marks, f"{DAY}/AM")
    assert [mark["status"] for mark in answer["marks"]] == ["accepted", "quarantined", "accepted"]
    assert answer["marks"][1]["problem"]["code"] == "closed-session"
    assert [mark["status"] for mark in (await school.register(marks, f"{NEXT}/AM"))["marks"]] == ["accepted"] * 3


async def test_a_staggered_day_may_be_half_a_day_for_some(school: Authority) -> None:
    staggered = [open_day(DAY, 7), open_day(DAY, 8, 9, sessions=["PM"])]
    await put(school, days=staggered)
    assert (await school.ask("GET", CALENDAR))["days"] == staggered
    entry = [entry for entry in await school.changes() if "calendar-changed" in entry["type"]][-1]
    assert entry["data"]["days"] == staggered
    await school.roll(pupil("1", year_group=9))
    assert (await school.mark("1", "/", f"{DAY}/AM"))[0] == "quarantined"
    assert (await school.mark("1", "\\", f"{DAY}/PM"))[0] == "accepted"


async def test_a_day_that_becomes_staggered_afterwards_moves_the_marks_of_the_others(school: Authority) -> None:
    await school.roll(pupil("1", year_group=7), pupil("2", year_group=8))
    await school.register([{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "/"}], f"{DAY}/AM")
    await put(school, days=[open_day(DAY, 7)])
    assert await school.standing(f"{DAY}/AM") == {"1": "/"}
    assert await school.quarantine() == [("/", "closed-session")]
    await put(school, days=[open_day(DAY, 7, 8)])
    assert await school.standing(f"{DAY}/AM") == {"1": "/", "2": "/"}
    assert await school.quarantine() == []


async def test_another_year_group_moves_the_marks_of_staggered_days(school: Authority) -> None:
    await put(school, days=[open_day(DAY, 7)])
    await school.roll(pupil("1", year_group=8))
    await school.mark("1", "/", f"{DAY}/AM")
    assert await school.quarantine() == [("/", "closed-session")]
    await school.roll(pupil("1", year_group=7))
    assert (await school.standing(f"{DAY}/AM"), await school.quarantine()) == ({"1": "/"}, [])
    await school.delete((await school.ask("GET", f"/v1/schools/{URN}/roll"))["items"][0]["pupil_id"], f"{DAY}/AM")
    assert await school.standing(f"{DAY}/AM") == {}


async def test_a_year_group_goes_up_with_the_academic_year(school: Authority) -> None:
    """Said in September 2025 as year 8: in 2024-25 that was year 7."""
    await school.ask("PUT", f"/v1/schools/{URN}/calendars/2024-25", json={"days": [open_day("2024-09-03", 7)]})
    await school.roll(pupil("1", year_group=8, enrolment={"from": "2024-09-01", "to": None, "kind": "single"}))
    assert (await school.mark("1", "/", "2024-09-03/AM"))[0] == "accepted"


async def test_a_planned_session_of_a_closure_keeps_its_marks(school: Authority) -> None:
    await put(school, days=[open_day(DAY) | {"kind": "closure", "reason": "No heating"}])
    await school.roll(pupil("1"))
    assert (await school.mark("1", "Y4", f"{DAY}/AM"))[0] == "accepted"


async def test_register_times_are_found_by_school_and_day(school: Authority) -> None:
    times = [
        {"session": "AM", "registers_open": "08:45", "registers_close": "09:15"},
        {"session": "AM", "year_group": 12, "registers_open": "09:30", "registers_close": "10:00", "ends": "12:30"},
    ]
    await put(school, days=[open_day(DAY)], times=times)
    async with school.database.transaction() as tx:
        found = await schools.register_times(tx, [URN, 7], date(2025, 11, 3))
        assert await schools.register_times(tx, [URN], date(2026, 11, 3)) == {}
    assert [(line.year_group, line.closes.isoformat("minutes")) for line in found.pop(URN)] == [
        (None, "09:15"), (12, "10:00"),
    ]  # fmt: skip
    assert found == {}


async def test_a_pupil_taught_in_another_year_than_the_age_says_is_listed(school: Authority) -> None:
    born = {"date_of_birth": "2014-03-09"}
    answer = await school.roll(pupil("1", year_group=7, **born), pupil("2", year_group=6, **born))
    path = f"/v1/schools/{URN}/data-quality"
    (item,) = (await school.ask("GET", path, params={"kind": "year-group-exception"}))["items"]
    assert (item["pupil_id"], item["mend"]["operation"]) == (answer["results"][1]["pupil_id"], "putRoll")
