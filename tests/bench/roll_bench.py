"""A whole authority's rolls through `PUT` roll, beside a bare COPY of the same rows into the same tables.

170,000 pupils with two contacts each, 5,000 rows a request, a school a request, two connections. registers is a process
of its own on a PostgreSQL of its own; what it tells is written into the ledger and the outbox, and not published
meanwhile. The reference writes pupils, local ids, stays and contacts alone, with all indexes, over two connections and
in as many transactions, from rows that were made before the clock started. Sender, service and database share the same
cores.

    python -m tests.bench.roll_bench [--pupils 170000] [--profile FILE]
"""

import argparse
import asyncio
import json
import multiprocessing
import time
import uuid
from collections.abc import Coroutine, Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from common.migrate import migrate
from common.scopes import AUDIENCE
from joserfc import jwt
from joserfc.jwk import ECKey

from tests import servers
from tests.bench import load, processes
from tests.bench.load import Request
from tests.bench.registers_bench import run_service, wait_until_it_answers
from tests.bench.report import Figure
from tests.bench.system import POSTGRES_SETTINGS
from tests.e2e.school import upn

PUPILS = 170_000
ROWS = 5000
CONNECTIONS = 2
FIRST_URN = 100_000
RUNS = 3
PROMISED = 5000
SCOPES = "registers:write registers:read pupils:write"


def run(runs: int = RUNS, pupils: int = PUPILS) -> list[Figure]:
    """Pupils per second through `PUT`, first import and then the same rolls again, and by bare COPY; the medians."""
    taken: dict[str, list[float]] = {"put": [], "again": [], "copy": []}
    for number in range(runs):
        first, again = asyncio.run(_through_put(pupils))
        taken["put"].append(first)
        taken["again"].append(again)
        taken["copy"].append(asyncio.run(_by_copy(pupils)))
        print(f"  round {number + 1}: " + "; ".join(f"{name} {rates[-1]:,.0f}" for name, rates in taken.items()))
    put, again, copy = (median(rates) for rates in taken.values())
    note = f"{pupils:,} pupils, 2 contacts each, {ROWS:,} rows a request; {put / copy:.2f} of bare COPY's {copy:,.0f}"
    return [
        Figure("roll import", "pupils/s", put, PROMISED, note=note),
        Figure("the same rolls again, nothing changed", "pupils/s", again, None),
    ]


def _row(number: int) -> dict[str, Any]:
    home = {"lines": [f"{number % 997} High Street", "Birmingham"], "postcode": f"B{number % 90} {number % 9}AA"}
    people = (("c1", "Robin", "mother"), ("c2", "Kim", "father"))
    return {
        "local_id": str(number), "upn": upn(number), "given_name": "Sam", "family_name": f"Child{number}",
        "date_of_birth": f"{2009 + number % 11}-03-09", "year_group": number % 11 + 1,
        "enrolment": {"from": "2025-09-01", "to": None, "kind": "single"}, "flags": ["FSM"] if number % 4 == 0 else [],
        "contacts": [
            {
                "local_id": key, "name": f"{name} Child{number}", "relationship": kind, "parental_responsibility": True,
                "lives_with_pupil": True, "priority": at, "email": f"{name}.{number}@example.org",
                "phone": "0121 496 0000", "address": home, "language": "en", "do_not_contact": False,
            }
            for at, (key, name, kind) in enumerate(people, start=1)
        ],
    }  # fmt: skip


