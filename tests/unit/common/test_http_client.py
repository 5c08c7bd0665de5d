"""Asking another service, against a real server that behaves as badly as servers do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from common.errors import NotFoundError, UnavailableError
from common.http_client import ServiceClient
from common.settings import Settings

Answer = tuple[str, str]
TOKEN = '{"access_token": "token-%d", "expires_in": 900}'


class Other:
    """Issuer and service in one; `answers` says what each path gives, `asked` what came: method, path, token."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], Answer]] = {}
        self.asked: list[tuple[str, str]] = []
        self.tokens = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split()
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append((path, headers.get("authorization", "")))
        if method == "POST":
            self.tokens += 1
            status, body = "200 OK", TOKEN % self.tokens
        else:
            status, body = self.answers[path]()
        extra = f"Location: {body}\r\n" if status.startswith("308") else ""
        reply = f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        writer.write(reply.encode())
        await writer.drain()
        writer.close()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked if path != "/oauth/token"]


@asynccontextmanager
async def other() -> AsyncIterator[tuple[Other, ServiceClient]]:
    served = Other()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = Settings(
        database_url="",
        registers_url=url,
        token_url=f"{url}/oauth/token",
        client_id="rollcall-services",
        client_secret="a secret",
    )
    client = ServiceClient.to_registers(settings)
    async with server:
        yield served, client
    await client.close()


def in_turn(*answers: Answer) -> Callable[[], Answer]:
    remaining = list(answers)
    return lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0]


async def test_one_token_serves_many_questions() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("200 OK", '{"found": 1}'))
        assert [await client.get("/v1/x") for _ in range(3)] == [{"found": 1}] * 3
        assert served.tokens == 1
        assert served.asked[0][1].startswith("basic ")
        assert served.asked[-1][1] == "bearer token-1"


async def test_a_token_that_was_refused_is_renewed_once() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("401 Unauthorized", ""), ("200 OK", "[]"))
        assert await client.get("/v1/x") == []
        assert served.tokens == 2
        assert served.asked[-1][1] == "bearer token-2"


async def test_what_passes_is_tried_again() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("503 Later", ""), ("200 OK", "{}"))
        assert await client.get("/v1/x") == {}
        assert len(served.paths()) == 2


async def test_what_stays_is_not_now() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("500 Broken", ""))
        with pytest.raises(UnavailableError):
            await client.get("/v1/x")
        assert len(served.paths()) == 3


async def test_a_refusal_is_not_now_either_and_is_not_tried_again() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("403 Forbidden", ""))
        with pytest.raises(UnavailableError):
            await client.get("/v1/x")
        assert len(served.paths()) == 1


async def test_what_is_not_there_is_said_at_once() -> None:
    async with other() as (served, client):
        served.answers["/v1/x"] = in_turn(("404 Not Found", ""))
        with pytest.raises(NotFoundError):
            await client.get("/v1/x")
        assert len(served.paths()) == 1


async def test_a_dead_childs_address_leads_to_the_living_one() -> None:
    async with other() as (served, client):
        served.answers["/v1/dead"] = in_turn(("308 Moved", "/v1/living"))
        served.answers["/v1/living"] = in_turn(("200 OK", '{"pupil_id": "living"}'))
        assert await client.get("/v1/dead") == {"pupil_id": "living"}
        assert served.asked[-1] == ("/v1/living", "bearer token-1")


async def test_nobody_there_is_not_now() -> None:
    nowhere = "http://127.0.0.1:9"
    settings = Settings(database_url="", registers_url=nowhere, token_url=nowhere, client_id="a", client_secret="b")
    client = ServiceClient.to_registers(settings)
    with pytest.raises(UnavailableError):
        await client.get("/v1/x")
    await client.close()


def test_a_client_without_credentials_is_refused() -> None:
    with pytest.raises(ValueError, match="client_id"):
        ServiceClient.to_registers(Settings(database_url=""))
