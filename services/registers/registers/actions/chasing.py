"""Chasing schools: background work that says which reasons are due, and which registers are missing, once each.

What was said is kept beside the ledger entries that say it, so nothing is said twice, and nothing is left out while the
service is down. A look costs little: only schools are looked at whose ledger has moved since the last one, and all of
them when the date changes.
"""

import asyncio
from collections.abc import Collection
from datetime import date

from common.db import Database
from common.health import Health
from common.loops import Pulse, pause

from registers.actions.writing import Write, Writer
from registers.domain import reasons as rules
from registers.domain.policy import policy_on
from registers.store import reasons

LOOK_SECONDS = 5.0
"""How long after a reason is given it may still be chased."""
SCHOOLS_AT_ONCE = 100


class Chase:
    """Background work: keeps what was said of marks N what is so."""

    name = "chase"

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._pulse = Pulse()
        self._seen: dict[int, int] = {}
        self._day: date | None = None

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
        """Looks at every school about which something was written since the last look, or at all on a new day."""
        today = self._writer.clock.today()
        async with self._database.transaction() as tx:
            ends = await reasons.ledger_ends(tx)
        seen = self._seen if today == self._day else {}
        moved = [urn for urn, end in ends.items() if seen.get(urn) != end]
        for at in range(0, len(moved), SCHOOLS_AT_ONCE):
            self._pulse.beat()
            await chase_reasons(self._database, self._writer, moved[at : at + SCHOOLS_AT_ONCE])
        self._seen, self._day = ends, today


async def chase_reasons(database: Database, writer: Writer, urns: Collection[int]) -> None:
    """Says what is new about the marks N of some schools."""
    today = writer.clock.today()
    rule = policy_on(today).reasons
    async with database.transaction() as tx:
        known = await reasons.known(tx, urns, today)
    for urn in sorted(known):
        if rules.is_changed(known[urn], today, rule):
            await _say(writer, urn)


async def _say(writer: Writer, urn: int) -> None:
    async def work(write: Write) -> None:
        known = (await reasons.known(write.tx, [urn], write.today))[urn]
        codes = await reasons.codes(write.tx, urn, list(known.said))
        rule = policy_on(write.today).reasons
        said, settled = rules.chase(known, codes, write.today, rule, write.facts(urn))
        await reasons.say(write.tx, urn, said, settled)

    await writer.run([urn], work)
