"""The development issuer as a process: tokens by client credentials, errors as RFC 6749 wants them."""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from common.jwks import RemoteKeys
from common.scopes import SCOPES
from common.security import Verifier

from tests.e2e.product import Process, eventually, free_port, rollcall, token_from


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    environment = {"ROLLCALL_CLIENT_ID": "mis-vendor", "ROLLCALL_CLIENT_SECRET": "its secret"}
    process = Process("issuer", "--data", str(folder), "--port", str(free_port()), environment=environment)
    yield process.wait_ready()
    assert process.stop() == 0


def ask(
    url: str, form: Mapping[str, str], client: tuple[str, str] | None = ("mis-vendor", "its secret")
) -> httpx.Response:
    return httpx.post(f"{url}/oauth/token", data={"grant_type": "client_credentials", **form}, auth=client)


async def metadata_of(url: str) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        return dict((await client.get(f"{url}/.well-known/openid-configuration")).json())


async def test_a_client_gets_a_token_that_holds_for_fifteen_minutes(url: str) -> None:
    answer = ask(url, {"scope": "registers:write totals:read"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 900)
    metadata = await metadata_of(url)
    assert metadata["issuer"] == url
    caller = await Verifier([metadata["issuer"]], RemoteKeys(metadata["jwks_uri"])).verify(document["access_token"])
    assert caller.scopes == {"registers:write", "totals:read"}
    assert caller.subject == "mis-vendor"


def test_the_services_own_client_is_in_the_folder(url: str, folder: Path) -> None:
    client = json.loads((folder / "issuer.json").read_text())["service_client"]
    assert ask(url, {"scope": "pupils:read"}, (client["id"], client["secret"])).status_code == 200


async def test_the_commands_tokens_hold_with_this_issuer(url: str, folder: Path) -> None:
    token = token_from(folder)("cases:read", [100001])
    caller = await Verifier([url], RemoteKeys(f"{url}/.well-known/jwks.json")).verify(token)
    assert caller.reach.schools == {100001}


@pytest.mark.parametrize("client", [None, ("mis-vendor", "another"), ("nobody", "its secret"), ("", "")])
def test_an_unknown_client_is_401(url: str, client: tuple[str, str] | None) -> None:
    answer = ask(url, {}, client)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_an_unknown_scope_is_told_which_there_are_in_characters_that_a_description_may_hold(url: str) -> None:
    answer = ask(url, {"scope": 'totals:read b\u00f6gus"\\'})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    description = answer.json()["error_description"]
    assert all(known in description for known in SCOPES)
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", description)  # RFC 6749, 5.2


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_what_is_not_granted_has_its_error(url: str, form: dict[str, str], error: str) -> None:
    answer = ask(url, form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"\xff=\xff", "application/x-www-form-urlencoded"),
        (b"a=1&" * 50, "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
    ],
)
def test_a_form_that_can_not_be_read_is_an_invalid_request(url: str, content: bytes, kind: str) -> None:
    auth = ("mis-vendor", "its secret")
    answer = httpx.post(f"{url}/oauth/token", content=content, headers={"content-type": kind}, auth=auth)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_its_public_keys_hold_no_private_part(url: str) -> None:
    for key in httpx.get(f"{url}/.well-known/jwks.json").json()["keys"]:
        assert "d" not in key
        assert key["use"] == "sig"


@pytest.fixture(scope="module")
def vendor(folder: Path, url: str) -> tuple[str, str]:
    """A client of the list, added while the issuer runs."""
    scopes = "registers:write totals:read"
    words = ["--data", str(folder), "--scope", scopes, "--school", "100001"]
    name = "listed-vendor"
    return name, rollcall("clients", "add", name, *words).strip()


async def test_a_listed_client_gets_tokens_for_what_it_may_and_for_its_schools(
    url: str, vendor: tuple[str, str]
) -> None:
    answer = eventually(lambda: (got := ask(url, {}, vendor)).status_code == 200 and got)
    assert answer.json()["scope"] == "registers:write totals:read"
    caller = await Verifier([url], RemoteKeys(issuer=url)).verify(answer.json()["access_token"])
    assert (caller.client_id, caller.reach.schools) == ("listed-vendor", {100001})
    more = ask(url, {"scope": "totals:read letters:read"}, vendor)
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert "letters:read" not in more.json()["error_description"]
    assert ask(url, {}, (vendor[0], "another secret")).status_code == 401


def test_guessing_a_secret_holds_nobody_up_but_who_wants_a_token(url: str, vendor: tuple[str, str]) -> None:
    with ThreadPoolExecutor(16) as guessing:
        guesses = [guessing.submit(ask, url, {}, (vendor[0], f"guess {n}")) for n in range(32)]
        assert httpx.get(f"{url}/health/live").status_code == 200
        assert not all(guess.done() for guess in guesses)
        assert {guess.result().status_code for guess in guesses} == {401}


def test_a_revoked_client_gets_no_token_within_a_second_or_two(url: str, folder: Path, vendor: tuple[str, str]) -> None:
    rollcall("clients", "revoke", vendor[0], "--data", str(folder))
    eventually(lambda: ask(url, {}, vendor).status_code == 401, seconds=5)
