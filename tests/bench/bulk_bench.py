"""Marks by a batch to the ledger, beside the same service's `PUT` of one register at a time, and its memory meanwhile.

    python -m tests.bench.bulk_bench [--rows 5000000] [--rounds 3] [--kill]

registers alone, a process of its own on a durable PostgreSQL. A round is 2,000 registers of 30 by `PUT` over 16
connections, then a table of 300,000 rows by one `POST`, timed from its first byte until the job is done; so both meet
the same machine. At last comes a table of all the rows that there are, streamed as it is made, to see that memory does
not grow with it; with `--kill` the service is killed in the midst of it, and started again. Nobody relays or reads the
ledger in either.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from common.migrate import migrate
from common.scopes import AUDIENCE
from joserfc import jwt
from joserfc.jwk import ECKey

from tests import servers
from tests.bench import load, processes
from tests.bench.load import Request
from tests.bench.registers_bench import SCOPES, run_service, school_days, wait_until_it_answers
from tests.bench.report import Figure
from tests.bench.system import POSTGRES_SETTINGS

ROWS, ROUND_ROWS, ROUND_REGISTERS, ROUNDS = 5_000_000, 300_000, 2000, 3
SCHOOLS, PUPILS, SIZE = 45, 300, 30
FIRST_URN = 100000
DAYS = school_days(230)  # more than a school year has: five million rows fit behind the rounds
CODES = "/" * 17 + "LIO"
GROWTH_MIB = 64


class Registers:
    """The service in a process of its own, which can be killed and started again."""

    def __init__(self, database: str, key: dict[str, Any]) -> None:
        self.port = servers.free_port()
        self._arguments = database, self.port, key, None
        self._spent, self._peak = 0.0, 0.0

    async def start(self) -> None:
        self._process = multiprocessing.get_context("spawn").Process(target=run_service, args=self._arguments)
        self._process.start()
        await wait_until_it_answers(self.port)

    async def kill_and_start(self) -> None:
        """As when the machine fails."""
        self._spent, self._peak = self.cpu_seconds(), self.peak_mib()
        self._process.kill()
        self._process.join()
        await self.start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()

    def cpu_seconds(self) -> float:
        return self._spent + processes.cpu_seconds([self._process.pid or 0])

    def peak_mib(self) -> float:
        """The most memory that one of its processes has had."""
        return max(self._peak, processes.peak_mib(self._process.pid or 0))


@dataclass
class Bench:
    """A running service, and how far into the year its schools are."""

    service: Registers
    token: str
    postmaster: int
    used: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def cpu_seconds(self) -> float:
        """Of the service and its PostgreSQL."""
        return self.service.cpu_seconds() + processes.cpu_seconds([self.postmaster])

    def sessions(self, count: int) -> list[tuple[date, str]]:
        """The next sessions of the year, which nobody has marked yet."""
        every = [(day, half) for day in DAYS for half in ("AM", "PM")]
        self.used += count
        return every[self.used - count : self.used]


def run(rows: int = ROWS, rounds: int = ROUNDS, kill: bool = False) -> list[Figure]:
    """Marks per second of a batch, by itself and beside the `PUT`; MiB that the service's memory grew by."""
    key = ECKey.generate_key("P-256", {"kid": "k"})
    claims = {"iss": "us", "aud": AUDIENCE, "sub": "bench", "exp": int(time.time()) + 36000, "scope": SCOPES}
    token = jwt.encode({"alg": "ES256", "kid": "k"}, claims, key)
    with servers.postgres(**POSTGRES_SETTINGS) as server:
        return asyncio.run(_measure(server, key.as_dict(private=False), token, rows, rounds, kill))


async def _measure(
    server: servers.Postgres, key: dict[str, Any], token: str, rows: int, rounds: int, kill: bool
) -> list[Figure]:
    async with servers.fresh_database(server.url) as url:
        await migrate(url, "registers")
        service = Registers(url, key)
        try:
            await service.start()
            bench = Bench(service, token, processes.postmaster(Path(server.data)))
            return await _figures(bench, rows, rounds, kill)
        finally:
            service.stop()


async def _figures(bench: Bench, rows: int, rounds: int, kill: bool) -> list[Figure]:
    await _prepare(bench)
    puts, batches = [], []
    for number in range(rounds):
        puts.append(await _put(bench))
        batches.append((await _batch(bench, ROUND_ROWS))[0])
        print(f"  round {number + 1}: PUT {puts[-1]:,.0f}, batch {batches[-1]:,.0f} marks/s", flush=True)
    before = bench.service.peak_mib()
    rate, sent, cpu = await _batch(bench, min(rows, _left(bench)), kill)
    grown = bench.service.peak_mib() - before
    print(f"  {sent:,} rows: {rate:,.0f} marks/s, {cpu:.1f} us CPU a mark, peak {before + grown:.0f} MiB", flush=True)
    ratio = median(batch / put for batch, put in zip(batches, puts, strict=True))
    beside = f"{median(batches):,.0f} against {median(puts):,.0f} marks/s"
    return [
        Figure("marks by a batch to the ledger", "marks/s", median(batches), 25_000),
        Figure("marks by a batch to the ledger", "x PUT of registers of 30", ratio, 5, note=beside),
        Figure("the same, one batch of many rows", "marks/s", rate, 25_000, note=f"{sent:,} rows"),
        Figure("memory that it takes more than small ones", "MiB", grown, GROWTH_MIB, at_most=True,
               note=f"peak {before + grown:.0f} MiB"),
    ]  # fmt: skip


