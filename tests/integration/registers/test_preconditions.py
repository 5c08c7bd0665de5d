"""Writes that ask for what the caller has read: ETags of schools, calendars and registers, and who names them."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

SCHOOL = {"name": "Elm Primary", "la_code": "330", "laestab": "3302001", "phase": "primary"}
CALENDAR = {"days": [{"date": "2025-09-15", "sessions": ["AM", "PM"]}]}
AT_SCHOOL, IN_YEAR = f"/v1/schools/{URN}", f"/v1/schools/{URN}/calendars/2025-26"
SENT = [(AT_SCHOOL, SCHOOL, {"name": "Oak Primary"}), (IN_YEAR, CALENDAR, {"days": []})]
"""A place, what is there, and what is said of it otherwise."""


@pytest.fixture
async def school(authority: Authority) -> Authority:
    for path, body, _ in SENT:
        await authority.ask("PUT", path, json=body)
    return authority


async def tag_of(school: Authority, path: str) -> str:
    answer = await school.client.get(path)
    assert answer.status_code == 200
    return answer.headers["etag"]


async def put(school: Authority, path: str, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await school.client.put(path, json=body, headers=named)


def is_stale(answer: httpx.Response) -> bool:
    assert (answer.status_code == 412) == (answer.json().get("type") == "/problems/stale")
    return answer.status_code == 412


@pytest.mark.parametrize(("path", "before", "changes"), SENT)
async def test_a_put_is_taken_only_if_all_is_still_as_read(
    school: Authority, path: str, before: dict[str, Any], changes: dict[str, Any]
) -> None:
    tag = await tag_of(school, path)
    assert (await put(school, path, before | changes, if_match=tag)).status_code == 200
    said = await school.changes()
    for stale in (tag, f"W/{await tag_of(school, path)}", '"none of ours"', ""):
        assert is_stale(await put(school, path, before, if_match=stale)), stale
    assert await school.changes() == said
    assert (await put(school, path, before, if_match=f"{tag}, {await tag_of(school, path)}")).status_code == 200
    assert await tag_of(school, path) == tag or path == AT_SCHOOL  # whose numbers have gone on
    assert (await put(school, path, before | changes, if_match="*")).status_code == 200
    assert (await put(school, path, before)).status_code == 200


async def test_a_mark_is_taken_back_only_if_the_register_is_still_as_read(school: Authority) -> None:
    pupil_id = (await school.roll(pupil("1"), pupil("2")))["results"][0]["pupil_id"]
    path = f"{AT_SCHOOL}/registers/2025-09-15/AM"
    await school.mark("1", "O")
    tag = await tag_of(school, path)
    await school.mark("2", "/")
    await school.ask("DELETE", f"{path}/marks/{pupil_id}", 412, headers={"if-match": tag})
    assert await school.standing() == {"1": "O", "2": "/"}
    tag = await tag_of(school, path)
    await school.ask("DELETE", f"{path}/marks/{pupil_id}", headers={"if-match": tag})
    await school.ask("DELETE", f"{path}/marks/{pupil_id}", 412, headers={"if-match": tag})
    assert await school.standing() == {"2": "/"}


@pytest.mark.parametrize(("path", "before", "changes"), SENT)
async def test_of_two_who_have_read_the_same_one_is_told_so(
    school: Authority, path: str, before: dict[str, Any], changes: dict[str, Any]
) -> None:
    tag = await tag_of(school, path)
    others = [before | changes, before | changes | ({"name": "Ash Primary"} if path == AT_SCHOOL else {"terms": []})]
    others[1] |= {} if path == AT_SCHOOL else {"days": [{"date": "2025-09-16", "sessions": ["AM"]}]}
    answers = await asyncio.gather(*(put(school, path, body, if_match=tag) for body in others))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_school_is_as_read_whatever_registers_have_come(school: Authority) -> None:
    tag = await tag_of(school, AT_SCHOOL)
    await school.roll(pupil("1"))
    await school.mark("1", "/")
    moved_on = await school.client.get(AT_SCHOOL, headers={"if-none-match": tag})
    assert (moved_on.status_code, moved_on.headers["etag"] == tag) == (200, False)
    changed = await put(school, AT_SCHOOL, SCHOOL | {"name": "Oak Primary"}, if_match=tag)
    assert changed.status_code == 200
    again = await school.client.get(AT_SCHOOL, headers={"if-none-match": changed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"days": [{"date": "2025-09-15", "sessions": ["AM", "PM"], "year_groups": [1]}]},
        {"days": [*CALENDAR["days"], {"date": "2025-09-16", "sessions": [], "kind": "inset"}]},
        {"terms": [{"name": "Autumn", "from": "2025-09-02", "to": "2025-12-19"}]},
        {"times": [{"session": "AM", "registers_open": "08:45", "registers_close": "09:15"}]},
    ],
)
async def test_the_tag_of_a_calendar_stands_for_all_that_it_says(school: Authority, changes: dict[str, Any]) -> None:
    tag = await tag_of(school, IN_YEAR)
    assert (await school.client.get(IN_YEAR, headers={"if-none-match": tag})).status_code == 304
    await school.ask("PUT", IN_YEAR, json=CALENDAR | changes)
    assert (await school.client.get(IN_YEAR, headers={"if-none-match": tag})).status_code == 200
    assert is_stale(await put(school, IN_YEAR, CALENDAR, if_match=tag))


async def test_a_register_is_taken_only_if_what_stands_is_still_as_read(school: Authority) -> None:
    await school.roll(pupil("1"), pupil("2"))
    await school.mark("1", "N")
    path = f"{AT_SCHOOL}/registers/2025-09-15/AM"
    tag = await tag_of(school, path)
    assert (await school.client.get(path, headers={"if-none-match": tag})).status_code == 304
    await school.mark("1", "N")  # is there already
    await school.mark("2", "/", "2025-09-15/PM")  # is another session
    corrected = {"marks": [{"local_id": "1", "code": "M"}]}
    both = [put(school, path, body, if_match=tag) for body in (corrected, {"marks": [{"local_id": "1", "code": "I"}]})]
    other = put(school, f"{AT_SCHOOL}/registers/2025-09-12/AM", corrected, if_match="*")
    assert sorted(answer.status_code for answer in await asyncio.gather(*both)) == [200, 412]
    assert (await other).status_code == 200
    said = await school.changes()
    assert is_stale(await put(school, path, corrected, if_match=tag))
    assert await school.changes() == said
    assert (await put(school, path, corrected, if_match=await tag_of(school, path))).status_code == 200
    assert (
        await put(school, f"/v1/schools/{OTHER}/registers/2025-09-15/AM", corrected, if_match=tag)
    ).status_code == 404


async def test_of_registers_that_are_written_together_each_is_stale_for_itself(school: Authority) -> None:
    await school.roll(pupil("1"))
    body = {"marks": [{"local_id": "1", "code": "/"}]}
    slots = [f"{AT_SCHOOL}/registers/2025-09-{day:02d}/{half}" for day in range(1, 13) for half in ("AM", "PM")]
    tags = ["*" if at % 2 else '"another"' for at in range(len(slots))]
    answers = await asyncio.gather(
        *(put(school, slot, body, if_match=tag) for slot, tag in zip(slots, tags, strict=True))
    )
    assert [is_stale(answer) for answer in answers] == [tag != "*" for tag in tags]


async def test_what_is_not_there_is_not_made_where_it_was_to_be_changed(authority: Authority) -> None:
    for tag in ("*", '"any"'):
        assert is_stale(await put(authority, AT_SCHOOL, SCHOOL, if_match=tag))
    await authority.ask("GET", AT_SCHOOL, 404)
    assert (await put(authority, IN_YEAR, CALENDAR, if_match="*")).status_code == 404
    await authority.ask("PUT", AT_SCHOOL, json=SCHOOL)
    assert is_stale(await put(authority, IN_YEAR, CALENDAR, if_match="*"))
    await authority.ask("GET", IN_YEAR, 404)


async def test_what_was_to_be_made_is_made_once(authority: Authority) -> None:
    for path, body, changes in SENT:
        answers = [await put(authority, path, body | more, if_none_match="*") for more in ({}, changes, {})]
        assert [answer.status_code for answer in answers] == [200, 412, 412]
        assert is_stale(await put(authority, path, body, if_none_match=await tag_of(authority, path)))
        assert (await put(authority, path, body | changes, if_none_match='"another"')).status_code == 200
    both = [put(authority, f"/v1/schools/{OTHER}", SCHOOL | {"name": name}, if_none_match="*") for name in "AB"]
    assert sorted(answer.status_code for answer in await asyncio.gather(*both)) == [200, 412]


async def test_the_document_says_what_may_be_asked_of_each(authority: Authority) -> None:
    paths = (await authority.client.get("/openapi.json")).json()["paths"]
    year, slot = "/calendars/{academic_year}", "/registers/{date}/{session}"
    for path in ("/v1/schools/{urn}", "/v1/schools/{urn}" + year, "/v1/schools/{urn}" + slot):
        read, written = paths[path]["get"], paths[path]["put"]
        headers = [{one["name"] for one in op["parameters"] if one["in"] == "header"} for op in (read, written)]
        asked = [names - {"Purpose"} for names in headers]
        to_make = set[str]() if path.endswith(slot) else {"If-None-Match"}
        assert asked == [{"If-None-Match"}, {"If-Match"} | to_make]
        assert "304" in read["responses"]
        assert "ETag" in read["responses"]["200"]["headers"]
        assert (
            written["responses"]["412"]["content"]["application/problem+json"]["example"]["type"] == "/problems/stale"
        )
