"""Agreements with clients: made, read, ended, announced, and what they come to as schools come and go."""

from typing import Any

import httpx
import pytest
from common.db import Database
from common.events import decode
from common.events.consumers import ConsumerChanged
from registers.store import republish
from registers.store.ledger import LedgerSource

from tests.integration.registers.conftest import OTHER, SCOPES, URN, Authority, bearer, pupil

ADMIN = bearer("admin")
CLIENT = "/v1/consumers/elm-mis"
AGREED: dict[str, Any] = {
    "organisation": "Elm Data Ltd", "organisation_type": "supplier", "purposes": ["returns", "early-help"],
    "agreement_from": "2025-09-01", "agreement_to": "2026-08-31", "scopes": ["registers:read", "pupils:read"],
}  # fmt: skip
UNKNOWN = "00000000-0000-4000-8000-000000000000"
CALLER = bearer(SCOPES, subject="elm-mis")


async def agree(authority: Authority, status: int = 200, **changed: Any) -> Any:
    return await authority.ask("PUT", CLIENT, status, json=AGREED | changed, headers=ADMIN)


async def announced(database: Database) -> list[ConsumerChanged]:
    """What the relay would send, and has sent by then."""
    source = LedgerSource()
    async with database.transaction() as tx:
        rows = [row for row in await source.take(tx, 1000) if row.id < 0]
        await source.done(tx, [row.id for row in rows])
    assert {row.topic for row in rows} <= {"consumers"}
    return [decode(row.body).data for row in rows]


async def seen(authority: Authority) -> list[int]:
    """The schools that the client sees."""
    return [school["urn"] for school in (await authority.ask("GET", "/v1/schools", headers=CALLER))["items"]]


async def test_what_was_agreed_can_be_read_and_is_announced_whole(authority: Authority, database: Database) -> None:
    made = await agree(authority, agreement_reference="DSA-7", las=["330"], cohorts=["CLA"], redactions=["upn"])
    assert made == await authority.ask("GET", CLIENT, headers=ADMIN)
    assert (await authority.ask("GET", "/v1/consumers", headers=ADMIN))["items"] == [made]
    assert (made["standing"], made["version"], made["schools"], made["cohorts"]) == ("in-force", 1, 0, ["CLA"])
    (told,) = await announced(database)
    assert (told.client_id, told.version, told.schools, told.redactions) == ("elm-mis", 1, [], ["upn"])


async def test_agreeing_on_the_same_again_changes_nothing(authority: Authority, database: Database) -> None:
    assert await agree(authority) == await agree(authority)
    assert len(await announced(database)) == 1


async def test_a_client_sees_the_schools_of_its_authorities_and_those_named(authority: Authority) -> None:
    for urn, la_code in ((URN, "330"), (OTHER, "331"), (100003, "332")):
        body = {"name": "Elm", "la_code": la_code, "laestab": f"{la_code}2001", "phase": "primary"}
        await authority.ask("PUT", f"/v1/schools/{urn}", json=body)
    await agree(authority, las=["330"], urns=[100003])
    assert await seen(authority) == [URN, 100003]
    await authority.ask("GET", f"/v1/schools/{OTHER}", 404, headers=CALLER)
    await agree(authority, las=[])
    assert await seen(authority) == []
    await agree(authority)
    assert await seen(authority) == [URN, OTHER, 100003]


async def test_an_agreement_is_told_again_when_a_school_comes_or_goes(authority: Authority, database: Database) -> None:
    await agree(authority, las=["331"])
    body = {"name": "Elm", "la_code": "331", "laestab": "3312001", "phase": "primary"}
    await authority.ask("PUT", f"/v1/schools/{URN}", json=body)
    await authority.ask("PUT", f"/v1/schools/{URN}", json=body | {"name": "Ash"})
    await authority.ask("PUT", f"/v1/schools/{URN}", json=body | {"la_code": "330", "la_from": "2025-09-01"})
    told = await announced(database)
    assert [(one.version, one.schools) for one in told] == [(1, []), (2, [URN]), (3, [])]
    assert (await authority.ask("GET", CLIENT, headers=ADMIN))["version"] == 3


