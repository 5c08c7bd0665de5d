"""Tasks and cases as callers with a token meet them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from casework import api
from common.db import Database
from common.service import Service

from tests.doors import bearer, door
from tests.integration.casework.conftest import CLOCK, Tell
from tests.told import URN, crossing, merge, some_id

READ, WRITE = "cases:read", "cases:read cases:write"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    router = api.create_router(database, CLOCK, lambda: None)
    async with door(Service(name="casework", router=router, tags=api.TAGS)) as opened:
        yield opened


async def listed(client: httpx.AsyncClient, path: str = "/v1/tasks", **query: Any) -> list[Any]:
    answer = await client.get(path, params=query, headers=bearer(READ))
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_the_work_list_has_the_fields_and_filters_of_the_contract(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", kind="SA", school_urn=100002, pupil_id=some_id("c2")))
    first, second = await listed(client)
    assert first["due_on"] < second["due_on"]
    assert second == {
        "task_id": second["task_id"], "kind": "support_review", "pupil_id": some_id("c1"), "school_urn": URN,
        "episode_id": some_id("e1"), "letter_id": None, "case_id": second["case_id"], "status": "open", "owner": None,
        "due_on": "2025-10-14", "reason": second["reason"], "outcome": None, "note": None,
        "opened_at": "2025-09-30T13:20:00Z", "closed_at": None, "overdue": False,
    }  # fmt: skip
    for name, value in (("kind", "support_review"), ("school_urn", URN), ("pupil_id", some_id("c1"))):
        assert await listed(client, "/v1/tasks", **{name: value}) == [second]
    assert await listed(client, status="done") == []


async def test_pages_follow_one_another_without_a_gap(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(*(crossing(episode=f"e{n}", pupil_id=some_id(f"c{n}")) for n in range(5)))
    whole, path, found = await listed(client), "/v1/tasks?page_size=2", []
    while path:
        page = (await client.get(path, headers=bearer(READ))).json()
        found += page["items"]
        path = page["next"]
    assert found == whole
    cases, path = [], "/v1/cases?page_size=3"
    while path:
        page = (await client.get(path, headers=bearer(READ))).json()
        cases += page["items"]
        path = page["next"]
    assert len({case["case_id"] for case in cases}) == 5


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/cases"])
async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, path: str) -> None:
    for cursor in ("nonsense", "e30", "eyJkdWVfb24iOjF9"):
        answer = await client.get(path, params={"cursor": cursor}, headers=bearer(READ))
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_task_is_completed_once_and_the_same_again_changes_nothing(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    await tell(crossing())
    (task,) = await listed(client)
    path, body = f"/v1/tasks/{task['task_id']}/completion", {"outcome": "support_agreed", "note": "Breakfast club."}
    done = await client.post(path, json=body, headers=bearer(WRITE))
    assert done.status_code == 200
    assert (done.json()["status"], done.json()["outcome"], done.json()["note"]) == (
        "done", "support_agreed", "Breakfast club.",
    )  # fmt: skip
    assert (await client.post(path, json=body, headers=bearer(WRITE))).json() == done.json()
    other = await client.post(path, json={"outcome": "no_action_needed"}, headers=bearer(WRITE))
    assert other.status_code == 409
    assert (await listed(client))[0]["status"] == "done"


async def test_a_cancelled_task_can_not_be_completed(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing())
    await tell(crossing("reversed", count=2))
    (task,) = await listed(client)
    answer = await client.post(f"/v1/tasks/{task['task_id']}/completion", json={"outcome": "x"}, headers=bearer(WRITE))
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"outcome": ""}, {"outcome": " "}, {"outcome": "x", "else": 1}, [], {"outcome": 1}]
)
async def test_a_completion_that_says_nothing_is_refused(client: httpx.AsyncClient, tell: Tell, body: Any) -> None:
    await tell(crossing())
    (task,) = await listed(client)
    answer = await client.post(f"/v1/tasks/{task['task_id']}/completion", json=body, headers=bearer(WRITE))
    assert answer.status_code == 422
    assert (await listed(client))[0]["status"] == "open"


async def test_a_change_may_be_tied_to_the_state_that_was_read(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing())
    (task,) = await listed(client)
    path = f"/v1/tasks/{task['task_id']}"
    tag = (await client.get(path, headers=bearer(READ))).headers["etag"]
    assert (await client.get(path, headers={**bearer(READ), "if-none-match": tag})).status_code == 304
    owned = await client.post(f"{path}/owner", json={"owner": "officer-17"}, headers={**bearer(WRITE), "if-match": tag})
    assert (owned.status_code, owned.json()["owner"]) == (200, "officer-17")
    for stale in (tag, '"x"'):
        headers = {**bearer(WRITE), "if-match": stale}
        answer = await client.post(f"{path}/owner", json={"owner": None}, headers=headers)
        assert answer.status_code == 412
    changed = await client.get(path, headers={**bearer(READ), "if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"]) == (200, owned.headers["etag"])


async def test_a_case_shows_its_tasks_and_its_timeline(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing())
    await tell(crossing("ended", count=2))
    (case,) = await listed(client, "/v1/cases", pupil_id=some_id("c1"))
    file = (await client.get(f"/v1/cases/{case['case_id']}", headers=bearer(READ))).json()
    assert [task["kind"] for task in file["tasks"]] == ["support_review"]
    assert [entry["kind"] for entry in file["timeline"]] == [
        "episode-crossed", "case-opened", "task-opened", "episode-ended",
    ]  # fmt: skip


async def test_after_a_merge_the_dead_childs_case_leads_to_the_survivors(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", pupil_id=some_id("c2")))
    (dead,) = await listed(client, "/v1/cases", pupil_id=some_id("c2"))
    await tell(merge("c2", "c1"))
    (living,) = await listed(client, "/v1/cases", pupil_id=some_id("c2"))
    moved = await client.get(f"/v1/cases/{dead['case_id']}", headers=bearer(READ))
    assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/cases/{living['case_id']}")
    assert len(await listed(client, pupil_id=some_id("c2"))) == 2


async def test_what_a_token_may_not_see_is_not_there(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", kind="SA", school_urn=100002))
    (case,) = await listed(client, "/v1/cases")
    other = bearer(WRITE, schools=[100002])
    mine = (await client.get("/v1/tasks", headers=other)).json()["items"]
    assert [task["school_urn"] for task in mine] == [100002]
    (hidden,) = await listed(client, school_urn=URN)
    assert (await client.get(f"/v1/tasks/{hidden['task_id']}", headers=other)).status_code == 404
    path = f"/v1/tasks/{hidden['task_id']}/completion"
    assert (await client.post(path, json={"outcome": "x"}, headers=other)).status_code == 404
    file = (await client.get(f"/v1/cases/{case['case_id']}", headers=other)).json()
    assert [task["task_id"] for task in file["tasks"]] == [mine[0]["task_id"]]
    assert hidden["task_id"] not in str(file)
    nobody = bearer(READ, schools=[7])
    assert (await client.get(f"/v1/cases/{case['case_id']}", headers=nobody)).status_code == 404
    for path in ("/v1/tasks", "/v1/cases"):
        assert (await client.get(path, headers=nobody)).json()["items"] == []


async def test_each_route_needs_its_scope(client: httpx.AsyncClient) -> None:
    task = f"/v1/tasks/{some_id('t')}"
    for method, path in (
        ("GET", "/v1/tasks"), ("GET", task), ("GET", "/v1/cases"), ("GET", f"/v1/cases/{some_id('x')}"),
        ("POST", f"{task}/completion"), ("POST", f"{task}/owner"),
    ):  # fmt: skip
        assert (await client.request(method, path)).status_code == 401
        wrong = bearer("letters:read") if method == "GET" else bearer(READ)
        assert (await client.request(method, path, headers=wrong, json={"outcome": "x"})).status_code == 403


async def test_what_a_key_named_is_done_once_though_others_went_on_since(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(crossing())
    path = f"/v1/tasks/{(await listed(client))[0]['task_id']}"
    key = bearer(WRITE) | {"idempotency-key": "a"}
    first = await client.post(f"{path}/owner", json={"owner": "officer-17"}, headers=key)
    assert first.status_code == 200
    await client.post(f"{path}/owner", json={"owner": "officer-18"}, headers=bearer(WRITE))
    again = await client.post(f"{path}/owner", json={"owner": "officer-17"}, headers=key)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), first.headers["etag"])
    assert (await listed(client))[0]["owner"] == "officer-18"
    done = {"outcome": "support_agreed", "note": "Breakfast club."}
    for status, where, body in ((422, "owner", {"owner": "officer-18"}), (422, "completion", done)):
        assert (await client.post(f"{path}/{where}", json=body, headers=key)).status_code == status
    key["idempotency-key"] = "b"
    completed = await client.post(f"{path}/completion", json=done, headers=key)
    assert (completed.status_code, completed.json()["status"]) == (200, "done")
    assert (await client.post(f"{path}/completion", json=done, headers=key)).json() == completed.json()
