"""All schools, once or again and again: a few at a time, and none waits for another that fails."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime

from common.academic import days_of, year_of
from common.clock import LONDON
from common.public_api import Api

from wonde import school
from wonde.api import Wonde
from wonde.report import Report
from wonde.state import State
from wonde.visit import Link

AT_ONCE = 4


async def runs(
    links: Sequence[Link], wonde: Wonde, api: Api, state: State, since: date | None, every: float | None
) -> AsyncIterator[list[Report]]:
    """The reports of one run of all schools after the other, begun every so many seconds; of one where it is None.
    `since`: the first day whose attendance is sent; None: that of the academic year.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(link: Link, first: date) -> Report:
        async with turns:
            return await school.run(link, wonde, api, state, first)

    while True:
        began = time.monotonic()
        first = since or days_of(year_of(datetime.now(LONDON).date()))[0]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(link, first)) for link in links]
        yield [task.result() for task in tasks]
        if every is None:
            return
        await asyncio.sleep(max(0.0, began + every - time.monotonic()))


def as_line(reports: Sequence[Report]) -> str:
    """A run as one line of JSON."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"at": at, "schools": [report.as_json() for report in reports]})
