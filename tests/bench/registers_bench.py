"""What one `PUT` of a register costs registers alone: CPU milliseconds of Python and of PostgreSQL, 30 marks each.

    python -m tests.bench.registers_bench [--registers 2000] [--days 1] [--profile FILE]

The service runs without relay in a process of its own; a sender keeps 16 connections busy. CPU time, not wall time: the
figure holds on a shared machine. `--days 190` fills the tables with a year first, to see whether size matters.
"""

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import multiprocessing
import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from common.access.directory import open_directory
from common.clock import Clock
from common.db import Database
from common.migrate import migrate
from common.scopes import AUDIENCE
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests import servers
from tests.bench import load, processes
from tests.bench.load import Request
from tests.keys import KEYRING

CLASSES, SIZE, SCHOOLS = 200, 30, 20
FIRST_DAY = date(2025, 9, 1)
SCOPES = "registers:write registers:read pupils:write"


async def serve(url: str, port: int, key: dict[str, Any]) -> None:
    """The service, until the process is ended."""
    from registers import api
    from registers.actions.batches import Batches
    from registers.actions.consumers import Consumers
    from registers.actions.recording import Recorder
    from registers.actions.writing import Writer
    from registers.api.context import Context

    database = await Database.open(url, keyring=KEYRING)
    clock = Clock(fixed_today=date(2026, 8, 1))
    writer = Writer(database, clock, lambda: None)
    directory = await open_directory(database, "registers")
    agreements = Consumers(database, clock, directory, writer.wake)
    context = Context(database, clock, writer, Recorder(database, clock, writer.wake), agreements)
    stop = asyncio.Event()
    batches = asyncio.create_task(Batches(database, clock, writer.wake, context.batches).run(stop))
    keys = KeySet.import_key_set({"keys": [key]})
    service = Service(name="registers", router=api.create_router(context), streams=api.STREAMS, consumers=directory)
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    config = uvicorn.Config(
        app,
        port=port,
        log_level="warning",
        access_log=False,
        http="httptools",
        proxy_headers=False,
        server_header=False,
    )
    server = _Server(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: setattr(server, "should_exit", True))
    await server.serve()
    stop.set()
    await batches


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: it would end the process before the profile is written."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_service(url: str, port: int, key: dict[str, Any], profile: str | None) -> None:
    import uvloop
    from common.logs import configure_logging

    configure_logging("warning")
    gc.set_threshold(50_000, 20, 100)  # as the product does
    profiler = cProfile.Profile() if profile else None
    if profiler is not None:
        profiler.enable()
    uvloop.run(serve(url, port, key))
    if profiler is not None and profile is not None:
        profiler.disable()
        profiler.dump_stats(profile)


def school_days(count: int) -> list[date]:
    days = (FIRST_DAY + timedelta(days=n) for n in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


async def prepare(url: str, token: str, days: list[date]) -> list[list[str]]:
    """Schools, calendars and rolls; the pupil ids of each class."""
    requests: list[Request] = []
    open_days = [{"date": day.isoformat(), "sessions": ["AM", "PM"]} for day in days]
    for urn in range(100000, 100000 + SCHOOLS):
        school = {"name": f"School {urn}", "la_code": "330", "laestab": "3302001", "phase": "primary"}
        pupils = [
            {
                "local_id": str(n), "given_name": "Sam", "family_name": "Child", "date_of_birth": "2014-03-09",
                "enrolment": {"from": "2025-09-01", "to": None, "kind": "single"},
            }
            for n in range(CLASSES // SCHOOLS * SIZE)
        ]  # fmt: skip
        requests += [
            Request(f"/v1/schools/{urn}", json.dumps(school).encode()),
            Request(f"/v1/schools/{urn}/calendars/2025-26", json.dumps({"days": open_days}).encode()),
            Request(f"/v1/schools/{urn}/roll", json.dumps({"pupils": pupils}).encode()),
        ]
    answers = await load.closed_loop(url, token, requests, connections=1)
    ids = [row["pupil_id"] for answer in answers[2::3] for row in answer.json()["results"]]
    return [ids[at : at + SIZE] for at in range(0, len(ids), SIZE)]


def registers(rooms: list[list[str]], days: list[date]) -> Iterator[Request]:
    for day in days:
        for half in ("AM", "PM"):
            for room, pupils in enumerate(rooms):
                marks = [{"pupil_id": pupil, "code": "/" if n % 9 else "I"} for n, pupil in enumerate(pupils)]
                path = f"/v1/schools/{100000 + room // (CLASSES // SCHOOLS)}/registers/{day}/{half}"
                yield Request(path, json.dumps({"marks": marks}).encode())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--registers", type=int, default=2000)
    arguments.add_argument("--days", type=int, default=1, help="school days to fill before measuring")
    arguments.add_argument("--profile", help="write the service's cProfile statistics to this file")
    options = arguments.parse_args()
    key = ECKey.generate_key("P-256", {"kid": "k"})
    claims = {"iss": "us", "aud": AUDIENCE, "sub": "bench", "exp": int(time.time()) + 36000, "scope": SCOPES}
    token = jwt.encode({"alg": "ES256", "kid": "k"}, claims, key)
    with servers.postgres() as server:
        asyncio.run(measure(server, options, key.as_dict(private=False), token))


async def measure(server: servers.Postgres, options: argparse.Namespace, key: dict[str, Any], token: str) -> None:
    async with servers.fresh_database(server.url) as url:
        await migrate(url, "registers")
        port = servers.free_port()
        service = multiprocessing.get_context("spawn").Process(
            target=run_service, args=(url, port, key, options.profile)
        )
        service.start()
        try:
            await wait_until_it_answers(port)
            await report(server, options, f"http://127.0.0.1:{port}", service.pid or 0, token)
        finally:
            service.terminate()
            service.join()


async def wait_until_it_answers(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("the service did not start")


async def report(server: servers.Postgres, options: argparse.Namespace, url: str, pid: int, token: str) -> None:
    postmaster = processes.postmaster(Path(server.data))
    days = school_days(options.days + options.registers // (2 * CLASSES) + 1)
    started = time.perf_counter()
    rooms = await prepare(url, token, days)
    pupils = CLASSES * SIZE
    print(
        f"roll: {pupils / (time.perf_counter() - started):,.0f} pupils/s by the clock, at {datetime.now(UTC):%H:%M:%S}"
    )
    work = registers(rooms, days)
    await load.closed_loop(url, token, (next(work) for _ in range(options.days * 2 * CLASSES)))
    before = processes.cpu_seconds([pid]), processes.cpu_seconds([postmaster])
    started = time.perf_counter()
    answers = await load.closed_loop(url, token, (next(work) for _ in range(options.registers)))
    seconds = time.perf_counter() - started
    load.last_sequences(answers, accepted_only=True)
    python, postgres = (
        (processes.cpu_seconds([who]) - was) / options.registers * 1000
        for who, was in zip((pid, postmaster), before, strict=True)
    )
    print(
        f"{options.registers} registers of {SIZE}: Python {python:.2f} ms, PostgreSQL {postgres:.2f} ms of CPU each; "
        f"{options.registers * SIZE / seconds:,.0f} marks/s by the clock"
    )


if __name__ == "__main__":
    main()
