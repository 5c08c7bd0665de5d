"""School days played live against a running product, and what came of them.

`play` posts them, `tell` reads the summary, `correction.show` undoes a crossing. All three talk through `say`, a line
at a time, so that they need no terminal.
"""

import asyncio
import time
from collections.abc import Callable

from common.academic import year_name
from common.public_api import Api

from simulator import summary
from simulator.client import Poster
from simulator.summary import Row

Say = Callable[[str], None]

_LETTERS_SECONDS = 20.0


async def set_up(poster: Poster, say: Say) -> None:
    """Schools, calendars and rolls."""
    began = time.perf_counter()
    await poster.set_up()
    authority = poster.mis.authority
    contacts = sum(len(pupil.contacts) for pupil in authority.pupils)
    taken = time.perf_counter() - began
    say(
        f"{len(authority.schools)} schools, {len(authority.pupils):,} pupils and {contacts:,} contacts "
        f"on roll in {taken:.1f} s"
    )


async def play(poster: Poster, days: int, progress: Say) -> float:
    """The first `days` school days of the year, a line of progress for each; the seconds that it took."""
    began = time.perf_counter()
    for place, day in enumerate(poster.mis.authority.days[:days]):
        await poster.play(place)
        seconds = time.perf_counter() - began
        posted = poster.posted
        progress(
            f"day {place + 1:3} of {days}  {summary.in_words(day.date.isoformat()):16}"
            f"{posted.marks:10,} marks {posted.marks / seconds:8,.0f} a second"
            f"{posted.statuses.get('corrected', 0):8,} corrected"
        )
    return time.perf_counter() - began


async def tell(poster: Poster, days: int, seconds: float, say: Say) -> list[Row]:
    """The summary; answers the enrolments' counts that it is made from."""
    await _letters_leave(poster.api)
    posted, authority = poster.posted, poster.mis.authority
    say("")
    say(
        f"{posted.marks:,} marks in {posted.registers:,} registers taken in {seconds:.1f} s, "
        f"{posted.marks / seconds:,.0f} a second:"
    )
    said = {"accepted": "new", "corrected": "corrections", "unchanged": "said again", "quarantined": "in quarantine"}
    say("  " + ", ".join(f"{count:,} {said.get(status, status)}" for status, count in posted.statuses.items()))
    enrolments = await summary.rows(poster.api, authority, year_name(authority.year))
    for title, lines in (
        ("Absence so far", summary.absence_lines(enrolments, authority, authority.days[:days])),
        ("Open tasks", await summary.task_lines(poster.api)),
        ("Letters", await summary.letter_lines(poster.api)),
        ("One crossing explained", await summary.explanation_lines(poster.api)),
    ):
        say("")
        say(title)
        for line in lines:
            say(f"  {line}")
    return enrolments


async def _letters_leave(api: Api) -> None:
    """Waits until every letter has left, or for twenty seconds: what is told after that is still true."""
    deadline = time.monotonic() + _LETTERS_SECONDS
    while time.monotonic() < deadline:
        waiting = [await api.get("/v1/letters", status=status, page_size=1) for status in ("queued", "sending")]
        if not any(page["items"] for page in waiting):
            return
        await asyncio.sleep(0.2)
