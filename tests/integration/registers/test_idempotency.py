"""POSTs that name themselves by an `Idempotency-Key`: sent twice, they are done once."""

import asyncio
from typing import Any

import pytest

from tests.delivery import until
from tests.integration.registers.conftest import OTHER, SCOPES, URN, Authority, bearer, pupil

SAID = {"reason": "A local id used again", "by": "J. Field, data manager"}
PART = {"schools": [{"school_urn": URN, "from": "2025-09-08"}], **SAID}
KEY = {"idempotency-key": "a"}
HELD = "select 1 from pg_locks where locktype = 'advisory' and granted"


@pytest.fixture
async def child(authority: Authority) -> str:
    """Whom a school has called by one local id; the other school has none."""
    await authority.school()
    await authority.school(OTHER)
    return (await authority.roll(pupil("1")))["results"][0]["pupil_id"]


async def split(authority: Authority, child: str, body: Any = PART, status: int = 200, **more: Any) -> Any:
    return await authority.ask("POST", f"/v1/pupils/{child}/split", status, json=body, **more)


async def pupils(authority: Authority) -> int:
    async with authority.database.transaction() as tx:
        return await tx.fetchval("select count(*) from pupil")


async def test_a_split_that_is_sent_twice_makes_one_child(authority: Authority, child: str) -> None:
    done = await split(authority, child, headers=KEY)
    said = len(await authority.changes())
    assert await split(authority, child, headers=KEY) == done
    assert (await pupils(authority), len(await authority.changes())) == (2, said)
    again = await split(authority, child, {**PART, "schools": [{"school_urn": URN, "from": "2025-09-03"}]})
    assert again["change_id"] != done["change_id"]
    assert await pupils(authority) == 3


async def test_a_merge_and_a_conversion_answer_the_same_again(authority: Authority, child: str) -> None:
    dead = (await authority.roll(pupil("2")))["results"][0]["pupil_id"]
    for path, body in (
        (f"/v1/pupils/{dead}/merge", {"into": child, **SAID}),
        (f"/v1/schools/{URN}/conversion", {"successor_urn": OTHER, "on": "2025-09-10"}),
    ):
        headers = {"idempotency-key": path}
        first = await authority.ask("POST", path, json=body, headers=headers)
        await authority.roll(pupil(path[-5:]), urn=OTHER)  # which would have changed the numbers of an answer
        assert await authority.ask("POST", path, json=body, headers=headers) == first


async def test_a_key_names_one_thing_of_one_sender_for_a_day(authority: Authority, child: str) -> None:
    done = await split(authority, child, headers=KEY)
    other = {**PART, "reason": "Twins"}
    for body, path in ((other, child), (PART, done["other"])):
        refused = await split(authority, path, body, 422, headers=KEY)
        assert [error["code"] for error in refused["errors"]] == ["other-body"]
    await split(authority, child, PART, 422, headers=KEY | bearer(schools=[URN]))
    theirs = await split(authority, child, other, headers=KEY | bearer(subject="somebody else"))
    assert theirs["change_id"] != done["change_id"]
    async with authority.database.transaction() as tx:
        await tx.execute("update answered set answered_at = answered_at - interval '24 hours'")
    assert (await split(authority, child, other, headers=KEY))["change_id"] != done["change_id"]
    async with authority.database.transaction() as tx:
        assert await tx.fetchval("select count(*) from answered") == 1, "those of the day before are gone"


async def test_a_request_that_was_refused_may_be_mended_under_its_key(authority: Authority, child: str) -> None:
    await split(authority, child, {"schools": [{"school_urn": OTHER}], **SAID}, 422, headers=KEY)
    assert (await split(authority, child, headers=KEY))["kind"] == "split"


async def test_while_the_first_is_under_way_the_second_is_told_so(authority: Authority, child: str) -> None:
    async with authority.database.transaction() as tx:
        await tx.execute("select from school where urn = $1 for update", URN)
        first = asyncio.create_task(split(authority, child, headers=KEY))
        await until(lambda: tx.fetchval(HELD))
        told = await split(authority, child, PART, 409, headers=KEY)
    assert (told["type"], told["retryable"]) == ("/problems/under-way", True)
    done = await first
    assert await split(authority, child, headers=KEY) == done
    assert await pupils(authority) == 2


async def agree(authority: Authority, **limits: Any) -> None:
    agreed = {
        "organisation": "Elm", "organisation_type": "other", "purposes": ["returns"], "agreement_from": "2025-09-01",
        "scopes": SCOPES.split(), **limits,
    }  # fmt: skip
    await authority.ask("PUT", "/v1/consumers/elm", json=agreed, headers=bearer("admin"))


async def test_a_school_that_joins_an_authority_keeps_no_lost_answer_from_its_client(
    authority: Authority, child: str
) -> None:
    await agree(authority, las=["330"])
    ours = KEY | bearer(SCOPES, subject="elm")
    done = await split(authority, child, headers=ours)
    await authority.school(100003)
    assert await split(authority, child, headers=ours) == done
    await agree(authority, urns=[100003])
    await split(authority, child, status=404, headers=ours)


async def test_so_it_is_with_a_batch(authority: Authority, child: str) -> None:
    await agree(authority, las=["330"])
    ours = KEY | bearer(SCOPES, subject="elm")
    body = {"registers": [{"school_urn": URN, "date": "2025-09-15", "session": "AM", "marks": []}]}
    first = await authority.ask("POST", "/v1/register-batches", 202, json=body, headers=ours)
    await authority.school(100003)
    again = await authority.ask("POST", "/v1/register-batches", 202, json=body, headers=ours)
    assert again["job_id"] == first["job_id"]
    await agree(authority, urns=[100003])
    await authority.ask("POST", "/v1/register-batches", 404, json=body, headers=ours)
