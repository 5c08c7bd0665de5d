"""A cheap sender of registers: bare asyncio, kept-alive connections, one request in flight on each.

`closed_loop` keeps every connection busy; `open_loop` starts each request at its scheduled time, whatever the earlier
ones are doing, and measures from that time, so that a stall counts for all that it delays. Answers are kept as bytes
and read afterwards: the sender shares its cores with what it measures.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send; `body` empty for a GET."""

    path: str
    body: bytes = b""
    method: str = "PUT"


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer: its body, and when it was complete (seconds of `time.perf_counter`)."""

    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        self._headers = f"Host: {self._host}\r\nContent-Type: application/json\r\nPrefer: wait=30\r\n{bearer}"

    async def open(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def send(self, request: Request) -> Answer:
        """The answer; RuntimeError for anything but 2xx."""
        head = f"{request.method} {request.path} HTTP/1.1\r\n{self._headers}Content-Length: {len(request.body)}\r\n\r\n"
        self._writer.write(head.encode() + request.body)
        status = await self._reader.readline()
        length = 0
        while (line := await self._reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = await self._reader.readexactly(length)
        if status.split()[1:2][0][:1] != b"2":
            raise RuntimeError(f"{request.method} {request.path}: {status.decode()}{body[:500].decode()}")
        return Answer(body, time.perf_counter())

    def close(self) -> None:
        self._writer.close()


async def closed_loop(url: str, token: str | None, work: Iterable[Request], connections: int = 16) -> list[Answer]:
    """Sends all of `work`, each connection taking the next request when its last is answered."""
    waiting = iter(work)
    answers: list[Answer] = []

    async def one(connection: Connection) -> None:
        for request in waiting:
            answers.append(await connection.send(request))

    opened = [await Connection(url, token).open() for _ in range(connections)]
    try:
        await asyncio.gather(*(one(connection) for connection in opened))
    finally:
        for connection in opened:
            connection.close()
    return answers


class OpenLoop:
    """Sends on a schedule over a pool that grows when every connection is busy."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._idle: list[Connection] = []

    async def send(self, request: Request) -> Answer:
        connection = self._idle.pop() if self._idle else await Connection(self._url, self._token).open()
        answer = await connection.send(request)
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def wait_for_engine(url: str, token: str, reader: str, sequences: dict[int, int]) -> float:
    """Returns, with the time, once the engine has counted every school's ledger; `reader` is any pupil's id."""
    behind = "&".join(f"at_least={urn}:{number}" for urn, number in sequences.items())
    request = Request(f"/v1/pupils/{reader}/absence?academic_year=2025-26&{behind}", method="GET")
    connection = await Connection(url, token).open()
    try:
        return (await connection.send(request)).at
    finally:
        connection.close()


def last_sequences(answers: Sequence[Answer], accepted_only: bool) -> dict[int, int]:
    """Each school's highest ledger number; RuntimeError when a mark was not simply accepted, if that is asked."""
    sequences: dict[int, int] = {}
    for answer in answers:
        body = answer.json()
        if accepted_only and any(mark["status"] != "accepted" for mark in body["marks"]):
            raise RuntimeError(f"the run is void, a mark was not accepted: {answer.body[:500].decode()}")
        sequences[body["school_urn"]] = max(sequences.get(body["school_urn"], 0), body["sequence"])
    return sequences
