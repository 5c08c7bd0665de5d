"""How a school's system posts: over the public HTTP API, a bounded number of requests at once, kept alive, repeated
in peace.

A `PUT` of a register may be repeated after a lost connection or a 503 without harm: the same register twice is the same
register. Each school counts a `source_version` up, so that its registers may overtake each other on the way.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from common.academic import year_name

from simulator.mis import Body, Mis, Register

TokenProvider = Callable[[], Awaitable[str]]

SCOPES = "registers:write registers:read pupils:write pupils:read totals:read cases:read cases:write letters:read"
_RETRIES = 8
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 3.0
_TOKEN_SECONDS = 600  # tokens live for 15 minutes
_ROLL_ROWS = 1000
_UNAVAILABLE = 503
_UNAUTHORISED = 401


class RefusedError(Exception):
    """The product answered a request in a way that repeating it does not mend."""


@dataclass
class Posted:
    """What has been taken so far: counts of registers and marks, marks by answer, each school's last ledger number."""

    registers: int = 0
    marks: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    sequences: dict[int, int] = field(default_factory=dict)

    def count(self, answer: Body) -> None:
        """Adds the answer to one register."""
        self.registers += 1
        self.marks += len(answer["marks"])
        for mark in answer["marks"]:
            self.statuses[mark["status"]] = self.statuses.get(mark["status"], 0) + 1
        urn = int(answer["school_urn"])
        self.sequences[urn] = max(self.sequences.get(urn, 0), int(answer["sequence"]))


class Api:
    """The product's API with a token that renews itself; answers parsed JSON, RefusedError from 400 up."""

    def __init__(self, http: httpx.AsyncClient, token: TokenProvider) -> None:
        self._http = http
        self._token = token
        self._bearer = ""
        self._renew_at = 0.0

    async def get(self, path: str, **query: Any) -> Any:
        return await self._ask("GET", path, params=query or None)

    async def put(self, path: str, body: Body) -> Any:
        return await self._ask("PUT", path, json=body)

    async def post(self, path: str, body: Body) -> Any:
        return await self._ask("POST", path, json=body)

    async def items(self, path: str, **query: Any) -> AsyncIterator[Any]:
        """Every item of a list, page after page."""
        page = await self.get(path, **query)
        while True:
            for item in page["items"]:
                yield item
            if not page["next"]:
                return
            page = await self.get(page["next"])

    async def _ask(self, method: str, path: str, **parts: Any) -> Any:
        wait = _FIRST_WAIT
        for attempt in range(_RETRIES):
            try:
                answer = await self._http.request(method, path, headers=await self._headers(), **parts)
            except httpx.TransportError:
                if attempt == _RETRIES - 1:
                    raise
            else:
                if answer.status_code < httpx.codes.BAD_REQUEST:
                    return answer.json()
                if answer.status_code == _UNAUTHORISED and attempt == 0:
                    self._renew_at = 0.0
                elif answer.status_code != _UNAVAILABLE:
                    raise RefusedError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, _LONGEST_WAIT)
        raise RefusedError(f"{method} {path} stayed unavailable")

    async def _headers(self) -> dict[str, str]:
        if time.monotonic() >= self._renew_at:
            self._bearer = await self._token()
            self._renew_at = time.monotonic() + _TOKEN_SECONDS
        return {"Authorization": f"Bearer {self._bearer}", "Prefer": "wait=30"}


@asynccontextmanager
async def connect(base_url: str, token: TokenProvider, connections: int = 16) -> AsyncIterator[Api]:
    """An `Api` on as many kept-alive connections as given."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=60) as http:
        yield Api(http, token)


class Poster:
    """Posts what `mis` says through `api`, at most `at_once` requests at a time.

    `posted` is what was taken, `pupil_ids` what the product calls each (URN, local id).
    """

    def __init__(self, api: Api, mis: Mis, at_once: int = 16) -> None:
        self.api = api
        self.mis = mis
        self.posted = Posted()
        self.pupil_ids: dict[tuple[int, str], str] = {}
        self._at_once = at_once
        self._versions: dict[int, int] = {}

    async def set_up(self) -> None:
        """Schools, then their calendars, then their rolls."""
        name = year_name(self.mis.authority.year)
        calendar = self.mis.calendar()
        await self._all(self.api.put(f"/v1/schools/{urn}", body) for urn, body in self.mis.schools())
        await self._all(
            self.api.put(f"/v1/schools/{school.urn}/calendars/{name}", calendar)
            for school in self.mis.authority.schools
        )
        await self._all(
            self._put_roll(school.urn, self.mis.roll(place)) for place, school in enumerate(self.mis.authority.schools)
        )

    async def play(self, day: int) -> None:
        """One school day: who came and left, the morning, the afternoon, the office's corrections."""
        for urn, body in self.mis.moves(day):
            await self._put_roll(urn, body)
        for session in (0, 1):
            await self._all(self.put_register(register) for register in self.mis.registers(day, session))
        await self._all(self.put_register(register) for register in self.mis.corrections(day))

    async def put_register(self, register: Register) -> Body:
        """Posts one register under the school's next version; answers what the product said."""
        version = self._versions[register.urn] = self._versions.get(register.urn, 0) + 1
        answer: Body = await self.api.put(register.path, {**register.body, "source_version": version})
        self.posted.count(answer)
        return answer

    async def _put_roll(self, urn: int, body: Body) -> None:
        for first in range(0, len(body["pupils"]), _ROLL_ROWS):
            part = {**body, "pupils": body["pupils"][first : first + _ROLL_ROWS]}
            answer = await self.api.put(f"/v1/schools/{urn}/roll", part)
            rejected = [result for result in answer["results"] if result["status"] == "rejected"]
            if rejected:
                raise RefusedError(f"the roll of school {urn} has {len(rejected)} rejected rows, first: {rejected[0]}")
            self.pupil_ids |= {(urn, result["local_id"]): result["pupil_id"] for result in answer["results"]}

    async def _all(self, requests: Iterable[Awaitable[Any]]) -> None:
        """Awaits every request, `at_once` at a time; the first failure ends them all."""
        waiting = iter(requests)

        async def worker() -> None:
            for request in waiting:
                await request

        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(worker())
