"""registers as schools' systems meet it: its routes over a database of the test's own, on 15 September 2025."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from common.access.directory import Directory
from common.clock import Clock
from common.db import Database, create_database_if_absent
from common.migrate import migrate
from common.scopes import AUDIENCE
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from registers import api
from registers.actions.consumers import Consumers
from registers.actions.recording import Recorder
from registers.actions.writing import Writer
from registers.api.context import Context
from registers.store import tables

from tests.integration.registers import ledgers
from tests.keys import KEYRING

TODAY = date(2025, 9, 15)
URN, OTHER = 100001, 100002
FIRST, SECOND = "H869200124007", "F330123425001"
"""UPNs."""
KEY = ECKey.generate_key("P-256", {"kid": "k"})
SCOPES = "registers:write registers:read absences:write pupils:write pupils:read"


def bearer(scope: str = SCOPES, schools: Iterable[int] | None = None, subject: str = "s") -> dict[str, str]:
    claims: dict[str, Any] = {"iss": "us", "aud": AUDIENCE, "sub": subject, "exp": 4_000_000_000, "scope": scope}
    if schools is not None:
        claims["schools"] = list(schools)
    return {"authorization": "Bearer " + jwt.encode({"alg": "ES256", "kid": "k"}, claims, KEY)}


@dataclass
class Authority:
    """The service, and what a school's system does with it."""

    database: Database
    client: httpx.AsyncClient
    writer: Writer
    woken: list[None] = field(default_factory=list[None])

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = await self.client.request(method, path, **more)
        assert answer.status_code == status, f"{method} {path} -> {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def school(self, urn: int = URN) -> None:
        body = {"name": f"School {urn}", "la_code": "330", "laestab": "3302001", "phase": "primary"}
        await self.ask("PUT", f"/v1/schools/{urn}", json=body)
        days = [day for day in range(1, 31) if date(2025, 9, day).weekday() < 5]
        await self.calendar({f"2025-09-{day:02d}": ["AM", "PM"] for day in days}, urn)

    async def calendar(self, days: Mapping[str, list[str]], urn: int = URN) -> Any:
        listed = [{"date": day, "sessions": halves} for day, halves in days.items()]
        return await self.ask("PUT", f"/v1/schools/{urn}/calendars/2025-26", json={"days": listed})

    async def roll(self, *rows: Mapping[str, Any], urn: int = URN, **more: Any) -> Any:
        return await self.ask("PUT", f"/v1/schools/{urn}/roll", json={"pupils": list(rows), **more})

    async def register(
        self, marks: Iterable[Mapping[str, Any]], slot: str = "2025-09-15/AM", urn: int = URN, **more: Any
    ) -> Any:
        return await self.ask("PUT", f"/v1/schools/{urn}/registers/{slot}", json={"marks": list(marks), **more})

    async def mark(
        self, local_id: str, code: str | None, slot: str = "2025-09-15/AM", urn: int = URN, **more: Any
    ) -> Any:
        """Posts one mark; the answer's status and sequence. `version` is the register's; the rest is the mark's."""
        version = {"source_version": more.pop("version")} if "version" in more else {}
        answer = await self.register([{"local_id": local_id, "code": code, **more}], slot, urn, **version)
        return answer["marks"][0]["status"], answer["sequence"]

    async def delete(
        self, pupil_id: str, slot: str = "2025-09-15/AM", urn: int = URN, status: int = 200, **query: Any
    ) -> Any:
        path = f"/v1/schools/{urn}/registers/{slot}/marks/{pupil_id}"
        return await self.ask("DELETE", path, status, params=query)

    async def standing(self, slot: str = "2025-09-15/AM", urn: int = URN) -> dict[str, str]:
        """Local id -> code."""
        answer = await self.ask("GET", f"/v1/schools/{urn}/registers/{slot}")
        return {mark["local_id"]: mark["code"] for mark in answer["marks"]}

    async def quarantine(self, urn: int = URN) -> list[tuple[str, str]]:
        """(code, problem) of what waits."""
        answer = await self.ask("GET", f"/v1/schools/{urn}/quarantine")
        return [(item["code"], item["problem"]["code"]) for item in answer["items"]]

    async def changes(self, urn: int = URN, since: int = 0) -> list[Any]:
        answer = await self.ask("GET", f"/v1/schools/{urn}/changes", params={"since": since, "page_size": 1000})
        return answer["items"]