async def _prepare(bench: Bench) -> None:
    """Schools, calendars, rolls."""
    days = [{"date": day.isoformat(), "sessions": ["AM", "PM"]} for day in DAYS]
    pupils = [
        {
            "local_id": str(n), "given_name": "Sam", "family_name": "Child", "date_of_birth": "2014-03-09",
            "enrolment": {"from": "2025-09-01", "to": None, "kind": "single"},
        }
        for n in range(PUPILS)
    ]  # fmt: skip
    work: list[Request] = []
    for urn in range(FIRST_URN, FIRST_URN + SCHOOLS):
        school = {"name": f"School {urn}", "la_code": "330", "laestab": "3302001", "phase": "primary"}
        work += [
            Request(f"/v1/schools/{urn}", json.dumps(school).encode()),
            Request(f"/v1/schools/{urn}/calendars/2025-26", json.dumps({"days": days}).encode()),
            Request(f"/v1/schools/{urn}/roll", json.dumps({"pupils": pupils}).encode()),
        ]
    await load.closed_loop(bench.url, bench.token, work, connections=1)


async def _put(bench: Bench) -> float:
    """Marks per second by registers of one class each."""
    rooms = SCHOOLS * PUPILS // SIZE
    work: list[Request] = []
    for on, half in bench.sessions(-(-ROUND_REGISTERS // rooms)):
        for room in range(rooms):
            first = room % (PUPILS // SIZE) * SIZE
            marks = [{"local_id": str(first + n), "code": CODES[n % len(CODES)]} for n in range(SIZE)]
            urn = FIRST_URN + room // (PUPILS // SIZE)
            work.append(Request(f"/v1/schools/{urn}/registers/{on}/{half}", json.dumps({"marks": marks}).encode()))
    work = work[:ROUND_REGISTERS]
    started = time.perf_counter()
    answers = await load.closed_loop(bench.url, bench.token, work)
    seconds = time.perf_counter() - started
    load.last_sequences(answers, accepted_only=True)
    return len(work) * SIZE / seconds


def _left(bench: Bench) -> int:
    return (2 * len(DAYS) - bench.used) * SCHOOLS * PUPILS


async def _batch(bench: Bench, rows: int, kill: bool = False) -> tuple[float, int, float]:
    """Marks per second by one table, its rows, and the CPU microseconds of service and PostgreSQL for each. `kill`: the
    service is killed once it has done half of it.
    """
    sessions = bench.sessions(-(-rows // (SCHOOLS * PUPILS)))
    headers = {"authorization": f"Bearer {bench.token}", "content-type": "text/csv"}
    cpu, started = bench.cpu_seconds(), time.perf_counter()
    async with httpx.AsyncClient(base_url=bench.url, headers=headers, timeout=600) as client:
        answer = await client.post("/v1/register-batches", content=_table(sessions))
        answer.raise_for_status()
        path = answer.json()["links"]["self"]
        if kill:
            half = await _come_to(client, path, 50)
            await bench.service.kill_and_start()
            print(f"  killed after {half['counts']['accepted']:,} marks", flush=True)
        job = await _come_to(client, path, 100)
    seconds = time.perf_counter() - started
    sent = len(sessions) * SCHOOLS * PUPILS
    if job["counts"]["accepted"] != sent:
        raise RuntimeError(f"the run is void: {job}")
    return sent / seconds, sent, (bench.cpu_seconds() - cpu) / sent * 1e6


async def _come_to(client: httpx.AsyncClient, path: str, percent: int) -> Any:
    """The job, once so much of it is done, or it has failed."""
    while True:
        job = (await client.get(path)).raise_for_status().json()
        if job["state"] in ("done", "failed") or (percent < 100 and job["progress"]["percent"] >= percent):
            return job
        await asyncio.sleep(0.05)


async def _table(sessions: list[tuple[date, str]]) -> AsyncIterator[bytes]:
    yield b"URN,Date,Session,Local ID,Code\r\n"
    for part in _parts(sessions):
        yield part


def _parts(sessions: list[tuple[date, str]]) -> Iterator[bytes]:
    """The rows of one school and session each, as an MIS writes them."""
    pupils = [f"{n},{CODES[n % len(CODES)]}\r\n" for n in range(PUPILS)]
    for on, half in sessions:
        for urn in range(FIRST_URN, FIRST_URN + SCHOOLS):
            begin = f"{urn},{on},{half},"
            yield (begin + begin.join(pupils)).encode()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=ROWS)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--kill", action="store_true", help="kill the service in the midst of the large table")
    options = arguments.parse_args()
    for figure in run(options.rows, options.rounds, options.kill):
        print(figure)


if __name__ == "__main__":
    main()
