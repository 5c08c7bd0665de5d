"""How a school's system posts: over the public HTTP API, a bounded number of requests at once, kept alive, repeated
in peace.

A `PUT` of a register may be repeated after a lost connection or a 503 without harm: the same register twice is the same
register. Each school counts a `source_version` up, so that its registers may overtake each other on the way.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

from common.academic import year_name
from common.public_api import Api, RefusedError

from simulator.mis import Body, Mis, Register

SCOPES = "registers:write registers:read pupils:write pupils:read totals:read cases:read cases:write letters:read"
_ROLL_ROWS = 1000


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
