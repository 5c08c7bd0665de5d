"""`rollcall conformance`: listens, passes on to a sandbox until told to stop, and prints what it has seen."""

import argparse
import asyncio
import contextlib
import json
from collections.abc import Generator
from pathlib import Path

import httpx
import uvicorn
from common.run import listen, stop_on_signals

from rollcall.cli import CommandError, port_taken
from rollcall.conformance.proxy import Droppable, Proxy
from rollcall.conformance.report import Report

HOST = "127.0.0.1"
LOOK_SECONDS = 0.1


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the end is decided here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def main(options: argparse.Namespace) -> int:
    """Exit status: 0 when nothing was wrong and all that is needed was seen, else 1."""
    url = httpx.URL(options.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise CommandError("--url is the address of a sandbox: http://127.0.0.1:8080")
    return asyncio.run(_run(options, url))


async def _run(options: argparse.Namespace, url: httpx.URL) -> int:
    try:
        listener = listen(HOST, options.listen)
    except (OSError, OverflowError) as error:
        raise port_taken(options.listen, error) from error
    stop = stop_on_signals()
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=httpx.Limits(max_connections=100)) as sandbox:
        proxy = Proxy(sandbox, options.retry_after)
        config = uvicorn.Config(
            proxy, http=Droppable, ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, date_header=False, timeout_graceful_shutdown=3,
        )  # fmt: skip
        server = _Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        print(f"ready http://{HOST}:{listener.getsockname()[1]}", flush=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), options.minutes * 60 if options.minutes else None)
        server.should_exit = True
        await serving
    report = Report(proxy.exchanges, options.retry_after)
    if options.json:
        await asyncio.to_thread(_write, options.json, report)
    print(report.text(), flush=True)
    return 0 if report.conforms else 1


def _write(path: Path, report: Report) -> None:
    path.write_text(json.dumps(report.json(), indent=1) + "\n", encoding="utf-8")
