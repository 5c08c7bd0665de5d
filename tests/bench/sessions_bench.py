"""What the last session of a school year costs beside the first: `python -m tests.bench sessions`.

A year of 380 sessions, registers of thirty marks with their corrections, is applied by the engine's handler to a real
PostgreSQL. Some sessions come in small batches, as on a school morning, and are measured: CPU seconds of Python and of
PostgreSQL for their registers alone, since the first session has nothing to correct. The sessions between are put on
piles, as in a replay. A shared machine does the same work for more CPU in one hour than in the next: each session is
counted in units of a piece of work of our own, done before and after it.
"""

import asyncio
import gc
from collections.abc import Sequence
from typing import NamedTuple

from absence_engine.actions.holding import Policies
from absence_engine.consumer import LedgerPile, handler
from common.broker import Partition, Record
from common.db import Database
from common.events.registers import TOPIC
from common.migrate import migrate

from tests import servers
from tests.bench.day190_bench import piece
from tests.bench.engine_bench import Meter
from tests.bench.replay_bench import CLOCK, DAYS, before_registers, schools_of, sessions_of
from tests.bench.report import Figure

PUPILS = 16_200
SESSIONS = 2 * len(DAYS)
BATCH = 40
"""Registers in a small batch: what comes in while the last one is applied."""
POLL = 2000
MEASURED = (1, 2, 3, 4, 40, SESSIONS // 2, SESSIONS - 3, SESSIONS - 2, SESSIONS - 1, SESSIONS)

Session = list[tuple[int, bytes, int]]


class Cost(NamedTuple):
    """What a million marks of a session cost: CPU seconds, and pieces of work."""

    seconds: float
    pieces: float


def run(pupils: int = PUPILS) -> list[Figure]:
    """The cost of session 380 beside session 1, and of the last four beside the first four."""
    with servers.postgres() as server:
        costs = asyncio.run(_year(server, pupils))
    first, last = costs[1], costs[SESSIONS]
    early, late = (sum(costs[n].pieces for n in MEASURED if begins <= n < begins + 4) for begins in (1, SESSIONS - 3))
    note = f"({last.seconds:.1f} against {first.seconds:.1f} CPU s a million marks)"
    return [
        Figure(f"cost of session {SESSIONS}", "x that of session 1", last.pieces / first.pieces, 1.1, True, note),
        Figure("cost of the last four sessions", "x that of the first four", late / early, 1.1, True),
    ]


async def _year(server: servers.Postgres, pupils: int) -> dict[int, Cost]:
    schools = schools_of(pupils)
    async with servers.fresh_database(server.url) as url:
        await migrate(url, "absence_engine")
        engine = _Engine(await Database.open(url), Meter(server.pid))
        await engine.apply([body for _, body in before_registers(schools)])
        costs: dict[int, Cost] = {}
        for number, session in enumerate(sessions_of(schools, SESSIONS), 1):
            if number not in MEASURED:
                await engine.pile_up(session)
                continue
            await engine.apply_pile()
            await engine.rest()
            cost = costs[number] = await engine.measure([body for _, body, marks in session if marks > 1])
            print(f"  session {number}: {cost.seconds:.1f} CPU s, {cost.pieces:.0f} pieces a million marks", flush=True)
            await engine.apply([body for _, body, marks in session if marks == 1])
        await engine.database.close()
    return costs


class _Engine:
    """Applies entries, and measures what that takes."""

    def __init__(self, database: Database, meter: Meter) -> None:
        self.database, self._meter = database, meter
        self._policies = Policies(CLOCK)
        self._handle = handler(CLOCK, self._policies)
        self._pile = LedgerPile(CLOCK, self._policies)
        self._waiting: list[Record] = []

    async def apply(self, bodies: Sequence[bytes]) -> None:
        """Small batches."""
        records = _records(bodies)
        for first in range(0, len(records), BATCH):
            some = records[first : first + BATCH]
            await self.database.in_transaction(lambda tx, some=some: self._handle(tx, some))

    async def measure(self, bodies: Sequence[bytes]) -> Cost:
        """The cost of registers that come in small batches."""
        gc.collect()
        before_piece, before = piece(), self._meter.read()
        await self.apply(bodies)
        after = self._meter.read()
        here, there = (b - a for a, b in zip(before[1:], after[1:], strict=True))
        marks = sum(body.count(b'"pupil_id"') for body in bodies)
        seconds = (here + there) / marks * 1e6
        return Cost(seconds, seconds / ((before_piece + piece()) / 2))

    async def pile_up(self, session: Session) -> None:
        """Puts a session on the pile; applies it when it is full."""
        self._waiting += _records([body for _, body, _ in session])
        if len(self._waiting) >= POLL:
            await self._take()
        if self._pile.is_full:
            await self.apply_pile()

    async def _take(self) -> None:
        if not self._waiting:
            return
        async with self.database.connection() as connection:
            await self._pile.take(connection, self._waiting)
        self._waiting = []

    async def apply_pile(self) -> None:
        """Applies what is on the pile."""
        await self._take()
        await self.database.in_transaction(self._pile.apply)
        self._pile = LedgerPile(CLOCK, self._policies)

    async def rest(self) -> None:
        """What autovacuum would have done in the days since: a year passes in a minute here."""
        async with self.database.connection() as connection:
            await connection.execute("vacuum analyze", timeout=600)


def _records(bodies: Sequence[bytes]) -> list[Record]:
    return [Record(Partition(TOPIC, 0), n, b"", body, "") for n, body in enumerate(bodies)]
