"""Tokens of a real Keycloak, which is told to us by its name alone."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import httpx
import pytest
from common.jwks import RETRY_SECONDS, RemoteKeys
from common.security import Caller, Verifier, any_token, needs, verifier_for
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from fastapi import APIRouter

from tests.keycloak.server import Keycloak, keycloak

pytestmark = pytest.mark.timeout(600)  # it is fetched and built, the first time

router = APIRouter()


@router.get("/v1/caller")
async def caller(caller: Annotated[Caller, any_token()]) -> dict[str, object]:
    return {"client": caller.client_id, "scopes": sorted(caller.scopes), "schools": sorted(caller.reach.schools or ())}


@router.get("/v1/registers")
async def registers(caller: Annotated[Caller, needs("registers:write")]) -> dict[str, object]:
    return {}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Keycloak]:
    with keycloak() as server:
        yield server


def ask(verifier: Verifier) -> httpx.AsyncClient:
    app = create_app([Service("things", router)], Settings(database_url=""), verifier)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rollcall")


@pytest.fixture
async def client(issuer: Keycloak) -> AsyncIterator[httpx.AsyncClient]:
    async with ask(verifier_for(Settings(database_url="", issuer=issuer.issuer))) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_its_clients_get_in_with_their_scopes_and_schools(issuer: Keycloak, client: httpx.AsyncClient) -> None:
    token = issuer.token("mis-vendor", "registers:write registers:read")
    answer = await client.get("/v1/caller", headers=bearer(token))
    assert answer.json() == {
        "client": "mis-vendor",
        "scopes": ["registers:read", "registers:write"],
        "schools": [100001, 100002],
    }
    assert (await client.get("/v1/registers", headers=bearer(token))).status_code == 200


async def test_a_token_without_the_scope_is_403(issuer: Keycloak, client: httpx.AsyncClient) -> None:
    token = issuer.token("mis-vendor", "registers:read")
    assert (await client.get("/v1/registers", headers=bearer(token))).status_code == 403


async def test_a_token_for_another_audience_is_401(issuer: Keycloak, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/caller", headers=bearer(issuer.token("canteen", "registers:write")))
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/unauthenticated"


async def test_a_token_whose_signature_is_another_tokens_is_401(issuer: Keycloak, client: httpx.AsyncClient) -> None:
    ours, theirs = issuer.token("mis-vendor", "registers:write"), issuer.token("canteen", "registers:write")
    mixed = f"{theirs.rpartition('.')[0]}.{ours.rpartition('.')[2]}"
    assert (await client.get("/v1/caller", headers=bearer(mixed))).status_code == 401


async def test_keys_that_rotate_while_we_run_are_followed(issuer: Keycloak) -> None:
    now = [0.0]
    verifier = Verifier([issuer.issuer], RemoteKeys(issuer=issuer.issuer, clock=lambda: now[0]))
    async with ask(verifier) as client:
        before = issuer.token("mis-vendor", "registers:write")
        assert (await client.get("/v1/registers", headers=bearer(before))).status_code == 200
        other = issuer.token("mis-vendor", "registers:write")
        issuer.rotate_keys()
        after = issuer.token("mis-vendor", "registers:write")
        assert (await client.get("/v1/registers", headers=bearer(after))).status_code == 401, "asked a moment ago"
        now[0] += RETRY_SECONDS + 1
        assert (await client.get("/v1/registers", headers=bearer(after))).status_code == 200
        now[0] += RETRY_SECONDS + 1
        assert (await client.get("/v1/registers", headers=bearer(other))).status_code == 401, "its key is gone"
