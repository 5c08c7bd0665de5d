"""What a year takes: bytes a mark for what stands (sheets and episodes), bytes a correction for what stood before,
indexes and dead rows included.

The year of a simulated authority, register by register, with what its offices put right, is applied by the engine to a
real PostgreSQL, some registers at a time as they come in on a school day. The year passes in a minute, so that
autovacuum would come too late: tables are vacuumed after each school week. They are measured as they then are.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np
from absence_engine.actions.holding import Policies
from absence_engine.consumer import handler
from absence_engine.domain.history import CHANGE
from common.clock import Clock
from common.db import Database
from common.events import Event
from common.migrate import migrate
from simulator import authority
from simulator.mis import Mis, Register

from tests import servers
from tests.bench.report import Figure
from tests.integration.absence_engine.ledgers import Ledger, records

PUPILS = 1000
REGISTERS_AT_ONCE = 10
VACUUM = "vacuum mark_day, sheet, episode"
SIZES = """
select pg_total_relation_size('mark_day'), pg_total_relation_size('mark_group'),
    pg_total_relation_size('sheet'), pg_total_relation_size('episode'), (select count(*) from episode)
"""
CHANGES = "select changes from mark_day"


class Ledgers:
    """The schools' ledgers, from what their systems send: only marks that change are in them, as registers has it."""

    def __init__(self, mis: Mis) -> None:
        self.mis = mis
        self._ledgers = {urn: Ledger(urn) for urn, _ in mis.schools()}
        self._stands: dict[tuple[str, str, str], str] = {}
        self.marks = 0
        self.weeks = 0

    def entries(self) -> Iterator[list[Event]]:
        """The entries of the year, some registers at a time: both sessions of a day, then its corrections."""
        waiting: list[Event] = []
        for day in range(len(self.mis.authority.days)):
            self.weeks = day // 5
            registers = (*self.mis.registers(day, 0), *self.mis.registers(day, 1), *self.mis.corrections(day))
            for register in registers:
                waiting += self._entry(register)
                if len(waiting) >= REGISTERS_AT_ONCE:
                    yield waiting
                    waiting = []
        yield waiting

    def _entry(self, register: Register) -> list[Event]:
        changed: dict[str, str | None] = {}
        for mark in register.body["marks"]:
            pupil_id = str(uuid5(NAMESPACE_URL, f"{register.urn}/{mark['local_id']}"))
            slot = (pupil_id, register.date.isoformat(), register.session)
            if self._stands.get(slot) != mark["code"]:
                self._stands[slot] = changed[pupil_id] = mark["code"]
        if not changed:
            return []
        self.marks += len(changed)
        ledger = self._ledgers[register.urn]
        ledger.marks(register.date, register.session, changed)
        taken = datetime.fromisoformat(register.body["taken_at"]).astimezone(UTC)
        time = taken.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [msgspec.structs.replace(ledger.entries[-1], time=time)]


async def measure(pupils: int) -> list[Figure]:
    """The figures of one year."""
    ledgers = Ledgers(Mis(authority.build(pupils)))
    with servers.postgres() as server:
        async with servers.fresh_database(server.url) as url:
            await migrate(url, "absence_engine")
            database = await Database.open(url)
            clock = Clock()
            handle = handler(clock, Policies(clock))
            weeks = 0
            for entries in ledgers.entries():
                batch = records(entries)
                await database.in_transaction(lambda tx, batch=batch: handle(tx, batch))
                if ledgers.weeks > weeks:
                    weeks = ledgers.weeks
                    async with database.connection() as connection:
                        await connection.execute(VACUUM)
            async with database.connection() as connection:
                days, groups, sheets, episodes, told = await connection.fetchrow(SIZES) or (0, 0, 0, 0, 0)
                rows = await connection.fetch(CHANGES)
            await database.close()
    kept = np.frombuffer(b"".join([row[0] for row in rows]), CHANGE)
    corrections = int(np.count_nonzero(kept["before"]))
    note = f"({corrections:,} corrections, {corrections / pupils:.1f} a pupil; {ledgers.marks:,} marks)"
    standing = f"(sheets {sheets / ledgers.marks:.2f}, {told:,} episodes of every kind {episodes / ledgers.marks:.2f})"
    return [
        Figure("sheets and episodes", "bytes a mark", (sheets + episodes) / ledgers.marks, 8, True, standing),
        Figure("history", "bytes a correction", days / len(kept), 60, True, note),
        Figure("history, with the time of each first mark", "bytes a mark", (days + groups) / ledgers.marks, None),
    ]


def run(pupils: int = PUPILS) -> list[Figure]:
    """Bytes, of one year: it varies by little."""
    return asyncio.run(measure(pupils))
