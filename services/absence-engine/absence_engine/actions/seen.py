"""What an answer has seen of schools: how complete their registers are, and how far each is counted."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta

from common.academic import year_of
from common.db import Transaction

from absence_engine.domain.coverage import Coverage, coverage
from absence_engine.store import progress
from absence_engine.store.progress import Freshness


@dataclass(frozen=True, slots=True)
class Seen:
    """Of some schools: how many sessions of some days should have a register and have one; how far each is counted."""

    coverage: Coverage
    schools: tuple[Freshness, ...]

    @property
    def recalculating(self) -> list[int]:
        """The schools (URN) that judge their marks anew at this moment."""
        return [one.urn for one in self.schools if one.recalculating]

    @property
    def oldest(self) -> Freshness | None:
        """The school whose latest marked session is the earliest; one without any goes before all others."""
        return min(self.schools, key=lambda one: one.last_register or (date.min, 0), default=None)


async def each_seen(
    tx: Transaction, urns: Collection[int], year: int, today: date, as_of: date | None = None
) -> list[Freshness]:
    """How far some schools are counted, and how complete the year of each is, up to a day if one is given."""
    known = await progress.coverage(tx, urns, year)
    return [
        replace(one, coverage=coverage(*known[one.urn], year, today, as_of)) if one.urn in known else one
        for one in await progress.freshness(tx, urns)
    ]


async def seen(tx: Transaction, urns: Collection[int], first: date, last: date, today: date) -> Seen:
    """What is known of some schools' registers from a day to another, both inclusive."""
    expected = registers = 0
    before = first - timedelta(1)
    for year in range(year_of(first), year_of(last) + 1):
        for sessions, places in (await progress.coverage(tx, urns, year)).values():
            upto, out = (coverage(sessions, places, year, today, day) for day in (last, before))
            expected += upto.expected_sessions - out.expected_sessions
            registers += upto.registers - out.registers
    return Seen(Coverage(expected, registers), tuple(await progress.freshness(tx, urns)))
