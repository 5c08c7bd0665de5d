"""Has everything that was announced been consumed? Told by content, not by offsets: it holds on a new Kafka as well.

`outstanding` asks the snapshots; `reached` asks again and again until nothing is outstanding, and gives up when nothing
has moved for `patience` seconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

from audit.read import downstream, engine, registers
from audit.read.snapshot import Connection, Snapshots, snapshots

POLL_SECONDS = 0.25
LONGEST_SECONDS = 3600


class NotReachedError(Exception):
    """Nothing moves any more, and something has not arrived; the message says what is waited for."""


@dataclass
class Outstanding:
    """What has been announced and not consumed. `waiting` says it in words; the sets say whom it concerns.

    `schools`: the engine is behind their ledgers. `recalculating`: registers has yet to judge marks of theirs anew.
    `authorities`: the engine has yet to look at their children by another policy.
    `in_casework`, `in_notifications`: episodes of which these two don't know the newest state. `letters`, `reasons`:
    letters and marks N of which casework doesn't. `aliases`: ids that one of them takes for another child than the
    engine does. `moved`: numbers that change whenever something is done.
    """

    waiting: list[str] = field(default_factory=list)
    schools: set[int] = field(default_factory=set)
    recalculating: set[int] = field(default_factory=set)
    authorities: set[str] = field(default_factory=set)
    in_casework: set[str] = field(default_factory=set)
    in_notifications: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    reasons: set[tuple[int, str, date, str]] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    moved: list[int] = field(default_factory=list)


async def outstanding(at: Snapshots, today: date) -> Outstanding:
    """What is still on its way in these snapshots, service by service."""
    found = Outstanding()
    judged_by = await registers.judged_by(at.registers)
    if judged_by is not None and judged_by != today:
        found.waiting.append(f"registers: marks are judged by {judged_by}, and today is {today} (see ROLLCALL_TODAY)")
    await _recalculations(at, found)
    await _ledgers(at, found)
    await _policies(at, today, found)
    for name, connection in (
        ("registers", at.registers),
        ("absence-engine", at.engine),
        ("casework", at.casework),
        ("notifications", at.notifications),
    ):
        await _outbox(name, connection, found)
    for connection in (at.engine, at.casework, at.notifications):
        found.moved.append(await downstream.last_offsets(connection))
    if not found.waiting:  # the cheap questions first: while those are open, the others would be asked for nothing
        await mirrors(at, found)
    return found


async def _recalculations(at: Snapshots, found: Outstanding) -> None:
    """No school has marks to judge that a change concerned; the engine evaluates their children after that."""
    for urn, left in (await registers.rejudging(at.registers)).items():
        found.moved.append(left)
        found.schools.add(urn)
        found.recalculating.add(urn)
        found.waiting.append(f"registers: school {urn} is being recalculated")


async def _ledgers(at: Snapshots, found: Outstanding) -> None:
    """Every school's last entry has been counted by the engine."""
    positions = await engine.positions(at.engine)
    for school in await registers.schools(at.registers):
        position = positions.get(school.urn)
        counted, number = (position.evaluated, position.number) if position else (0, 0)
        found.moved += [school.last_number, counted, number]
        if (counted, number) != (school.last_number, school.last_number):
            found.schools.add(school.urn)
            reason = f" ({position.state}: {position.reason})" if position and position.state != "following" else ""
            found.waiting.append(
                f"absence-engine: school {school.urn} is counted to entry {counted} of {school.last_number}{reason}"
            )


async def _policies(at: Snapshots, today: date, found: Outstanding) -> None:
    """The engine knows which policies are in force today, and has looked at everybody for whom another one is."""
    day = await engine.policy_day(at.engine)
    if day is not None and day != today:
        found.waiting.append(f"absence-engine: policies are those of {day}, and today is {today}")
    for la_code, version, children in await engine.reevaluating(at.engine):
        found.moved.append(children)
        found.authorities.add(la_code)
        found.waiting.append(
            f"absence-engine: authority {la_code} is looked at by {version}, {children} children so far"
        )


async def _outbox(name: str, connection: Connection, found: Outstanding) -> None:
    """The service has published all that it said."""
    number = await downstream.outbox(connection)
    found.moved.append(number)
    if number:
        found.waiting.append(f"{name}: {number} events are to be published")


async def mirrors(at: Snapshots, found: Outstanding) -> None:
    """casework and notifications know the newest state of every episode, casework that of every letter, both every
    merge and split.
    """
    episodes = {row.episode_id: row.revision for row in await engine.episodes(at.engine)}
    for name, connection, behind in (
        ("casework", at.casework, found.in_casework),
        ("notifications", at.notifications, found.in_notifications),
    ):
        known = await downstream.mirrored_episodes(connection)
        behind |= {key for key, revision in episodes.items() if key not in known or known[key].revision < revision}
        _wait_for(found, behind, f"{name}: the newest state of {len(behind)} episodes")
    letters = await downstream.letters(at.notifications)
    heard = await downstream.mirrored_letters(at.casework)
    for letter, revision in letters:
        if letter.letter_id not in heard or heard[letter.letter_id].revision < revision:
            found.letters.add(letter.letter_id)
    _wait_for(found, found.letters, f"casework: the newest state of {len(found.letters)} letters")
    await _reasons(at, found)
    settlements = await downstream.settlements(at.notifications)
    due = {episode_id for episode_id, state in settlements.items() if state == "due"}
    _wait_for(found, due, f"notifications: the recipients of {len(due)} letters, to be asked of registers")
    dead = {row.pupil_id: row.survivor for row in (await engine.children(at.engine)).values() if row.survivor}
    for name, connection in (("casework", at.casework), ("notifications", at.notifications)):
        heard_of = await downstream.aliases(connection)
        missing = {pupil_id for pupil_id in {*dead, *heard_of} if dead.get(pupil_id) != heard_of.get(pupil_id)}
        found.aliases |= missing
        _wait_for(found, missing, f"{name}: {len(missing)} merged children")


async def _reasons(at: Snapshots, found: Outstanding) -> None:
    """casework knows of every mark N what registers says of it."""
    said = await registers.reasons(at.registers)
    told = await downstream.reasons(at.casework)
    found.reasons |= {key for key in {*said, *told} if said.get(key) != told.get(key)}
    _wait_for(found, found.reasons, f"casework: the newest state of {len(found.reasons)} reasons")


def _wait_for(found: Outstanding, missing: Collection[object], text: str) -> None:
    found.moved.append(len(missing))
    if missing:
        found.waiting.append(text)


@asynccontextmanager
async def reached(
    opened: dict[str, Connection], today: date, *, patience: float, give_up: bool
) -> AsyncIterator[tuple[Snapshots, Outstanding]]:
    """Snapshots in which nothing is outstanding, found by asking until it is so.

    After `patience` seconds in which nothing moved: NotReachedError, or without `give_up` the snapshots as they are,
    with all that is outstanding in them.
    """
    began = moved_at = time.monotonic()
    before: list[int] = []
    while True:
        async with snapshots(opened) as at:
            found = await outstanding(at, today)
            if not found.waiting:
                yield at, found
                return
            now = time.monotonic()
            if found.moved != before:
                before, moved_at = found.moved, now
            if now - moved_at > patience or now - began > LONGEST_SECONDS:
                if give_up:
                    raise NotReachedError("; ".join(found.waiting))
                await mirrors(at, found)
                yield at, found
                return
        await asyncio.sleep(POLL_SECONDS)
