"""An authority that edits its policy over HTTP, on an engine whose re-evaluation is worked off when a test says so."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
from absence_engine import api
from absence_engine.actions.policies import keep_up
from absence_engine.actions.reevaluate import Beginnings, evaluate_next
from absence_engine.domain.policy import policies, written
from common.clock import Clock
from common.service import Service

from tests.doors import bearer, door
from tests.integration.absence_engine.ledgers import CLOCK, Engine

SHIPPED = policies()[-1]
WRITE, READ = bearer("policies:write totals:read"), bearer("totals:read")


def document(**thresholds: dict[str, Any] | None) -> dict[str, Any]:
    """What ships, with some thresholds changed field by field, or left out."""
    made = deepcopy(written(SHIPPED))
    del made["version"], made["valid_from"]
    for kind, fields in thresholds.items():
        if fields is None:
            made["thresholds"].pop(kind)
            made["stages"].pop(kind, None)
        else:
            made["thresholds"][kind] |= fields
    return made


EIGHT = {"PA": {"of": 12}}
"""A twelfth missed (8.33%) is persistent."""


class Council:
    """Requests to the engine, and what its background work does of them."""

    def __init__(self, engine: Engine, clock: Clock = CLOCK) -> None:
        self.engine, self.clock = engine, clock
        self.beginnings = Beginnings()
        router = api.create_router(engine.database, clock, engine.policies, engine.signal)
        self.client: httpx.AsyncClient = door(Service(name="absence-engine", router=router))

    async def ask(
        self, method: str, path: str, body: Any = None, status: int = 200, headers: dict[str, str] | None = None
    ) -> Any:
        """The answer's JSON."""
        return (await self.answer(method, path, body, status, headers)).json()

    async def answer(
        self, method: str, path: str, body: Any = None, status: int = 200, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """An answer that must have a status."""
        found = await self.client.request(method, path, json=body, headers=WRITE | (headers or {}))
        assert found.status_code == status, f"{method} {path} -> {found.status_code} {found.text}"
        return found

    async def publish(
        self, version: str, body: dict[str, Any], valid_from: str = "2025-10-01", la_code: str = "330", **more: Any
    ) -> Any:
        """Drafts a version and publishes it."""
        path = f"/v1/policies/{la_code}/{version}"
        await self.ask("PUT", path, body)
        return await self.ask("POST", f"{path}/publication", {"valid_from": valid_from, "by": "A. Head"} | more)

    async def follow(self) -> int:
        """Does what background work would do now; how many children were looked at."""
        done = 0
        await self.engine.database.in_transaction(lambda tx: keep_up(tx, self.clock))
        while (some := await self.chunk()) is not None:
            done += some
        return done

    async def chunk(self) -> int | None:
        """The next chunk of re-evaluation."""
        ready = await self.look()
        return await self.engine.database.in_transaction(
            lambda tx: evaluate_next(tx, self.clock, self.engine.policies, ready)
        )

    async def look(self) -> list[str]:
        """Sees which parts may begin."""
        return await self.engine.database.in_transaction(self.beginnings.ready)

    def on(self, day: date) -> "Council":
        """The same on another day."""
        return Council(self.engine, replace(CLOCK, fixed_today=day))
