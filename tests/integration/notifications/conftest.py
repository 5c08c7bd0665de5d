"""notifications on a database of its own, with real channels, and a registers service that says what a test wants."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from common.clock import Clock
from common.db import Database
from common.events import Data, decode
from common.http_client import ServiceClient
from fastapi import FastAPI, HTTPException
from notifications import consumer, pages
from notifications.actions.office import Office
from notifications.actions.settle import settle_due
from notifications.channels.copies import Archive
from notifications.channels.folder import FolderChannel
from notifications.domain.values import Letter
from notifications.registers import Registers
from notifications.store import look
from notifications.store.look import LetterFilter

from tests import servers
from tests.doors import migrated
from tests.told import NOW, TODAY, URN, records, some_id

HOLD = timedelta(hours=24)


@dataclass
class RegistersService:
    """The route of registers that notifications asks, with the answers that a test puts there."""

    contacts: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False
    known: bool = True
    asked: int = 0

    def name(self, contact: str, **changes: Any) -> None:
        """Adds a contact, or replaces the one of that name."""
        self.contacts = [one for one in self.contacts if one["contact_id"] != some_id(contact)]
        self.contacts.append({
            "contact_id": some_id(contact), "local_id": contact, "school_urn": URN, "name": f"Parent {contact}",
            "relationship": "mother", "parental_responsibility": True, "lives_with_pupil": True, "priority": 1,
            "email": None, "phone": None, "address": {"lines": ["1 High Street"], "postcode": "B1 1AA"},
            "language": "en", "do_not_contact": False,
        } | changes)  # fmt: skip

    def answer(self, pupil_id: str) -> dict[str, Any]:
        self.asked += 1
        if self.away:
            raise HTTPException(503)
        if not self.known:
            raise HTTPException(404)
        return {
            "pupil_id": pupil_id, "given_name": "Sam", "family_name": "Child", "date_of_birth": "2014-03-09",
            "schools": [{"school_urn": URN, "name": "Hill School"}], "contacts": self.contacts,
        }  # fmt: skip


@dataclass
class Wall:
    """A clock that a test moves."""

    at: datetime = NOW

    def forward(self, by: timedelta) -> None:
        self.at += by

    def clock(self) -> Clock:
        return Clock(fixed_today=TODAY, wall=lambda: self.at)


@pytest.fixture(autouse=True)
def _no_retries() -> Any:
    stamina.set_testing(True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def registers() -> RegistersService:
    service = RegistersService()
    service.name("p1")
    return service


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    return migrated(postgres_url, "notifications")


@pytest.fixture
async def database(postgres_url: str, template: str) -> AsyncIterator[Database]:
    async with servers.fresh_database(postgres_url, template) as url:
        opened = await Database.open(url)
        yield opened
        await opened.close()


@pytest.fixture
async def office(database: Database, registers: RegistersService, wall: Wall, tmp_path: Path) -> AsyncIterator[Office]:
    app = FastAPI()
    app.get("/v1/pupils/{pupil_id}/contacts")(registers.answer)
    client = ServiceClient(httpx.AsyncClient(base_url="http://registers", transport=httpx.ASGITransport(app)))
    folder = tmp_path / "letters"
    yield Office(
        database=database,
        people=Registers(client),
        channels={"letter": FolderChannel(folder)},
        copies=Archive([folder, folder / "emailed"]),
        render=pages.render,
        clock=wall.clock(),
        hold=HOLD,
    )
    await client.close()


@dataclass
class Desk:
    """What a test does with notifications."""

    office: Office
    wall: Wall

    async def tell(self, *told: Data) -> None:
        """Hands over a batch of events, as the consumer would."""
        handle = consumer.handler(self.office.clock, self.office.hold)
        await self.office.database.in_transaction(lambda tx: handle(tx, records(told)))

    async def settled(self, *told: Data) -> list[Letter]:
        """Hands over events and finds the recipients."""
        await self.tell(*told)
        await settle_due(self.office)
        return await self.letters()

    async def letters(self, **filters: Any) -> list[Letter]:
        async with self.office.database.connection() as tx:
            return await look.letters(tx, LetterFilter(**({"schools": None} | filters)), 100)

    async def said(self) -> list[Any]:
        """The events in the outbox, oldest first."""
        async with self.office.database.connection() as tx:
            return [decode(row["body"]).data for row in await tx.fetch("select body from outbox order by id")]

    async def said_kinds(self) -> list[str]:
        return [type(data).__name__ for data in await self.said()]

    def after_the_hold(self) -> None:
        self.wall.forward(self.office.hold)

    def with_channels(self, **channels: Any) -> "Desk":
        return Desk(replace(self.office, channels=channels), self.wall)


@pytest.fixture
def desk(office: Office, wall: Wall) -> Desk:
    return Desk(office, wall)
