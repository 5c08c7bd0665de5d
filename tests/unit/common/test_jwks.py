"""An issuer's keys: fetched once, again when they rotate, kept while the issuer is away. A real server serves them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from common.errors import UnauthenticatedError, UnavailableError
from common.jwks import REFRESH_SECONDS, RETRY_SECONDS, RemoteKeys
from common.scopes import AUDIENCE
from common.security import Verifier
from joserfc import jwt
from joserfc.jwk import ECKey


class IssuerServer:
    """Answers every request with `keys`; counts them; 500 while `broken`; not at all while it may not."""

    def __init__(self) -> None:
        self.keys: list[ECKey] = []
        self.asked = 0
        self.broken = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.may_answer.wait()
        body = json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()
        status = "500 Broken" if self.broken else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[IssuerServer]:
    issuer = IssuerServer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    async with server:
        yield issuer


def key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name})


def token(signer: ECKey) -> str:
    claims = {"iss": "us", "aud": AUDIENCE, "sub": "s", "exp": 4_000_000_000, "scope": ""}
    return jwt.encode({"alg": "ES256", "kid": signer.kid}, claims, signer)


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    async with serving() as issuer:
        first = key("first")
        issuer.keys = [first]
        verifier = Verifier(["us"], RemoteKeys(issuer.url))
        await asyncio.gather(*(verifier.verify(token(first)) for _ in range(20)))
        assert issuer.asked == 1


async def test_a_key_that_came_since_is_fetched_and_an_unheard_of_one_is_not_asked_for_again_and_again() -> None:
    now = [0.0]
    async with serving() as issuer:
        first, second = key("first"), key("second")
        issuer.keys = [first]
        verifier = Verifier(["us"], RemoteKeys(issuer.url, clock=lambda: now[0]))
        await verifier.verify(token(first))
        issuer.keys = [first, second]
        now[0] += RETRY_SECONDS + 1
        await verifier.verify(token(second))
        for _ in range(5):
            with pytest.raises(UnauthenticatedError):
                await verifier.verify(token(key("third")))
        assert issuer.asked == 2


async def test_known_keys_stay_good_while_the_issuer_is_away() -> None:
    now = [0.0]
    async with serving() as issuer:
        first = key("first")
        issuer.keys = [first]
        keys = RemoteKeys(issuer.url, clock=lambda: now[0])
        await Verifier(["us"], keys).verify(token(first))
        issuer.broken = True
        now[0] += REFRESH_SECONDS + 1
        assert await Verifier(["us"], keys).verify(token(first))


async def test_nobody_waits_for_keys_that_are_fetched_again() -> None:
    now = [0.0]
    async with serving() as issuer:
        first, second = key("first"), key("second")
        issuer.keys = [first]
        verifier = Verifier(["us"], RemoteKeys(issuer.url, clock=lambda: now[0]))
        await verifier.verify(token(first))
        issuer.keys = [second]
        issuer.may_answer.clear()
        now[0] += REFRESH_SECONDS + 1
        async with asyncio.timeout(3):
            for _ in range(5):
                assert await verifier.verify(token(first))
        issuer.may_answer.set()
        assert await verifier.verify(token(second))
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(token(first))
        assert issuer.asked == 2


async def test_without_any_key_the_answer_is_not_now() -> None:
    async with serving() as issuer:
        issuer.broken = True
        with pytest.raises(UnavailableError):
            await Verifier(["us"], RemoteKeys(issuer.url)).verify(token(key("first")))