def pupil(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "local_id": number, "upn": None, "given_name": "Sam", "family_name": f"Child{number}",
        "date_of_birth": "2014-09-09", "year_group": 6, "flags": [],
        "enrolment": {"from": "2025-09-01", "to": None, "kind": "single"},
    } | changes  # fmt: skip


@pytest.fixture(scope="session")
def registers_url(postgres_url: str) -> str:
    """The URL of a migrated database of registers, which its tests share one after the other."""

    async def make() -> str:
        url = await create_database_if_absent(postgres_url, "registers-alone")
        await migrate(url, "registers")
        return url

    return asyncio.run(make())


class Emptied(Database):
    """The database for one test after the other, on a pool of each test's own: a pool belongs to its event loop."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def begin(self) -> None:
        """Connects, and forgets what the test before did. Deleting a few rows is faster than truncating 30 tables."""
        self._pool = (await Database.open(self.url, keyring=KEYRING))._pool
        async with self.transaction() as tx:
            await tx.execute(";".join(f"delete from {table}" for table in tables.metadata.tables))
            await tx.execute("select setval(format('%I.%I', schemaname, sequencename), 1, false) from pg_sequences")


@pytest.fixture(scope="session")
def emptied(registers_url: str) -> Emptied:
    return Emptied(registers_url)


@pytest.fixture
async def database(emptied: Emptied) -> AsyncIterator[Database]:
    """The database, empty."""
    await emptied.begin()
    yield emptied
    await emptied.close()


@dataclass
class Process:
    """The routes on a database, as the process of a given day would serve them. `woken`: once for each write."""

    app: FastAPI
    writer: Writer
    woken: list[None]
    directory: Directory

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://rollcall", headers=bearer())


def writer_on(
    database: Database,
    today: date = TODAY,
    wake: Callable[[], None] = lambda: None,
    household_key: bytes | None = None,
) -> Writer:
    """What writes in the process of a given day."""
    clock = Clock(fixed_today=today, wall=lambda: datetime(2025, 9, 15, 9, tzinfo=UTC))
    return Writer(database, clock, wake, household_key=household_key)


def assemble(database: Database, today: date = TODAY, household_key: bytes | None = None) -> Process:
    woken: list[None] = []
    writer = writer_on(database, today, lambda: woken.append(None), household_key)
    recorder = Recorder(database, writer.clock, writer.wake)
    directory = Directory(database, "registers")
    agreements = Consumers(database, writer.clock, directory, writer.wake)
    router = api.create_router(Context(database, writer.clock, writer, recorder, agreements))
    service = Service(name="registers", router=router, streams=api.STREAMS, consumers=directory)
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    app = create_app([service], Settings(database_url="", today=today), Verifier(["us"], FixedKeys(keys)))
    return Process(app, writer, woken, directory)


@pytest.fixture(scope="session")
def process(emptied: Emptied) -> Process:
    """One for all tests: to make its routes takes longer than most tests last."""
    return assemble(emptied)


@pytest.fixture
async def authority(database: Database, process: Process) -> AsyncIterator[Authority]:
    process.woken.clear()
    await process.directory.refresh()
    async with process.client() as client:
        yield Authority(database, client, process.writer, process.woken)
    await ledgers.check(database)


@pytest.fixture
async def pair(authority: Authority) -> tuple[str, str]:
    """A child at each of two schools, both with a permanent UPN and a contact, and a mark."""
    found: list[str] = []
    for urn, number, upn in ((URN, "1", FIRST), (OTHER, "x", SECOND)):
        await authority.school(urn)
        contacts = [{"local_id": "c", "name": f"Robin {number}"}]
        answer = await authority.roll(pupil(number, upn=upn, contacts=contacts), urn=urn)
        found.append(answer["results"][0]["pupil_id"])
        await authority.mark(number, "O", urn=urn)
    return found[0], found[1]
