"""Ledgers built by hand, as registers would write them, and an engine to apply them to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from absence_engine.actions.holding import Policies
from absence_engine.consumer import LedgerPile, handler
from absence_engine.domain.policy import Policy, policies
from common.academic import year_name, year_of
from common.broker import Partition, Record
from common.clock import Clock
from common.db import Database
from common.events import Event, decode, encode, make
from common.events.registers import (
    TOPIC,
    CalendarChanged,
    Enrolment,
    EnrolmentChanged,
    Entry,
    Mark,
    OpenDay,
    PupilChanged,
    PupilEnrolments,
    PupilFacts,
    PupilMerged,
    PupilSplit,
    SchoolChanged,
    SessionMarked,
)
from common.listen import Signal

NOW = datetime(2025, 10, 1, 9, tzinfo=UTC)
CLOCK = Clock(fixed_today=date(2025, 10, 1), wall=lambda: NOW)
POLICY = policies()[-1]
three_kinds = pytest.mark.parametrize("shipped", [policies()[:1]], ids=["three kinds"])
"""For tests of episodes as such, whatever the kind: the engine has the version of PA, SA and PN_10_IN_10 alone."""


def pupil(n: int) -> str:
    """An id: higher numbers have higher ids."""
    return f"00000000-0000-4000-8000-{n:012d}"


@dataclass
class Ledger:
    """One school's ledger; every call is a write of one entry, `write` one of several."""

    urn: int
    entries: list[Event] = field(default_factory=list)

    def write(self, *entries: tuple[type[Entry], dict[str, Any]]) -> int:
        """Appends the entries of one write; its last number."""
        last = len(self.entries) + len(entries)
        for kind, data in entries:
            number = len(self.entries) + 1
            previous = self.entries[-1].id if self.entries else None
            self.entries.append(
                make(
                    kind(previous=previous, write_last=last, **data),
                    id=str(uuid5(NAMESPACE_URL, f"{self.urn}/{number}")),
                    subject=str(self.urn),
                    now=NOW,
                    sequence=number,
                    schoolurn=self.urn,
                )
            )
        return last

    def school(self, la_code: str = "330", phase: str = "primary") -> int:
        name, laestab = f"School {self.urn}", f"{la_code}1234"
        return self.write(
            (SchoolChanged, {"urn": self.urn, "name": name, "la_code": la_code, "laestab": laestab, "phase": phase})
        )

    def calendar(self, days: Iterable[date]) -> int:
        return self.write(*calendar(days))

    def enrol(self, *pupil_ids: str, **stay: Any) -> int:
        return self.write(enrolled(*pupil_ids, **stay))

    def facts(self, pupil_id: str, born: str | None, version: int = 1) -> int:
        return self.write(facts(pupil_id, born, version))

    def marks(self, day: date, session: str, codes: Mapping[str, str | None]) -> int:
        return self.write(marked(day, session, codes))


def calendar(days: Iterable[date]) -> list[tuple[type[Entry], dict[str, Any]]]:
    years: dict[int, list[OpenDay]] = {}
    for day in sorted(days):
        years.setdefault(year_of(day), []).append(OpenDay(day.isoformat(), ["AM", "PM"]))
    return [(CalendarChanged, {"academic_year": year_name(year), "days": its}) for year, its in years.items()]


def enrolled(
    *pupil_ids: str, from_: str = "2025-01-01", to: str | None = None, kind: Any = "single", none: bool = False
) -> tuple[type[Entry], dict[str, Any]]:
    stays = [] if none else [Enrolment(from_, to, kind)]
    return EnrolmentChanged, {"pupils": [PupilEnrolments(pupil_id, stays) for pupil_id in pupil_ids]}


def facts(pupil_id: str, born: str | None, version: int = 1) -> tuple[type[Entry], dict[str, Any]]:
    told = PupilFacts(pupil_id=pupil_id, pupil_version=version, date_of_birth=born, year_group=6, flags=["FSM"])
    return PupilChanged, {"pupils": [told]}


def marked(day: date, session: str, codes: Mapping[str, str | None]) -> tuple[type[Entry], dict[str, Any]]:
    marks = [Mark(pupil_id, code) for pupil_id, code in codes.items()]
    return SessionMarked, {"date": day.isoformat(), "session": session, "marks": marks}


def merged(dead: str, survivor: str, version: int = 0) -> tuple[type[Entry], dict[str, Any]]:
    return PupilMerged, {"pupil_id": dead, "survivor": survivor, "identity_version": version}


def split(pupil_id: str, other: str, version: int) -> tuple[type[Entry], dict[str, Any]]:
    return PupilSplit, {"pupil_id": pupil_id, "other": other, "restored": True, "identity_version": version}


def records(entries: Iterable[Event], partition: int = 0, first: int = 0) -> list[Record]:
    """Entries as a partition's records."""
    return [
        Record(Partition(TOPIC, partition), offset, str(entry.schoolurn).encode(), encode(entry), entry.id)
        for offset, entry in enumerate(entries, first)
    ]


class Engine:
    """Applies records as the consumer does, one transaction per batch, and tells what came of it."""

    def __init__(self, database: Database, clock: Clock = CLOCK, shipped: Sequence[Policy] | None = None) -> None:
        self.database = database
        self.clock = clock
        self.policies = Policies(clock, shipped)
        self.handle = handler(clock, self.policies)
        self.signal = Signal()

    async def take(self, entries: Sequence[Event], partition: int = 0) -> None:
        """Applies one batch."""
        batch = records(entries, partition)
        await self.database.in_transaction(lambda tx: self.handle(tx, batch))

    async def take_pile(self, batches: Sequence[Sequence[Event]], partition: int = 0) -> None:
        """Puts several polls on a pile, as the consumer does when it lags, and applies it."""
        pile = LedgerPile(self.clock, self.policies)
        async with self.database.connection() as connection:
            for entries in batches:
                await pile.take(connection, records(entries, partition))
        await self.database.in_transaction(pile.apply)

    async def said(self) -> list[Event]:
        """Every event announced so far, in order."""
        async with self.database.connection() as connection:
            return [decode(row["body"]) for row in await connection.fetch("select body from outbox order by id")]

    async def fetch(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]

    async def standing(self) -> list[tuple[Any, ...]]:
        """What is a function of the ledgers alone: standing episodes without ids and revisions."""
        return await self.fetch(
            "select pupil_id::text, kind, year, state, provisional, crossed_on, crossed_session, firm_on, firm_session,"
            " ended_on, ended_session, ended_reason, school_urn, hash from episode where state <> 'reversed'"
            " order by pupil_id, kind, year, crossed_on, crossed_session"
        )

    async def sheets(self) -> list[tuple[Any, ...]]:
        return await self.fetch(
            "select * from sheet where marks <> repeat(E'\\\\000', length(marks))::bytea order by 1, 2, 3"
        )