def _rolls(pupils: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """URN and rows of each school."""
    for urn, first in enumerate(range(0, pupils, ROWS), start=FIRST_URN):
        yield urn, [_row(number) for number in range(first, min(first + ROWS, pupils))]


def _requests(pupils: int) -> list[Request]:
    return [
        Request(f"/v1/schools/{urn}/roll", json.dumps({"pupils": rows}, separators=(",", ":")).encode())
        for urn, rows in _rolls(pupils)
    ]


async def _through_put(pupils: int, profile: str | None = None) -> tuple[float, float]:
    """Pupils per second of the first import, and of the same again."""
    key = ECKey.generate_key("P-256", {"kid": "k"})
    claims = {"iss": "us", "aud": AUDIENCE, "sub": "bench", "exp": int(time.time()) + 36000, "scope": SCOPES}
    token = jwt.encode({"alg": "ES256", "kid": "k"}, claims, key)
    with servers.postgres(**POSTGRES_SETTINGS) as server:
        async with servers.fresh_database(server.url) as url:
            await migrate(url, "registers")
            port = servers.free_port()
            service = multiprocessing.get_context("spawn").Process(
                target=run_service, args=(url, port, key.as_dict(private=False), profile)
            )
            service.start()
            try:
                await wait_until_it_answers(port)
                pids = [service.pid or 0, processes.postmaster(Path(server.data))]
                return await _import(f"http://127.0.0.1:{port}", token, pupils, pids)
            finally:
                service.terminate()
                service.join()


async def _import(url: str, token: str, pupils: int, pids: list[int]) -> tuple[float, float]:
    work = _requests(pupils)
    schools = [
        Request(request.path.removesuffix("/roll"), json.dumps(_school(request.path)).encode()) for request in work
    ]
    await load.closed_loop(url, token, schools, connections=1)
    rates: list[float] = []
    for status in ("created", "unchanged"):
        before = [processes.cpu_seconds([pid]) for pid in pids]
        seconds, answers = await _timed(load.closed_loop(url, token, work, CONNECTIONS))
        counted = sum(answer.json()["counts"][status] for answer in answers)
        if counted != pupils:
            raise RuntimeError(f"the run is void: {counted} of {pupils} pupils were {status}")
        python, postgres = (
            (processes.cpu_seconds([pid]) - was) / pupils * 1e6 for pid, was in zip(pids, before, strict=True)
        )
        cpu = f"CPU a pupil: Python {python:.0f}, PostgreSQL {postgres:.0f} us"
        print(f"  {status}: {pupils / seconds:,.0f} pupils/s; {cpu}", flush=True)
        rates.append(pupils / seconds)
    return rates[0], rates[1]


def _school(path: str) -> dict[str, str]:
    return {"name": path.split("/")[3], "la_code": "330", "laestab": "3302001", "phase": "primary"}


async def _timed(work: Coroutine[None, None, Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = await work
    return time.perf_counter() - begun, done


async def _by_copy(pupils: int) -> float:
    """Pupils per second that PostgreSQL takes in by COPY alone."""
    schools = [_records(urn, rows) for urn, rows in _rolls(pupils)]
    with servers.postgres(**POSTGRES_SETTINGS) as server:
        async with servers.fresh_database(server.url) as url:
            await migrate(url, "registers")

            async def copy() -> None:
                connection = await asyncpg.connect(url)
                while schools:
                    records = schools.pop()
                    async with connection.transaction():
                        for table, (columns, values) in records.items():
                            await connection.copy_records_to_table(table, records=values, columns=columns)
                await connection.close()

            async def all_copies() -> None:
                await asyncio.gather(*(copy() for _ in range(CONNECTIONS)))

            seconds, _ = await _timed(all_copies())
            return pupils / seconds


def _records(urn: int, rows: list[dict[str, Any]]) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """By table: the columns, and a school's records."""
    pupils, names, stays, contacts = [], [], [], []
    for row in sorted(rows, key=lambda row: row["upn"]):
        child = str(uuid.uuid4())
        born = date.fromisoformat(row["date_of_birth"])
        named = (row["upn"], row["given_name"], row["family_name"])
        pupils.append((child, *named, born, row["year_group"], row["flags"], 1))
        names.append((urn, row["local_id"], child))
        stays.append((urn, child, date(2025, 9, 1), None, "single"))
        for one in row["contacts"]:
            said = [json.dumps(one[key]) if key == "address" else one[key] for key in SAID]
            contacts.append((str(uuid.uuid5(uuid.UUID(child), one["local_id"])), urn, child, *said))
    return {
        "pupil": (
            ["pupil_id", "upn", "given_name", "family_name", "date_of_birth", "year_group", "flags", "version"],
            pupils,
        ),
        "school_pupil": (["urn", "local_id", "pupil_id"], names),
        "enrolment": (["urn", "pupil_id", "from_date", "to_date", "kind"], stays),
        "contact": (["contact_id", "urn", "pupil_id", *SAID], contacts),
    }


SAID = (
    "local_id", "name", "relationship", "parental_responsibility", "lives_with_pupil", "priority", "email", "phone",
    "address", "language", "do_not_contact",
)  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pupils", type=int, default=PUPILS)
    arguments.add_argument("--profile", help="write the service's cProfile statistics to this file")
    options = arguments.parse_args()
    asyncio.run(_through_put(options.pupils, options.profile))


if __name__ == "__main__":
    main()
