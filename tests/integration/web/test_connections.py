"""What one connection may cost, on a real server with real sockets: whoever takes too long or sends too much is cut."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import pytest
import uvloop
from common.run import listen, server
from common.web.protocol import Bounds, bounded
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

QUICK = Bounds(head_seconds=0.5, window_seconds=0.5, linger_seconds=0.5, window_bytes=50)
GIVEN_UP = 20.0
"""Within this everything that is cut is cut."""


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/answer")
    async def answer() -> dict[str, bool]:
        return {"answered": True}

    @app.put("/body")
    async def body(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.put("/slow-body")
    async def slow_body(request: Request) -> dict[str, int]:
        await asyncio.sleep(0.3)
        return {"bytes": len(await request.body())}

    @app.put("/patient")
    async def patient(request: Request) -> dict[str, int]:
        await asyncio.sleep(2.5)  # it has no turn yet, so nobody is asked to go on
        return {"bytes": len(await request.body())}

    @app.put("/refused")
    async def refused() -> Response:
        return Response("no", 413, {"connection": "close"})

    @app.put("/unread")
    async def unread() -> Response:
        return Response("no", 401)

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)

        return StreamingResponse(parts())

    @app.get("/slow")
    async def slow(seconds: float) -> dict[str, bool]:
        await asyncio.sleep(seconds)
        return {"answered": True}

    return app


class Peer:
    """A client by hand."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self) -> "Peer":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        return self

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int((await self.reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while line := (await self.reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def is_cut(self) -> bool:
        """Waits until the server has closed; what it still says is passed over."""
        try:
            while await self.reader.read(65536):
                continue
        except ConnectionError:
            pass
        return True

    async def get(self, path: str = "/answer") -> int:
        await self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return (await self.answer())[0]


Connect = Callable[[], Any]


@asynccontextmanager
async def serving(bounds: Bounds = QUICK) -> AsyncIterator[Connect]:
    """A server in a thread of its own, on the loop that the product has."""
    listener = listen("127.0.0.1", 0)
    http = server(application(), bounded(bounds))

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(http.serve([listener]))

    running = asyncio.create_task(asyncio.to_thread(serve))
    peers: list[Peer] = []

    async def connect() -> Peer:
        peers.append(await Peer(listener.getsockname()[1]).connect())
        return peers[-1]

    try:
        async with asyncio.timeout(GIVEN_UP * 3):
            yield connect
    finally:
        for peer in peers:
            peer.writer.close()
        http.should_exit = True
        await running


def problem(answer: tuple[int, dict[str, str], bytes], status: int, kind: str) -> None:
    assert answer[0] == status
    assert answer[1]["content-type"] == "application/problem+json"
    assert answer[1]["connection"] == "close"
    assert json.loads(answer[2])["type"] == f"/problems/{kind}"


async def pour(peer: Peer, most: int = 1_000_000_000) -> int:
    """Sends as much as it can of a body; how many bytes that were."""
    sent = 0
    try:
        while sent < most:
            await peer.send(b"x" * 65536)
            sent += 65536
    except ConnectionError:
        return sent
    return sent


async def drip(peer: Peer, byte: bytes) -> None:
    """A byte every now and then, until the connection is cut."""
    try:
        while True:
            await peer.send(byte)
            await asyncio.sleep(0.05)
    except ConnectionError:
        return


async def test_a_head_that_drips_is_told_so_and_cut() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"GET /answer HTTP/1.1\r\nX: ")
        dripping = asyncio.create_task(drip(peer, b"x"))
        problem(await peer.answer(), 408, "request-timeout")
        assert await peer.is_cut()
        await dripping


async def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        assert await (await connect()).is_cut()


@pytest.mark.parametrize("how", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
async def test_a_body_that_drips_is_told_so_and_cut(how: str) -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(f"PUT /body HTTP/1.1\r\nHost: x\r\n{how}\r\n\r\n".encode())
        dripping = asyncio.create_task(drip(peer, b"x" if "Length" in how else b"1\r\nx\r\n"))
        problem(await peer.answer(), 408, "request-timeout")
        assert await peer.is_cut()
        await dripping


async def test_a_body_that_keeps_coming_is_waited_for() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n")
        for _ in range(20):
            await peer.send(b"x" * 100)
            await asyncio.sleep(0.1)
        status, _, body = await peer.answer()
        assert (status, json.loads(body)) == (200, {"bytes": 2000})


async def test_a_slow_answer_of_ours_is_waited_for_and_the_connection_goes_on() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        assert await peer.get("/slow?seconds=2") == 200
        assert await peer.get() == 200


async def test_half_a_request_behind_one_that_is_answered_does_not_cut_that() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"GET /slow?seconds=2 HTTP/1.1\r\nHost: x\r\n\r\nGET /answer HTTP/1.1\r\n")
        assert (await peer.answer())[0] == 200
        problem(await peer.answer(), 408, "request-timeout")


def put(size: int, path: str = "/body") -> bytes:
    return f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size


@pytest.mark.parametrize("path", ["/body", "/slow-body"])
@pytest.mark.parametrize("size", [10, 60_000], ids=["small", "more than a head may be"])
@pytest.mark.parametrize("left", [0, 4, 40, 57], ids=["whole", "in the second's body", "in its head", "at its begin"])
async def test_two_requests_behind_one_another_have_their_answers(path: str, size: int, left: int) -> None:
    async with serving() as connect:
        peer = await connect()
        both = put(size, path) + put(8)
        cut = len(both) - left
        await peer.send(both[:cut])
        if left:
            await asyncio.sleep(0.05)
            first = await peer.answer()
            await peer.send(both[cut:])
        else:
            first = await peer.answer()
        second = await peer.answer()
        assert [json.loads(answer[2]) for answer in (first, second)] == [{"bytes": size}, {"bytes": 8}]
        assert await peer.get() == 200


@pytest.mark.parametrize(
    "wrong",
    [
        b"nonsense\r\n\r\n",
        b"GET /answer HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        b"PUT /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["no HTTP", "a long head", "no chunk"],
)
async def test_what_is_wrong_behind_a_request_does_not_take_its_answer_away(wrong: bytes) -> None:
    async with serving() as connect:
        peer = await connect()
        await peer.send(put(10, "/slow-body") + wrong)
        status, headers, content = await peer.answer()
        assert (status, json.loads(content), headers["connection"]) == (200, {"bytes": 10}, "close")
        assert await peer.is_cut()


async def test_who_is_to_wait_before_it_sends_a_body_is_waited_for() -> None:
    async with serving() as connect:
        peer = await connect()
        await peer.send(b"PUT /patient HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await peer.send(b"body")
        status, _, content = await peer.answer()
        assert (status, json.loads(content)) == (200, {"bytes": 4})


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        peer.writer.transport.pause_reading()
        await peer.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(2)
        peer.writer.transport.resume_reading()
        assert await peer.is_cut()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /answer HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"GET /answer HTTP/1.1\r\nX: " + b"y" * 33_000 + b"\r\n\r\n",
        b"GET /answer?" + b"y" * 33_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /answer HTTP/1.1\r\nX: " + b"y" * 1_000_000,
    ],
    ids=["a hundred and one", "a long one", "a long address", "one without an end"],
)
async def test_too_much_of_a_head_is_431_and_cut(head: bytes) -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(head)
        problem(await peer.answer(), 431, "headers-too-large")
        assert await peer.is_cut()


async def test_as_much_of_a_head_as_may_be_is_read() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        head = b"GET /answer HTTP/1.1\r\n" + b"X: y\r\n" * 98 + b"Y: " + b"y" * 31_000 + b"\r\n\r\n"
        for _ in range(3):
            await peer.send(head)
            assert (await peer.answer())[0] == 200


@pytest.mark.parametrize(
    "around",
    [b"1;" + b"x" * 200_000 + b"\r\n", b"0\r\nX: " + b"x" * 200_000, b"0\r\n" + b"X: y\r\n" * 3_000],
    ids=["an extension", "a trailer", "trailers"],
)
async def test_much_around_a_body_is_400_and_cut(around: bytes) -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + around)
        problem(await peer.answer(), 400, "malformed")
        assert await peer.is_cut()


async def test_a_body_of_single_bytes_in_chunks_is_read() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        chunks = b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"
        await peer.send(b"PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        status, _, body = await peer.answer()
        assert (status, json.loads(body)) == (200, {"bytes": 60_000})


@pytest.mark.parametrize("path", ["/refused", "/unread"])
async def test_who_is_refused_before_all_was_sent_hears_why_and_is_cut(path: str) -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n".encode())
        assert (await peer.answer())[0] in (413, 401)
        assert await pour(peer) < 100_000_000


async def test_who_is_refused_before_a_short_body_was_sent_may_go_on() -> None:
    """It was told of no end: its next request would meet a closed connection."""
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        for _ in range(2):
            await peer.send(b"PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
            status, headers, _ = await peer.answer()
            assert (status, headers.get("connection")) == (401, None)
            await peer.send(b"{}")
        assert await peer.get() == 200


async def test_the_rest_of_a_short_body_that_never_comes_is_not_waited_for() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        assert (await peer.answer())[0] == 401
        assert await peer.reader.read() == b"", "it has its answer already"


async def test_what_is_no_http_is_400() -> None:
    async with serving() as connect, asyncio.timeout(GIVEN_UP):
        peer = await connect()
        await peer.send(b"\x16\x03\x01 hello\r\n\r\n")
        problem(await peer.answer(), 400, "malformed")


async def test_connections_that_bring_nothing_make_room_for_those_that_do() -> None:
    async with serving(Bounds(connections=20)) as connect, asyncio.timeout(GIVEN_UP):
        known = await connect()
        assert await known.get() == 200
        silent = [await connect() for _ in range(60)]
        assert [await (await connect()).get() for _ in range(5)] == [200] * 5
        assert await known.get() == 200, "it had brought a request, so others went before it"
        cut = [asyncio.create_task(peer.is_cut()) for peer in silent]
        assert all([await one for one in islice(asyncio.as_completed(cut), 40)]), "which of them, is the same"


async def test_a_connection_that_is_being_answered_stays_and_one_too_many_is_told_so() -> None:
    async with serving(Bounds(connections=10)) as connect, asyncio.timeout(GIVEN_UP):
        busy = [await connect() for _ in range(10)]
        answers = [asyncio.create_task(peer.get("/slow?seconds=1")) for peer in busy]
        await asyncio.sleep(0.5)
        problem(await (await connect()).answer(), 503, "unavailable")
        assert await asyncio.gather(*answers) == [200] * 10
