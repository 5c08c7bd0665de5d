"""An issuer's keys: fetched once, again when they rotate, kept while the issuer is away. A real server serves them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from common import jwks
from common.errors import UnauthenticatedError, UnavailableError
from common.jwks import METADATA, REFRESH_SECONDS, RETRY_SECONDS, RemoteKeys
from common.scopes import AUDIENCE
from common.security import Verifier
from joserfc import jwt
from joserfc.jwk import ECKey


class IssuerServer:
    """Answers every request with `keys`, or its metadata, and counts them; 500 while `broken`; not at all while it
    may not; without end when it drips or floods.
    """

    def __init__(self) -> None:
        self.keys: list[ECKey] = []
        self.asked = 0
        self.broken = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""
        self.metadata: dict[str, str] = {}
        self.ended = asyncio.Event()
        self._news = asyncio.Event()
        self.answering: set[asyncio.Task[None]] = set()
        self.endless: tuple[bytes, float] | None = None
        """What it says again and again instead of an answer, and how long it pauses in between."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self._news.set()
        await self.may_answer.wait()
        if self.endless is not None:
            await self._go_on_for_ever(writer, *self.endless)
            return
        keys = {"keys": [key.as_dict(private=False) for key in self.keys]}
        body = json.dumps(self.metadata if METADATA.encode() in head else keys).encode()
        status = "500 Broken" if self.broken else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def was_asked(self, times: int) -> None:
        """Waits for that many requests in all."""
        while self.asked < times:
            self._news.clear()
            await self._news.wait()

    async def _go_on_for_ever(self, writer: asyncio.StreamWriter, part: bytes, pause: float) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            while not self.ended.is_set():
                writer.write(part)
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), pause)
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[IssuerServer]:
    issuer = IssuerServer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    async with server:
        yield issuer
        issuer.ended.set()
        issuer.may_answer.set()
        await asyncio.gather(*issuer.answering)


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


def telling(server: IssuerServer, **changed: str) -> str:
    """The issuer's name, once its metadata tell where its keys are."""
    name = server.url.removesuffix("/jwks")
    server.metadata = {"issuer": name, "jwks_uri": server.url, **changed}
    return name


async def test_an_issuer_says_itself_where_its_keys_are() -> None:
    async with serving() as issuer:
        first = key("first")
        issuer.keys = [first]
        keys = RemoteKeys(issuer=telling(issuer))
        assert (await Verifier(["us"], keys).verify(token(first))).subject == "s"
        assert issuer.asked == 2


async def test_an_issuer_that_moved_its_keys_is_followed() -> None:
    now = [0.0]
    async with serving() as issuer, serving() as other:
        first, second = key("first"), key("second")
        issuer.keys, other.keys = [first], [second]
        verifier = Verifier(["us"], RemoteKeys(issuer=telling(issuer), clock=lambda: now[0]))
        await verifier.verify(token(first))
        telling(issuer, jwks_uri=other.url)
        now[0] += RETRY_SECONDS + 1
        assert await verifier.verify(token(second))


async def test_the_metadata_of_another_issuer_are_not_believed() -> None:
    async with serving() as issuer:
        issuer.keys = [key("first")]
        keys = RemoteKeys(issuer=telling(issuer, issuer="https://somebody.else"))
        with pytest.raises(UnavailableError):
            await keys.for_key_id("first")
        assert issuer.asked == 1


@pytest.mark.parametrize(
    "endless", [(b"", 60.0), (b" ", 0.01), (b" " * 65536, 0.0)], ids=["silence", "a drip", "a flood"]
)
async def test_an_issuer_that_never_comes_to_an_end_is_given_up(
    endless: tuple[bytes, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.3)
    now = [0.0]
    async with serving() as issuer, asyncio.timeout(5):
        first = key("first")
        issuer.keys = [first]
        verifier = Verifier(["us"], RemoteKeys(issuer.url, clock=lambda: now[0]))
        await verifier.verify(token(first))
        issuer.endless = endless
        now[0] += RETRY_SECONDS + 1
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(token(key("second")))
        assert await verifier.verify(token(first)), "what is known stays good"


async def test_who_is_known_does_not_wait_for_keys_that_somebody_made_up() -> None:
    now = [0.0]
    async with serving() as issuer, asyncio.timeout(3):
        first = key("first")
        issuer.keys = [first]
        verifier = Verifier(["us"], RemoteKeys(issuer.url, clock=lambda: now[0]))
        await verifier.verify(token(first))
        issuer.may_answer.clear()
        now[0] += RETRY_SECONDS + 1
        forged = [asyncio.create_task(verifier.verify(token(key(f"made up {n}")))) for n in range(5)]
        await issuer.was_asked(2)
        claims = {"iss": "us", "aud": AUDIENCE, "sub": "other", "exp": 4_000_000_000, "scope": ""}
        assert await verifier.verify(jwt.encode({"alg": "ES256", "kid": "first"}, claims, first))
        issuer.may_answer.set()
        assert all(
            isinstance(found, UnauthenticatedError) for found in await asyncio.gather(*forged, return_exceptions=True)
        )
        assert issuer.asked == 2
