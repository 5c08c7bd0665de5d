"""Households as readers are told of them: with each write that may change them; and of everybody, in the background,
when a key is there for the first time or is another one than before.

Each chunk of children is a write of its own. Whoever is told already as things are is not told again, so that it does
not matter where the work is cut off, or how many processes do it.
"""

import asyncio
import time
from collections.abc import Collection

import structlog
from common.db import Database
from common.health import Health
from common.loops import Pulse, pause

from registers.actions import flags
from registers.actions.writing import Write, Writer
from registers.domain import households as rules
from registers.store import evaluated, pupils, schools
from registers.store import households as store

NOTE = "household-key"
CHILDREN_AT_ONCE = 500
LOOK_SECONDS = 5.0
FIRST = "00000000-0000-0000-0000-000000000000"

log = structlog.get_logger()


async def moved(write: Write, children: Collection[str]) -> set[str]:
    """Those of these (living) children whose households are others than was told."""
    if not children:
        return set()
    told = await flags.codes_of(write, children)
    return {child for child, its in (await pupils.codes(write.tx, children)).items() if its != told[child]}


class Households:
    """Background work: tells everybody's households anew when the key is another one."""

    name = "households"

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at the key once; then only says that it is well, until `stop`."""
        await tell_all(self._database, self._writer, stop, self._pulse)
        while not stop.is_set():
            self._pulse.beat()
            await pause(stop, LOOK_SECONDS)


async def tell_all(database: Database, writer: Writer, stop: asyncio.Event, pulse: Pulse) -> int:
    """Tells the households of all children whose codes were made otherwise, unless none were; how many children."""
    now = rules.fingerprint(writer.household_key)
    async with database.transaction() as tx:
        before = (await evaluated.read(tx)).get(NOTE, rules.fingerprint(None))
        urns = await schools.every_urn(tx) if before != now else []
    told = 0
    for urn in urns:
        after: str | None = FIRST
        while after is not None and not stop.is_set():
            pulse.beat()
            began = time.monotonic()
            after, some = await _tell_next(writer, urn, after)
            told += some
            await pause(stop, time.monotonic() - began)
    if before != now and not stop.is_set():
        async with database.transaction() as tx:
            await evaluated.note(tx, NOTE, now)
        log.info("households told", children=told)
    return told


async def _tell_next(writer: Writer, urn: int, after: str) -> tuple[str | None, int]:
    """Tells of the next children of a school; the last of them, None when there are no more, and how many were."""

    async def work(write: Write) -> tuple[str | None, int]:
        children = await store.known_at(write.tx, urn, after, CHILDREN_AT_ONCE)
        await pupils.lock(write.tx, children)
        news = await moved(write, children)
        await flags.follow(write, urn, news)
        return children[-1] if len(children) == CHILDREN_AT_ONCE else None, len(news)

    found, _ = await writer.run([urn], work)
    return found
