"""Marks whose day comes: background work that judges anew, at the start and at midnight, what today decides.

At the start it also looks whether the code table is another one than the last time, or the date an earlier one: then
all marks of every school, or those that stand too early, are judged again.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product

from common.academic import Session
from common.codes import code_table
from common.db import Database
from common.health import Health
from common.loops import Pulse, pause

from registers.actions.settling import settle_sessions
from registers.actions.writing import Write, Writer
from registers.store import evaluated, marks, schools

LOOK_SECONDS = 5.0
"""How long after midnight a mark may still be waiting."""
AGAIN_SECONDS = 60.0
"""When marks are judged once more: what was being written by yesterday's date at midnight is committed by then, or not
at all.
"""


class Release:
    """Background work: keeps standing marks those that today allows."""

    name = "release"

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._pulse = Pulse()

    def health(self) -> Health:
        """Not ok when it has stopped looking."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """Judges marks anew at the start and whenever the date changes, and once more after that, until `stop`."""
        done: date | None = None
        again = math.inf
        while not stop.is_set():
            self._pulse.beat()
            today = self._writer.clock.today()
            if today != done or time.monotonic() >= again:
                await judge_by(self._database, self._writer, today)
                again = time.monotonic() + AGAIN_SECONDS if today != done else math.inf
                done = today
            await pause(stop, LOOK_SECONDS)


async def judge_by(database: Database, writer: Writer, today: date) -> None:
    """Releases the marks that have waited for a day until `today`; judges all anew when code table or clock went
    another way.
    """
    digest = hashlib.sha256(repr(sorted(code_table().items())).encode()).hexdigest()
    async with database.transaction() as tx:
        noted = await evaluated.read(tx)
        due = await marks.schools_with_days_due(tx, today)
        early = await marks.schools_with_marks_after(tx, today) if noted.get("today", "") > today.isoformat() else []
        everybody = await schools.every_urn(tx) if noted.get("code-table", digest) != digest else []
    for urn in everybody:
        await _judge(writer, urn, first=date.min)
    for urn in early:
        await _judge(writer, urn, first=today + timedelta(days=1))
    for urn, days in due.items():
        await _judge(writer, urn, days=days)
    async with database.transaction() as tx:
        await evaluated.note(tx, "today", today.isoformat())
        await evaluated.note(tx, "code-table", digest)


async def _judge(writer: Writer, urn: int, *, days: Sequence[date] = (), first: date | None = None) -> None:
    """Judges the sessions of some days at a school anew, or of all days from one on."""

    async def work(write: Write) -> None:
        chosen = days if first is None else await marks.days_with_marks(write.tx, urn, first)
        await settle_sessions(write, urn, list(product(chosen, Session)))

    await writer.run([urn], work)
