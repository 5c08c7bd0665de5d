"""The measuring itself is right: the open loop sees stalls, CPU and memory are those of the processes meant."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from statistics import quantiles

import pytest

from tests.bench import load, processes
from tests.bench.load import OpenLoop, Request
from tests.bench.report import Figure


@contextlib.asynccontextmanager
async def server(stall_every: float = 0.0, stall: float = 0.0) -> AsyncIterator[str]:
    """Answers every request with its method and path; stops answering for `stall` of every `stall_every` seconds."""
    began = time.perf_counter()

    handlers: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length:")[1].split()[0])
                await reader.readexactly(length)
                if stall_every and (into := (time.perf_counter() - began) % stall_every) < stall:
                    await asyncio.sleep(stall - into)
                body = json.dumps(head.split()[:2]).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await asyncio.gather(*(handler for handler in handlers if handler))


async def test_the_closed_loop_sends_each_request_once() -> None:
    work = [Request(f"/{number}", b"{}") for number in range(200)]
    async with server() as url:
        answers = await load.closed_loop(url, "token", work, connections=4)
    assert sorted(answer.json()[1] for answer in answers) == sorted(request.path for request in work)


async def test_a_refusal_ends_the_run() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    with pytest.raises(RuntimeError, match="404"):
        await load.closed_loop(url, None, [Request("/x")], connections=1)
    listening.close()


async def test_the_open_loop_counts_a_stall_for_everything_that_it_delays() -> None:
    """A fifth of the time stalled: a sender that waits for answers would hide it (p90 of a few ms)."""
    async with server(stall_every=1.0, stall=0.2) as url:
        sender = OpenLoop(url, "token")
        began = time.perf_counter()

        async def one(due: float) -> float:
            return (await sender.send(Request("/x", method="GET"))).at - due

        sent: list[asyncio.Task[float]] = []
        for number in range(600):
            due = began + number / 200
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent.append(asyncio.create_task(one(due)))
        seconds = await asyncio.gather(*sent)
        sender.close()
    p90 = quantiles(seconds, n=10)[8]
    assert 0.06 < p90 < 0.25


def test_cpu_seconds_are_those_of_the_process_and_its_children_living_and_dead() -> None:
    burn = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass\n"
    child = f"subprocess.run([sys.executable, '-c', {burn!r}])"
    script = f"import subprocess, sys\n{burn}{child}\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 0.75 < processes.cpu_seconds([process.pid]) < 2.0
        process.communicate(b"\n")


def test_memory_of_a_process_is_at_least_what_it_filled() -> None:
    script = "block = bytearray(b'x') * (64 << 20)\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 64 < processes.pss_mib([process.pid]) < 120
        assert process.pid in processes.family([os.getpid()])
        process.communicate(b"\n")


def test_a_figure_says_whether_it_holds() -> None:
    assert Figure("rate", "x", 1.6, 1.5).holds
    assert not Figure("rate", "x", 1.4, 1.5).holds
    assert str(Figure("start", "s", 6.5, 6, at_most=True)).startswith("MISS start: 6.50 s (at most 6)")
