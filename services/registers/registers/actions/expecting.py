"""Registers that are expected: background work that says which are missing and when they come, and what is asked.

Only sessions of the last days are looked at for new ones; a register that is missing stays so until it comes, however
old, or until the session turns out not to be one. Each is said once: what was said is kept with the ledger's entry.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from common.academic import year_of
from common.clock import LONDON, Clock
from common.db import Database, Transaction
from common.health import Health
from common.loops import Pulse, pause
from common.security import Caller

from registers.actions.access import check_known_school
from registers.actions.writing import Write, Writer
from registers.domain import expected as rules
from registers.domain.expected import Coverage, Known, Place, Status
from registers.domain.policy import policy_on
from registers.store import expected, reasons, schools
from registers.store.expected import LateRegister

LOOK_SECONDS = 30.0
"""How long after its time a missing register may still go unsaid."""
SCHOOLS_AT_ONCE = 50


class ExpectedRegister(NamedTuple):
    """A register that is expected, and what became of it."""

    place: Place
    closes_at: datetime
    status: Status
    coverage: Coverage
    received_at: datetime | None


class Expecting:
    """Background work: keeps what was said of missing registers what is so."""

    name = "expecting"

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._pulse = Pulse()
        self._seen: dict[int, int] = {}
        self._taken: set[tuple[int, Place]] = set()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at the start, and then again and again until `stop`."""
        while not stop.is_set():
            self._pulse.beat()
            await self.look()
            await pause(stop, LOOK_SECONDS)

    async def look(self) -> None:
        """Looks at the sessions that are over and not known to be taken, and at missing registers where something was
        written since the last look.
        """
        now = local_now(self._writer.clock)
        async with self._database.transaction() as tx:
            ends = await reasons.ledger_ends(tx)
        urns = sorted(ends)
        for at in range(0, len(urns), SCHOOLS_AT_ONCE):
            self._pulse.beat()
            some = urns[at : at + SCHOOLS_AT_ONCE]
            await self._look_at(some, {urn for urn in some if self._seen.get(urn) != ends[urn]}, now)
        self._seen = ends
        first = now.date() - timedelta(days=policy_on(now.date()).registers.look_back_days)
        self._taken = {(urn, place) for urn, place in self._taken if place.on >= first}

    async def _look_at(self, urns: Sequence[int], moved: Collection[int], now: datetime) -> None:
        rule = policy_on(now.date()).registers
        async with self._database.transaction() as tx:
            known = await _known(tx, urns, now, self._taken, moved)
        for urn, what in known.items():
            self._taken |= {(urn, place) for place in rules.taken(what, rule)}
            if any(rules.changes(what, now, rule)):
                await _say(self._writer, urn, now)


def local_now(clock: Clock) -> datetime:
    """What a clock on a school's wall shows: today's date, which may be fixed, and the time in London."""
    return datetime.combine(clock.today(), clock.now().astimezone(LONDON).time(), LONDON)


async def _say(writer: Writer, urn: int, now: datetime) -> None:
    async def work(write: Write) -> None:
        known = (await _known(write.tx, [urn], now, (), [urn]))[urn]
        new = rules.changes(known, now, policy_on(now.date()).registers)
        rules.say(new, write.facts(urn))
        await expected.keep(write.tx, urn, new, write.now)

    await writer.run([urn], work)


async def _known(
    tx: Transaction, urns: Sequence[int], now: datetime, taken: Collection[tuple[int, Place]], moved: Collection[int]
) -> dict[int, Known]:
    """What matters of some schools; without what is `taken`, and of missing registers only those at schools that have
    `moved`.
    """
    today = now.date()
    rule = policy_on(today).registers
    first = today - timedelta(days=rule.look_back_days)
    missed = await expected.missed(tx, urns, first, today)
    closes = await _closes(tx, urns, first, today)
    over = {
        at: closes_at
        for at, closes_at in closes.items()
        if at not in taken and rules.is_over(closes_at, now, rule) and (at[0] in moved or at not in missed)
    }
    waiting = {at: said for at, said in missed.items() if at[0] in moved}
    coverage = await expected.coverage(tx, {*over, *waiting})
    parts = [expected.by_school(part) for part in (over, waiting, coverage)]
    return {urn: Known(*(part.get(urn, {}) for part in parts)) for urn in urns}


async def _closes(tx: Transaction, urns: Collection[int], first: date, last: date) -> dict[tuple[int, Place], datetime]:
    """When the registers of the open sessions of some days close."""
    found: dict[tuple[int, Place], datetime] = {}
    times = {day: await schools.register_times(tx, urns, day) for day in (first, last)}
    for urn, place in await expected.open_sessions(tx, urns, first, last):
        of_year = times[first] if year_of(place.on) == year_of(first) else times[last]
        default = policy_on(place.on).registers.closes
        closes = rules.closing(of_year.get(urn, ()), place.session, default)
        found[urn, place] = datetime.combine(place.on, closes, LONDON)
    return found


async def registers_expected(
    database: Database, caller: Caller, urn: int, on: date, now: datetime
) -> list[ExpectedRegister]:
    """The registers that a school is expected to take on a day; NotFoundError when the caller may not see it."""
    rule = policy_on(on).registers
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        closes = await _closes(tx, [urn], on, on)
        missed = await expected.missed(tx, [urn], on, on)
        coverage = await expected.coverage(tx, closes)
    found: list[ExpectedRegister] = []
    for (_, place), closes_at in closes.items():
        covered, said = coverage[urn, place], missed.get((urn, place))
        if covered.expected:
            status = rules.status(closes_at, covered, said, now, rule)
            received_at = said.ended_at if said is not None and status == "late" else None
            found.append(ExpectedRegister(place, closes_at, status, covered, received_at))
    return found


async def late_registers(
    database: Database, caller: Caller, on: date, la_code: str | None, after: tuple[int, int], limit: int
) -> list[LateRegister]:
    """The registers of a day that were said to be missing, at the schools that the token opens."""
    async with database.transaction() as tx:
        return await expected.late(tx, on, caller.reach.schools, la_code, after, limit)
