"""`rollcall conformance` between a sandbox and three systems: one that handles all, the simulator's, a careless one."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from common.public_api import Api, RefusedError, connect
from rollcall.sandbox.magic import BY_NAME, row
from simulator import authority
from simulator.client import SCOPES, Poster
from simulator.mis import Mis

from tests.e2e.product import Process, free_port, token_from

AT = "/v1/schools/900101"
DAY = f"{AT}/registers/2026-01-12"
SAID = {"reason": "Parent rang", "amended_by": "J. Field, school office"}


@dataclass
class Sandbox:
    """A sandbox, and a token for all its schools."""

    url: str
    token: str

    @asynccontextmanager
    async def through(self, kit: "Kit") -> AsyncIterator[Api]:
        """A careful client that goes through the kit."""

        async def token() -> str:
            return self.token

        async with connect(kit.url, token, connections=4) as api:
            yield api


@dataclass
class Kit:
    """A kit that is listening; once it has ended, its exit status and its report."""

    url: str
    status: int = -1
    printed: str = ""
    report: dict[str, Any] | None = None

    def found(self, verdict: str) -> set[str]:
        assert self.report is not None
        return {each["name"] for each in self.report["capabilities"] if each["verdict"] == verdict}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("conformance") / "data"
    process = Process("up", "--sandbox", "--data", str(folder), "--port", str(free_port()))
    try:
        yield Sandbox(process.wait_ready(), token_from(folder)(SCOPES))
    finally:
        process.stop()


@contextmanager
def kit_before(sandbox: Sandbox, report: Path) -> Iterator[Kit]:
    process = Process(
        *("conformance", "--url", sandbox.url, "--listen", str(free_port())),
        *("--retry-after", "1", "--json", str(report)),
    )
    try:
        kit = Kit(process.wait_ready())
        yield kit
        kit.status = process.stop()
        kit.printed, kit.report = "".join(process.printed()), json.loads(report.read_text())
    finally:
        if process.process.poll() is None:
            process.stop()


def register(version: int, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"source_version": version, "marks": list(marks)}


def mark(name: str, code: str, **said: str) -> dict[str, Any]:
    return {"local_id": BY_NAME[name].local_id, "code": code, **said}


async def test_a_system_that_handles_all_conforms(sandbox: Sandbox, tmp_path: Path) -> None:
    with kit_before(sandbox, tmp_path / "report.json") as kit:
        async with sandbox.through(kit) as api:
            await a_careful_day(api)
            await a_careful_evening(api)
    assert kit.found("wrong") == set(), kit.printed
    assert kit.found("not-seen") == {"too-large", "idempotency-key"}, kit.printed
    assert kit.status == 0
    assert "It conforms." in kit.printed


async def a_careful_day(api: Api) -> None:
    """Registers whole, in parts, late; what waits, mended; a mark taken back."""
    await api.put(f"{DAY}/AM", register(1, mark("accepted", "/"), mark("corrected", "N", **SAID)))
    await api.put(f"{DAY}/AM", register(2, mark("corrected", "I", **SAID)))
    await api.put(f"{DAY}/AM", register(3, mark("unknown-pupil", "/"), mark("persistent-absence", "J")))
    await api.put(f"{AT}/roll", {"pupils": [row(BY_NAME["unknown-pupil"])]})
    await api.get(f"{AT}/quarantine")
    await api.put(f"{DAY}/AM", register(4, mark("persistent-absence", "J1")))
    answer = await api.put(f"{DAY}/PM", register(5, mark("accepted", "O")))
    await api.delete(f"{DAY}/PM/marks/{answer['marks'][0]['pupil_id']}", source_version=6)
    await api.put(f"{DAY}/PM", register(7, mark("accepted", "\\")))
    await api.put(f"{AT}/registers/2026-01-09/PM", register(8, mark("accepted", "I", **SAID)))
    with pytest.raises(RefusedError, match="422"):
        await api.put(f"{DAY}/PM", register(9, mark("accepted", "\\"), mark("accepted", "L")))


async def a_careful_evening(api: Api) -> None:
    """Who has left, a closed day, the comparison, the ledger."""
    left = row(BY_NAME["future-date"], to="2026-01-12")
    await api.put(f"{AT}/roll", {"pupils": [left]})
    calendar = await api.get(f"{AT}/calendars/2025-26")
    days = [
        {name: day[name] for name in ("date", "sessions", "year_groups") if name in day} for day in calendar["days"]
    ]
    await api.put(f"{AT}/calendars/2025-26", {"days": days})
    await api.put(f"{AT}/calendars/2025-26", {"days": days[:-1]})
    stands = await api.get(f"{AT}/sync", **{"from": "2026-01-12", "to": "2026-01-12"})
    (day,) = stands["items"]
    digests = [{"date": "2026-01-12", "session": s["session"], "digest": s["digest"]} for s in day["sessions"]]
    await api.post(f"{AT}/sync/compare", {"digests": digests})
    assert [entry async for entry in api.items(f"{AT}/changes", since=0, page_size=500)]


async def test_the_simulators_system_does_nothing_wrong_and_leaves_the_evening_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    with kit_before(sandbox, tmp_path / "report.json") as kit:
        async with sandbox.through(kit) as api:
            poster = Poster(api, Mis(authority.build(60, year=2025)))
            await poster.set_up()
            for day in range(8):
                await poster.play(day)
    assert kit.found("wrong") == set(), kit.printed
    right = {"registers", "versions", "unavailable", "too-many", "lost-answer", "no-upn-in-urls", "corrections"}
    assert right <= kit.found("right"), kit.printed
    assert {"quarantine", "end-of-sync"} <= kit.found("not-seen")
    assert kit.status == 1
    assert "2 needed and not seen." in kit.printed


async def test_a_careless_system_is_found_out(sandbox: Sandbox, tmp_path: Path) -> None:
    with kit_before(sandbox, tmp_path / "report.json") as kit:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        async with httpx.AsyncClient(base_url=kit.url, headers=headers, timeout=60) as http:
            await carelessly(http)
    assert kit.found("wrong") == {
        *("versions", "corrections", "quarantine", "unavailable", "too-many", "lost-answer", "no-upn-in-urls"),
        *("unknown-pupil", "mended-code", "deletion", "leaver", "refused", "change-feed", "end-of-sync"),
    }, kit.printed
    assert kit.status == 1


async def carelessly(http: httpx.AsyncClient) -> None:
    """Everything that the page for vendors says not to do."""
    day = f"{AT}/registers/2026-01-08"

    async def put(path: str, version: int, *marks: dict[str, Any]) -> None:
        with suppress(httpx.TransportError):
            await http.put(path, json=register(version, *marks))

    await put(f"{day}/AM", 11, mark("accepted", "I"))
    await put(f"{day}/AM", 12, mark("accepted", "L"))
    await put(f"{day}/AM", 13, mark("corrected", "I"))
    await put(f"{day}/AM", 14, mark("corrected", "L"))
    await put(f"{day}/AM", 13, mark("corrected", "M"))
    await put(f"{day}/AM", 16, mark("closed-session", "I"))
    await put(f"{day}/PM", 17, {"local_id": "9999", "code": "/"}, mark("corrected", "J"))
    await put(f"{day}/PM", 18, mark("accepted", "I"))
    await put(f"{day}/PM", 19, mark("accepted", ""))
    await put(f"{day}/PM", 20, mark("ten-in-ten", "/"), mark("ten-in-ten", "L"))
    await put(f"{day}/PM", 20, mark("ten-in-ten", "/"), mark("ten-in-ten", "L"))
    await http.put(f"{AT}/roll", json={"pupils": [row(BY_NAME["persistent-absence"], to="2026-01-07")]})
    await put(f"{day}/PM", 21, mark("persistent-absence", "/"))
    await http.get(f"{AT}/changes", params={"since": 0, "page_size": 1})
    await http.get("/v1/pupils", params={"upn": BY_NAME["accepted"].upn})
    digest = {"date": "2026-01-08", "session": "AM", "digest": "0" * 64}
    await http.post(f"{AT}/sync/compare", json={"digests": [digest]})
