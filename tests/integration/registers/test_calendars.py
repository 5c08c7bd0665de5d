"""Schools and calendars: what they say, and how a change of calendar moves marks in and out of quarantine."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

SCHOOL = {"name": "Elm Primary", "la_code": "330", "laestab": "3302001", "phase": "primary"}
CALENDAR = f"/v1/schools/{URN}/calendars/2025-26"


async def test_a_school_is_made_changed_and_read(authority: Authority) -> None:
    made = await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    assert made == {"urn": URN, **SCHOOL, "sequence": 1}
    assert (await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL))["sequence"] == 1
    changed = await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL | {"phase": "special"})
    assert (changed["sequence"], changed["phase"]) == (2, "special")
    assert await authority.ask("GET", f"/v1/schools/{URN}") == changed
    kinds = [(entry["type"].split(".")[3], entry["data"]["phase"]) for entry in await authority.changes()]
    assert kinds == [("school-changed", "primary"), ("school-changed", "special")]


@pytest.mark.parametrize(
    "wrong",
    [{"phase": "middle"}, {"la_code": "33"}, {"la_code": 330}, {"laestab": "330200"}, {"name": " "}, {"name": None}],
)
async def test_a_school_with_wrong_facts_is_refused(authority: Authority, wrong: dict[str, Any]) -> None:
    answer = await authority.ask("PUT", f"/v1/schools/{URN}", 422, json=SCHOOL | wrong)
    assert answer["errors"][0]["pointer"] == "/" + next(iter(wrong))
    await authority.ask("GET", f"/v1/schools/{URN}", 404)


async def test_schools_are_listed_in_pages(authority: Authority) -> None:
    for urn in range(100001, 100006):
        await authority.ask("PUT", f"/v1/schools/{urn}", json=SCHOOL)
    found: list[int] = []
    path: str | None = "/v1/schools?page_size=2"
    while path:
        page = await authority.ask("GET", path)
        found += [item["urn"] for item in page["items"]]
        path = page["next"]
    assert found == [100001, 100002, 100003, 100004, 100005]
    narrow = await authority.ask("GET", "/v1/schools", headers=bearer(schools=[100002, 999]))
    assert [item["urn"] for item in narrow["items"]] == [100002]


async def test_a_school_is_found_by_its_laestab_and_among_those_of_its_authority(authority: Authority) -> None:
    await authority.ask("PUT", "/v1/schools/100001", json=SCHOOL)
    await authority.ask("PUT", "/v1/schools/100002", json=SCHOOL | {"laestab": "3302009"})
    await authority.ask("PUT", "/v1/schools/100003", json=SCHOOL | {"la_code": "333", "laestab": "3332001"})

    async def urns(asked: str) -> list[int]:
        return [item["urn"] for item in (await authority.ask("GET", f"/v1/schools?{asked}"))["items"]]

    assert await urns("laestab=3302009") == [100002]
    assert await urns("la_code=330") == [100001, 100002]
    assert await urns("la_code=330&laestab=3332001") == []
    (fault,) = (await authority.ask("GET", "/v1/schools?laestab=330", 422))["errors"]
    assert fault["pointer"] == "laestab"


async def test_a_calendar_is_taken_and_read(authority: Authority) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    days = {"2025-09-03": ["PM"], "2025-09-02": ["AM", "PM"], "2025-09-04": []}
    assert await authority.calendar(days) == {"school_urn": URN, "academic_year": "2025-26", "sequence": 2}
    listed = [{"date": "2025-09-02", "sessions": ["AM", "PM"]}, {"date": "2025-09-03", "sessions": ["PM"]}]
    assert (await authority.ask("GET", CALENDAR))["days"] == listed
    assert (await authority.changes())[1]["data"]["days"] == listed
    assert (await authority.calendar(days))["sequence"] == 2
    await authority.ask("GET", f"/v1/schools/{URN}/calendars/2024-25", 404)


async def test_an_empty_calendar_is_said_once(authority: Authority) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    assert (await authority.calendar({}))["sequence"] == 2
    assert (await authority.calendar({}))["sequence"] == 2


@pytest.mark.parametrize(
    ("days", "pointers"),
    [
        (["2025-07-31", "2025-08-01"], ["/days/0/date"]),
        (["2026-08-01"], ["/days/0/date"]),
        (["2025-09-02", "2025-09-03", "2025-09-02"], ["/days/2/date"]),
        (["02/09/2025"], ["/days/0/date"]),
        ([0], ["/days/0/date"]),
    ],
)
async def test_a_calendar_with_wrong_days_is_refused(
    authority: Authority, days: list[Any], pointers: list[str]
) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    listed = [{"date": day, "sessions": ["AM"]} for day in days]
    answer = await authority.ask("PUT", CALENDAR, 422, json={"days": listed})
    assert [error["pointer"] for error in answer["errors"]] == pointers


@pytest.mark.parametrize(
    ("day", "code", "pointer"),
    [
        ({"sessions": ["AM", "AM"]}, "duplicate-session", "/days/1/sessions/1"),
        ({"sessions": ["PM", "PM"], "kind": "closure"}, "duplicate-session", "/days/1/sessions/1"),
        ({"sessions": [], "kind": "school"}, "school-day-without-session", "/days/1/sessions"),
        ({"sessions": [], "year_groups": [1]}, "school-day-without-session", "/days/1/sessions"),
    ],
)
async def test_a_day_with_sessions_that_it_cannot_have_is_refused(
    authority: Authority, day: dict[str, Any], code: str, pointer: str
) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    days = [{"date": "2025-09-02", "sessions": ["AM", "PM"]}, {"date": "2025-09-03", **day}]
    answer = await authority.ask("PUT", CALENDAR, 422, json={"days": days})
    assert [(error["pointer"], error["code"]) for error in answer["errors"]] == [(pointer, code)]
    await authority.ask("GET", CALENDAR, 404)


async def test_a_listed_day_without_sessions_is_a_closed_one(authority: Authority) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    days = [{"date": "2025-09-02", "sessions": ["AM"]}, {"date": "2025-09-03", "sessions": []}]
    await authority.ask("PUT", CALENDAR, json={"days": days})
    assert [day["date"] for day in (await authority.ask("GET", CALENDAR))["days"]] == ["2025-09-02"]


@pytest.mark.parametrize("year", ["2025", "2025-27", "2025-2026", "9999-00", "1899-00", "x"])
async def test_what_is_no_academic_year_is_refused(authority: Authority, year: str) -> None:
    await authority.ask("PUT", f"/v1/schools/{URN}", json=SCHOOL)
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/{year}", 422, json={"days": []})
    await authority.ask("GET", f"/v1/schools/{URN}/calendars/{year}", 422)


async def test_writing_to_an_unknown_school_is_404(authority: Authority) -> None:
    await authority.ask("PUT", CALENDAR, 404, json={"days": []})
    await authority.ask("PUT", f"/v1/schools/{URN}/roll", 404, json={"pupils": []})
    await authority.ask("GET", f"/v1/schools/{URN}/roll", 404)
    await authority.ask("GET", f"/v1/schools/{URN}/quarantine", 404)
    await authority.ask("GET", f"/v1/schools/{URN}/changes", 404)
    await authority.ask("GET", f"/v1/schools/{URN}/registers/2025-09-15/AM", 404)


async def test_a_closed_session_takes_its_marks_back_and_an_opened_one_gives_them(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"))
    await authority.mark("1", "/", "2025-09-12/AM")
    await authority.mark("1", "O", "2025-09-12/PM")
    await authority.mark("2", "/", "2025-09-13/AM")
    answer = await authority.calendar({"2025-09-12": ["AM"], "2025-09-13": ["AM", "PM"], "2025-09-15": ["AM", "PM"]})
    assert await authority.standing("2025-09-12/AM") == {"1": "/"}
    assert await authority.standing("2025-09-12/PM") == {}
    assert await authority.standing("2025-09-13/AM") == {"2": "/"}
    assert await authority.quarantine() == [("O", "closed-session")]
    kinds = [entry["type"].split(".")[3] for entry in (await authority.changes())[-5:]]
    assert kinds == ["calendar-changed", "session-marked", "session-marked", "mark-quarantined", "mark-released"]
    assert (await authority.changes())[-1]["sequence"] == answer["sequence"]
    await authority.calendar({"2025-09-12": ["AM", "PM"]})
    assert await authority.standing("2025-09-12/PM") == {"1": "O"}
    assert await authority.quarantine() == [("/", "closed-session")]


async def test_a_calendar_of_another_year_closes_nothing(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1"))
    await authority.mark("1", "/")
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/2026-27", json={"days": []})
    assert await authority.standing() == {"1": "/"}


async def test_a_school_sees_its_own_only(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    roll = await authority.roll(pupil("1"), urn=OTHER)
    theirs = roll["results"][0]["pupil_id"]
    await authority.mark("1", "/", urn=OTHER)
    base = f"/v1/schools/{OTHER}"
    narrow = {"headers": bearer(schools=[URN])}
    for path in (
        "",
        "/calendars/2025-26",
        "/roll",
        "/registers/2025-09-15/AM",
        "/quarantine",
        "/data-quality",
        "/changes",
    ):
        await authority.ask("GET", base + path, 404, **narrow)
    await authority.ask("PUT", base, 404, json=SCHOOL, **narrow)
    await authority.ask("PUT", "/v1/schools/100009", 404, json=SCHOOL, **narrow)
    await authority.ask("PUT", base + "/calendars/2025-26", 404, json={"days": []}, **narrow)
    await authority.ask("PUT", base + "/roll", 404, json={"pupils": []}, **narrow)
    await authority.ask("PUT", base + "/registers/2025-09-15/AM", 404, json={"marks": []}, **narrow)
    await authority.ask("DELETE", f"{base}/registers/2025-09-15/AM/marks/{theirs}", 404, **narrow)
    await authority.ask("GET", f"/v1/pupils/{theirs}/marks", 404, **narrow)
    await authority.ask("GET", f"/v1/pupils/{theirs}/contacts", 404, **narrow)
    await authority.ask("POST", "/v1/pupils/lookup", 404, json={"school_urn": OTHER, "local_id": "1"}, **narrow)
