"""Letters as callers with a token meet them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from common.service import Service
from notifications import api
from notifications.actions.send import send_due

from tests.doors import bearer, door
from tests.integration.notifications.conftest import Desk, RegistersService
from tests.told import URN, crossing, merge, some_id

READ = "letters:read"


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with door(Service(name="notifications", router=api.create_router(desk.office), tags=api.TAGS)) as opened:
        yield opened


async def listed(client: httpx.AsyncClient, **query: Any) -> list[Any]:
    answer = await client.get("/v1/letters", params=query, headers=bearer(READ))
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_the_list_has_the_fields_and_filters_of_the_contract(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.settled(crossing(), crossing(episode="e2", kind="SA", school_urn=100002, pupil_id=some_id("c2")))
    (letter,) = await listed(client, pupil_id=some_id("c1"))
    assert letter == {
        "letter_id": letter["letter_id"], "kind": "persistent_absence", "pupil_id": some_id("c1"), "school_urn": URN,
        "episode_id": some_id("e1"), "recipient_id": some_id("p1"), "channel": "letter", "status": "queued",
        "template_version": "2025-1", "overtaken": False, "queued_at": "2025-09-30T13:20:00Z",
        "hold_until": "2025-10-01T13:20:00Z", "sent_at": None, "withheld": None,
    }  # fmt: skip
    for query in ({"school_urn": URN}, {"episode_id": some_id("e1")}, {"kind": "persistent_absence"}):
        assert await listed(client, **query) == [letter]
    assert len(await listed(client, status="queued")) == 2
    assert await listed(client, status="sent") == []


async def test_pages_follow_one_another_without_a_gap(
    client: httpx.AsyncClient, desk: Desk, registers: RegistersService
) -> None:
    for n in range(2, 6):
        registers.name(f"p{n}")
    await desk.settled(crossing())
    whole, path, found = await listed(client), "/v1/letters?page_size=2", []
    while path:
        page = (await client.get(path, headers=bearer(READ))).json()
        found += page["items"]
        path = page["next"]
    assert (len(found), found) == (5, whole)
    for cursor in ("nonsense", "e30", "eyJtYWRlX2F0IjoxfQ"):
        answer = await client.get("/v1/letters", params={"cursor": cursor}, headers=bearer(READ))
        assert answer.status_code == 422


async def test_a_letter_can_be_read_in_both_forms_from_queued_on(
    client: httpx.AsyncClient, desk: Desk, registers: RegistersService
) -> None:
    (letter,) = await desk.settled(crossing())
    path = f"/v1/letters/{letter.letter_id}/content"
    for sent in (False, True):
        if sent:
            desk.after_the_hold()
            await send_due(desk.office, asyncio.Event())
            registers.away = True
        html = await client.get(path, headers={**bearer(READ), "accept": "text/html"})
        text = await client.get(path, headers={**bearer(READ), "accept": "text/plain"})
        assert html.headers["content-type"] == "text/html; charset=utf-8"
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert html.headers["cache-control"] == "no-store"
        assert '<html lang="en-GB">' in html.text
        for form in (html, text):
            assert "Parent p1" in form.text
            assert "30 September 2025" in form.text


async def test_a_form_that_is_not_to_be_had_is_406_and_a_letter_that_is_not_there_404(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    (letter,) = await desk.settled(crossing())
    headers = {**bearer(READ), "accept": "application/pdf"}
    answer = await client.get(f"/v1/letters/{letter.letter_id}/content", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    assert (await client.get(f"/v1/letters/{some_id('none')}/content", headers=headers)).status_code == 404
    assert (await client.get(f"/v1/letters/{some_id('none')}", headers=bearer(READ))).status_code == 404


async def test_a_letter_that_can_not_be_written_while_registers_is_away_is_503(
    client: httpx.AsyncClient, desk: Desk, registers: RegistersService
) -> None:
    (letter,) = await desk.settled(crossing())
    registers.away = True
    answer = await client.get(f"/v1/letters/{letter.letter_id}/content", headers=bearer(READ))
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


async def test_a_dead_childs_letters_are_the_survivors(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.settled(crossing(pupil_id=some_id("c2")))
    await desk.tell(merge("c2", "c1"))
    for pupil in ("c1", "c2"):
        assert [letter["pupil_id"] for letter in await listed(client, pupil_id=some_id(pupil))] == [some_id("c1")]


async def test_a_letter_that_is_as_it_was_is_not_sent_again(client: httpx.AsyncClient, desk: Desk) -> None:
    (letter,) = await desk.settled(crossing())
    path = f"/v1/letters/{letter.letter_id}"
    tag = (await client.get(path, headers=bearer(READ))).headers["etag"]
    answer = await client.get(path, headers={**bearer(READ), "if-none-match": tag})
    assert (answer.status_code, answer.headers["etag"], answer.content) == (304, tag, b"")


async def test_what_a_token_may_not_see_is_not_there(client: httpx.AsyncClient, desk: Desk) -> None:
    (letter,) = await desk.settled(crossing())
    other = bearer(READ, schools=[100002])
    assert (await client.get("/v1/letters", headers=other)).json()["items"] == []
    for path in (f"/v1/letters/{letter.letter_id}", f"/v1/letters/{letter.letter_id}/content"):
        assert (await client.get(path, headers=other)).status_code == 404
        assert (await client.get(path, headers=bearer(READ, schools=[URN]))).status_code == 200


async def test_each_route_needs_its_scope(client: httpx.AsyncClient) -> None:
    one = f"/v1/letters/{some_id('l')}"
    for path in ("/v1/letters", one, f"{one}/content"):
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=bearer("cases:read"))).status_code == 403
