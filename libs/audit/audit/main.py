"""`rollcall audit`: takes a snapshot in which nothing is on its way, compares, tells.

Exit status 0: no difference. 1: at least one. 2: it could not run, because a database is missing or because something
that was announced does not arrive.
"""

import time
from datetime import date, datetime
from typing import TextIO
from zoneinfo import ZoneInfo

import asyncpg

from audit import barrier
from audit.barrier import NotReachedError
from audit.compare.everything import compare_everything
from audit.read import registers, snapshot
from audit.read.snapshot import Connection
from audit.report import Report

PATIENCE_SECONDS = 60.0
"""How long a running product may stand still before the audit says that something is stuck."""
STOPPED_PATIENCE_SECONDS = 2.0
"""The same for a stopped one, where nothing is expected to move."""

NO_DIFFERENCE, DIFFERENCES, COULD_NOT_RUN = 0, 1, 2


async def run(
    server_url: str, *, today: date | None, out: TextIO, running: bool = True, patience: float | None = None
) -> int:
    """Audits the four databases of a server; returns the exit status.

    `today` is the day by which marks are allowed. When it is None: the day in London, or the day by which the product
    judges itself where that is another than today, yesterday or tomorrow (its date is set, see ROLLCALL_TODAY, or it is
    stopped). With `running` it waits until everything that was announced has been consumed, as
    long as something moves at least every `patience` seconds; on a stopped product it leaves out what was not
    delivered, and says so.
    """
    report = Report(out)
    began = time.monotonic()
    if patience is None:
        patience = PATIENCE_SECONDS if running else STOPPED_PATIENCE_SECONDS
    try:
        opened = await snapshot.connect(server_url)
    except (OSError, asyncpg.PostgresError) as error:
        report.say(f"could not run: {error}")
        return COULD_NOT_RUN
    try:
        today = await _today(opened["registers"], today, running)
        async with barrier.reached(opened, today, patience=patience, give_up=running) as (at, outstanding):
            await compare_everything(at, outstanding, today, report)
    except NotReachedError as error:
        report.say(f"could not run: nothing has moved for {patience:.0f} s, and this has not arrived: {error}")
        return COULD_NOT_RUN
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        report.say(f"could not run: a database is not of this version; start the product once: {error}")
        return COULD_NOT_RUN
    finally:
        await snapshot.close(opened)
    report.end()
    report.say(f"seconds: {time.monotonic() - began:.1f}")
    return DIFFERENCES if report.differences else NO_DIFFERENCE


async def _today(database: Connection, given: date | None, running: bool) -> date:
    """The day to judge by. Around midnight a running product is behind by a day: that is waited for."""
    judged_by = await registers.judged_by(database)
    today = given or datetime.now(ZoneInfo("Europe/London")).date()
    if judged_by is not None and (not running or (given is None and abs((judged_by - today).days) > 1)):
        return judged_by
    return today
