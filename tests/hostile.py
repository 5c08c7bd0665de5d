"""Clients that nobody wants: `python -m tests.hostile URL TOKEN [KIND …]` lets them loose until it is ended.

`flood`: 64 connections that ask and write as fast as they can, whatever the answer. `loris`: 300 connections whose
requests never come to an end, a byte at a time, some in the head and some in the body; one that is cut is made anew.
`giant`: bodies of a gigabyte, with a length, in chunks, and without a token. All have one token: they are one client.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

CONNECTIONS, LORISES = 64, 300
GIGABYTE = 1_000_000_000
DRIP_SECONDS = 1.0
PART = b" " * 65536
URN = 100000
READ = f"GET /v1/schools/{URN}/registers/2025-09-02/AM HTTP/1.1"
WRITE = f"PUT /v1/schools/{URN}/registers/2025-09-02/AM HTTP/1.1"
KINDS = ("flood", "loris", "giant")


class Hostile:
    """All of them, against one address."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._bearer = f"Authorization: Bearer {token}\r\n"
        self._common = f"Host: {self._host}\r\nContent-Type: application/json\r\n"
        self.answered = 0

    async def run(self, kinds: tuple[str, ...] = KINDS) -> None:
        """Until it is cancelled."""
        clients: dict[str, list[Callable[[int], Awaitable[None]]]] = {
            "flood": [self._flooding] * CONNECTIONS,
            "loris": [self._dripping] * LORISES,
            "giant": [self._pouring] * 3,
        }
        wanted = [(client, number) for kind in kinds for number, client in enumerate(clients[kind])]
        await asyncio.gather(*(_again_and_again(client, number) for client, number in wanted))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    async def _flooding(self, number: int) -> None:
        reader, writer = await self._connect()
        body = json.dumps({"marks": [{"local_id": str(n), "code": "/"} for n in range(30)]}).encode()
        lines = [READ, WRITE] if number % 2 else [READ]
        with contextlib.closing(writer):
            while True:
                for line in lines:
                    sent = body if line is WRITE else b""
                    head = f"{line}\r\n{self._common}{self._bearer}Content-Length: {len(sent)}\r\n\r\n"
                    writer.write(head.encode() + sent)
                    await _read_answer(reader)
                    self.answered += 1

    async def _dripping(self, number: int) -> None:
        _, writer = await self._connect()
        token = self._bearer if number % 3 else ""
        in_body = f"{self._common}{token}Content-Length: 100000\r\n\r\n" if number % 2 else "X-Slow: "
        with contextlib.closing(writer):
            writer.write(f"{WRITE}\r\n{in_body}".encode())
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(DRIP_SECONDS)

    async def _pouring(self, number: int) -> None:
        reader, writer = await self._connect()
        chunked, token = number == 1, "" if number == 2 else self._bearer
        how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
        part = b"10000\r\n" + PART + b"\r\n" if chunked else PART
        with contextlib.closing(writer):
            writer.write(f"{WRITE}\r\n{self._common}{token}{how}\r\n\r\n".encode())
            sent = 0
            while sent < GIGABYTE and not writer.is_closing():
                writer.write(part)
                await writer.drain()
                sent += len(PART)
            await reader.read(100)
            self.answered += 1


async def _again_and_again(client: Callable[[int], Awaitable[None]], number: int) -> None:
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            await client(number)
        await asyncio.sleep(0.05)


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))


if __name__ == "__main__":
    os.nice(10)  # it stands for other machines, which do not take our cores
    asyncio.run(Hostile(sys.argv[1], sys.argv[2]).run(tuple(sys.argv[3:]) or KINDS))