async def test_an_agreement_cuts_a_token_down_to_its_scopes(authority: Authority) -> None:
    await authority.school()
    assert await authority.ask("GET", "/v1/schools/silent", headers=CALLER)
    await agree(authority, scopes=["pupils:read"])
    problem = await authority.ask("GET", "/v1/schools", 403, headers=CALLER)
    assert problem["type"] == "/problems/no-agreement"


async def test_an_agreement_that_is_ended_opens_nothing_from_then_on_and_stays(
    authority: Authority, database: Database
) -> None:
    await agree(authority)
    assert await seen(authority) == []
    ended = await authority.ask("DELETE", CLIENT, headers=ADMIN)
    assert ended == await authority.ask("DELETE", CLIENT, headers=ADMIN)
    assert ended["standing"] == "revoked"
    problem = await authority.ask("GET", "/v1/schools", 403, headers=CALLER)
    assert problem["type"] == "/problems/no-agreement"
    assert (await announced(database))[-1].revoked_at is not None
    await agree(authority)
    assert await seen(authority) == []


@pytest.mark.parametrize(
    "days", [{"agreement_from": "2099-01-01", "agreement_to": None}, {"agreement_to": "2025-09-02"}]
)
async def test_an_agreement_opens_nothing_outside_its_days(authority: Authority, days: dict[str, Any]) -> None:
    made = await agree(authority, **days)
    assert made["standing"] in ("not-yet", "ended")
    await authority.ask("GET", "/v1/schools", 403, headers=CALLER)


async def test_a_purpose_that_was_not_agreed_is_refused(authority: Authority) -> None:
    await agree(authority)
    await authority.ask("GET", "/v1/schools", headers=CALLER | {"purpose": "early-help"})
    problem = await authority.ask("GET", "/v1/schools", 403, headers=CALLER | {"purpose": "research"})
    assert problem["type"] == "/problems/purpose-not-agreed"


async def test_an_agreement_is_changed_as_it_was_read_or_not_at_all(authority: Authority) -> None:
    await agree(authority)
    read = (await authority.client.get(CLIENT, headers=ADMIN)).headers["etag"]
    await agree(authority, purposes=["returns"])
    for method in ("PUT", "DELETE"):
        more: dict[str, Any] = {"json": AGREED} if method == "PUT" else {}
        await authority.ask(method, CLIENT, 412, headers=ADMIN | {"if-match": read}, **more)
    answer: httpx.Response = await authority.client.put(CLIENT, json=AGREED, headers=ADMIN | {"if-none-match": "*"})
    assert answer.status_code == 412


@pytest.mark.parametrize(
    "changed",
    [
        {"agreement_to": "2025-08-31"},
        {"purposes": []},
        {"purposes": ["To see"]},
        {"scopes": ["everything"]},
        {"redactions": ["name"]},
        {"cohorts": ["TALL"]},
    ],
)
async def test_what_can_not_be_agreed_is_refused(authority: Authority, changed: dict[str, Any]) -> None:
    await agree(authority, 422, **changed)


async def test_who_is_limited_itself_agrees_with_nobody(authority: Authority) -> None:
    limited = bearer("admin", schools=[URN])
    for method, path in (("PUT", CLIENT), ("GET", CLIENT), ("DELETE", CLIENT), ("GET", "/v1/consumers")):
        more: dict[str, Any] = {"json": AGREED} if method == "PUT" else {}
        await authority.ask(method, path, 403, headers=limited, **more)


async def test_an_unknown_client_is_not_found(authority: Authority) -> None:
    for method in ("GET", "DELETE"):
        await authority.ask(method, CLIENT, 404, headers=ADMIN)


