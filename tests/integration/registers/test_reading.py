"""Answers to GETs: pages, spans, look-ups, reference data; and that answers are what the OpenAPI document says."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from registers.store.republish import republish

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

UPN = "H869200124007"


@pytest.fixture
async def school(authority: Authority) -> Authority:
    """A school with pupils 1, 2 and 3, and marks of ten sessions."""
    await authority.school()
    await authority.roll(pupil("1", upn=UPN), pupil("2"), pupil("3"))
    for day in (8, 9, 10, 11, 12):
        for half in ("AM", "PM"):
            marks = [{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "8"}, {"upn": "unknown", "code": "O"}]
            await authority.register(marks, f"2025-09-{day:02d}/{half}", taken_by="T17")
    return authority


async def pages(authority: Authority, path: str) -> list[Any]:
    """All items of a list, page by page."""
    items: list[Any] = []
    following: str | None = path
    while following:
        page = await authority.ask("GET", following)
        assert page["items"]
        items += page["items"]
        following = page["next"]
    return items


async def test_lists_come_in_pages_that_neither_lose_nor_repeat(school: Authority) -> None:
    child = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    for path in (f"/v1/pupils/{child}/marks", f"/v1/schools/{URN}/quarantine", f"/v1/schools/{URN}/changes"):
        whole = (await school.ask("GET", path + "?page_size=1000"))["items"]
        assert await pages(school, path + "?page_size=3") == whole
        assert len(whole) >= 10
    assert len(await pages(school, f"/v1/schools/{URN}/roll?page_size=1")) == 3


async def test_a_childs_marks_between_two_days(school: Authority) -> None:
    child = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    answer = await school.ask("GET", f"/v1/pupils/{child}/marks", params={"from": "2025-09-09", "to": "2025-09-10"})
    assert [(item["date"], item["session"]) for item in answer["items"]] == [
        (day, half) for day in ("2025-09-09", "2025-09-10") for half in ("AM", "PM")
    ]
    assert {(item["code"], item["status"], item["taken_by"]) for item in answer["items"]} == {("/", "standing", "T17")}


async def test_a_childs_marks_show_those_of_the_callers_schools_only(school: Authority) -> None:
    await school.school(OTHER)
    child = (await school.roll(pupil("x", upn=UPN), urn=OTHER))["results"][0]["pupil_id"]
    await school.mark("x", "M", "2025-09-12/AM", OTHER)
    headers = bearer(schools=[OTHER])
    answer = await school.ask("GET", f"/v1/pupils/{child}/marks", headers=headers)
    assert [(item["school_urn"], item["code"]) for item in answer["items"]] == [(OTHER, "M")]
    told = await school.ask("GET", f"/v1/pupils/{child}/contacts", headers=headers)
    assert [one["school_urn"] for one in told["schools"]] == [OTHER]


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJhZnRlciI6WzEsMiwzLDRdfQ", "eyJhZnRlciI6WyJ4Il19"])
async def test_a_cursor_of_another_list_is_refused(school: Authority, cursor: str) -> None:
    child = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    for path in (
        "/v1/schools",
        f"/v1/schools/{URN}/quarantine",
        f"/v1/schools/{URN}/roll",
        f"/v1/pupils/{child}/marks",
    ):
        await school.ask("GET", path, 422, params={"cursor": cursor})


async def test_a_pupil_is_looked_up_by_one_key(school: Authority) -> None:
    by_upn = await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN})
    assert by_upn == await school.ask("POST", "/v1/pupils/lookup", json={"school_urn": URN, "local_id": "1"})
    for wrong in (
        {},
        {"upn": UPN, "local_id": "1"},
        {"school_urn": URN},
        {"upn": UPN, "school_urn": URN, "local_id": "1"},
    ):
        await school.ask("POST", "/v1/pupils/lookup", 422, json=wrong)
    for unknown in (
        {"upn": "F330123425001"},
        {"school_urn": URN, "local_id": "77"},
        {"school_urn": 5, "local_id": "1"},
    ):
        await school.ask("POST", "/v1/pupils/lookup", 404, json=unknown)


async def test_the_code_table_is_that_of_the_day(authority: Authority) -> None:
    now = await authority.ask("GET", "/v1/reference/attendance-codes", headers=bearer(scope=""))
    then = await authority.ask("GET", "/v1/reference/attendance-codes?on=2024-08-18")
    codes = [{item["code"] for item in answer["items"]} for answer in (now, then)]
    assert len(codes[0]) == 34
    assert codes[1] - codes[0] == set("HFJY")
    answer = await authority.client.get("/v1/reference/attendance-codes")
    again = await authority.client.get(
        "/v1/reference/attendance-codes", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    await authority.ask("GET", "/v1/reference/attendance-codes?on=yesterday", 422)


async def test_personal_data_is_not_to_be_stored(school: Authority) -> None:
    answer = await school.client.get(f"/v1/schools/{URN}/roll")
    assert answer.headers["cache-control"] == "no-store"


async def test_a_ledger_is_queued_again_from_a_number_on(school: Authority) -> None:
    async with school.database.transaction() as tx:
        last = await tx.fetchval("select last_number from school where urn = $1", URN)
        await tx.execute("truncate outbox")
        assert await republish(tx, school=URN, from_number=last - 2) == 3
        assert await republish(tx) == last
        rows = [row["number"] for row in await tx.fetch("select number from outbox order by id")]
    assert rows == [*range(last - 2, last + 1), *range(1, last + 1)]


async def test_answers_are_what_the_document_says(school: Authority) -> None:
    document = (await school.client.get("/openapi.json")).json()
    child = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    contact = {"local_id": "c", "name": "Robin", "address": {"lines": ["1 High Street"]}}
    slot = f"/v1/schools/{URN}/registers/2025-09-15/AM"
    slot_path = "/v1/schools/{urn}/registers/{date}/{session}"
    asked = [
        ("PUT", f"/v1/schools/{URN}/roll", "/v1/schools/{urn}/roll", {"pupils": [pupil("1", contacts=[contact]), 7]}),
        ("PUT", slot, slot_path, {"marks": [{"local_id": "1", "code": "/"}, {"local_id": "9", "code": "/"}]}),
        ("PUT", slot, slot_path, {"marks": [{"local_id": "1", "code": "M"}]}),
        ("GET", slot, slot_path, None),
        ("DELETE", f"{slot}/marks/{child}", slot_path + "/marks/{pupil_id}", None),
        *(("GET", f"/v1/schools/{URN}{part}", "/v1/schools/{urn}" + part, None)
          for part in ("", "/roll", "/quarantine", "/data-quality", "/changes")),
        *(("GET", f"/v1/pupils/{child}/{part}", "/v1/pupils/{pupil_id}/" + part, None)
          for part in ("marks", "contacts")),
        ("GET", f"/v1/schools/{URN}/calendars/2025-26", "/v1/schools/{urn}/calendars/{academic_year}", None),
        ("GET", "/v1/reference/attendance-codes", "/v1/reference/attendance-codes", None),
        ("GET", "/v1/schools", "/v1/schools", None),
    ]  # fmt: skip
    for method, path, template, body in asked:
        answer: httpx.Response = await school.client.request(method, path, json=body)
        schema = document["paths"][template][method.lower()]["responses"]["200"]["content"]["application/json"][
            "schema"
        ]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        errors = [error.message for error in validator.iter_errors(answer.json())]
        assert not errors, (path, errors)


async def test_the_example_of_every_request_is_taken(school: Authority) -> None:
    document = (await school.client.get("/openapi.json")).json()
    paths = document["paths"]
    roll = paths["/v1/schools/{urn}/roll"]["put"]["requestBody"]["content"]["application/json"]
    register = paths["/v1/schools/{urn}/registers/{date}/{session}"]["put"]["requestBody"]["content"][
        "application/json"
    ]
    for described in (roll, register):
        assert not list(Draft202012Validator(described["schema"]).iter_errors(described["example"]))
    answer = await school.ask("PUT", f"/v1/schools/{URN}/roll", json=roll["example"])
    assert answer["counts"]["rejected"] == 0
    await school.ask("PUT", f"/v1/schools/{URN}/registers/2025-09-15/AM", json=register["example"])


async def test_what_waits_says_what_would_mend_it(authority: Authority) -> None:
    await authority.school()
    await authority.roll(
        pupil("1"), pupil("2"), pupil("3", enrolment={"from": "2025-09-16", "to": None, "kind": "main"})
    )
    await authority.register(
        [
            {"local_id": "1", "code": "J"},
            {"local_id": "2", "code": "-"},
            {"local_id": "3", "code": "/"},
            {"upn": UPN, "code": "/"},
        ]
    )
    await authority.mark("1", "/", "2025-09-14/AM")
    items = (await authority.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    told = {item["problem"]["code"]: item["mend"] for item in items}
    assert {problem: (mend["action"], mend["operation"], mend["codes"]) for problem, mend in told.items()} == {
        "retired-code": ("use-other-code", "putRegister", ["J1"]),
        "no-mark": ("send-code", "putRegister", []),
        "not-enrolled": ("correct-enrolment", "putRoll", []),
        "unknown-pupil": ("send-roll-row", "putRoll", []),
        "closed-session": ("open-session", "putCalendar", []),
    }