async def test_agreements_are_listed_in_pages(authority: Authority) -> None:
    for name in ("a", "b", "c"):
        await authority.ask("PUT", f"/v1/consumers/{name}", json=AGREED, headers=ADMIN)
    first = await authority.ask("GET", "/v1/consumers?page_size=2", headers=ADMIN)
    second = await authority.ask("GET", first["next"], headers=ADMIN)
    assert [one["client_id"] for one in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


async def test_agreements_are_sent_again_with_the_ledgers(authority: Authority, database: Database) -> None:
    await agree(authority)
    await announced(database)
    async with database.transaction() as tx:
        assert await republish.republish(tx) == 1
    assert [one.version for one in await announced(database)] == [1]


async def test_a_client_that_is_limited_to_cohorts_sees_their_children_and_no_others(authority: Authority) -> None:
    await authority.school()
    found = await authority.roll(pupil("1", flags=["CLA"]), pupil("2", flags=["FSM"]))
    looked_after, other = (one["pupil_id"] for one in found["results"])
    await agree(authority, cohorts=["CLA", "CP"])
    for page in ("", "/marks", "/contacts", "/flags"):
        await authority.ask("GET", f"/v1/pupils/{looked_after}{page}", headers=CALLER)
        hidden = await authority.ask("GET", f"/v1/pupils/{other}{page}", 404, headers=CALLER)
        unknown = await authority.ask("GET", f"/v1/pupils/{UNKNOWN}{page}", 404, headers=CALLER)
        assert (hidden["type"], hidden["detail"]) == (unknown["type"], unknown["detail"])
    lookup = {"school_urn": URN, "local_id": "1"}
    assert await authority.ask("POST", "/v1/pupils/lookup", json=lookup, headers=CALLER) == {"pupil_id": looked_after}
    await authority.ask("POST", "/v1/pupils/lookup", 404, json=lookup | {"local_id": "2"}, headers=CALLER)


async def test_a_child_is_in_a_cohort_on_the_days_of_its_flag_alone(authority: Authority) -> None:
    await authority.school()
    (child,) = (one["pupil_id"] for one in (await authority.roll(pupil("1")))["results"])
    await agree(authority, cohorts=["CP"])
    for span, status in (({"from": "2025-09-16"}, 404), ({"from": "2025-09-01", "to": "2025-09-15"}, 200)):
        flags = {"flags": [{"flag": "CP", "source": "lcs", "to": None} | span]}
        await authority.ask("PUT", f"/v1/pupils/{child}/flags", json=flags)
        await authority.ask("GET", f"/v1/pupils/{child}", status, headers=CALLER)


@pytest.mark.parametrize(
    "path", ["/v1/schools", f"/v1/schools/{URN}/roll", f"/v1/schools/{URN}/registers/2025-09-15/AM"]
)
async def test_what_is_of_more_than_one_child_is_not_for_cohorts(authority: Authority, path: str) -> None:
    await agree(authority, cohorts=["CLA"])
    assert (await authority.ask("GET", path, 403, headers=CALLER))["type"] == "/problems/cohorts-only"


async def test_what_is_left_out_for_a_client_is_in_none_of_its_answers(authority: Authority) -> None:
    await authority.school()
    sent = pupil("1", flags=["CLA"], contacts=[{"local_id": "c", "name": "Robin"}])
    (child,) = (one["pupil_id"] for one in (await authority.roll(sent))["results"])
    left_out = ["date_of_birth", "flags", "contacts", "family_name"]
    await agree(authority, redactions=left_out)
    for path in (f"/v1/pupils/{child}", f"/v1/pupils/{child}/contacts", f"/v1/schools/{URN}/roll"):
        whole = await authority.client.get(path)
        shown = await authority.client.get(path, headers=CALLER)
        assert shown.headers["redacted"] == "contacts, date_of_birth, family_name, flags"
        assert "redacted" not in whole.headers
        assert "given_name" in shown.text
        for name in left_out:
            assert f'"{name}"' not in shown.text


@pytest.mark.parametrize(
    ("left_out", "path"),
    [
        ("flags", f"/v1/schools/{URN}/flags"),
        ("social_workers", f"/v1/schools/{URN}/flags"),
        ("siblings", f"/v1/pupils/{UNKNOWN}/siblings"),
    ],
)
async def test_a_list_that_tells_by_who_is_in_it_is_refused(authority: Authority, left_out: str, path: str) -> None:
    await authority.school()
    await agree(authority, redactions=[left_out])
    refusal = await authority.ask("GET", path, 403, headers=CALLER)
    assert (refusal["type"], refusal["detail"]) == ("/problems/redacted", f"Left out for this client: {left_out}.")


async def test_a_upn_by_which_nobody_is_found_is_left_out_as_any(authority: Authority) -> None:
    await authority.school()
    await authority.register([{"upn": "H869200124007", "code": "/"}])
    await agree(authority, redactions=["upn"])
    path = f"/v1/schools/{URN}/quarantine"
    assert "H869200124007" in (await authority.client.get(path)).text
    (waiting,) = (await authority.ask("GET", path, headers=CALLER))["items"]
    assert waiting["key"] == {"kind": "upn"}
