"""A school that becomes another one: converted, amalgamated, rebrokered (rule book 9: predecessor and successor).

One operation: what still goes on at the school goes on at its successor, from the day of the conversion. The marks, the
calendar and the past of either stay its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from common.errors import ConflictError, Fault, InvalidError

from registers.actions import schools as actions
from registers.actions.settling import settle_children
from registers.actions.writing import Write, Writer
from registers.domain import enrolments
from registers.domain.enrolments import Stay
from registers.domain.schools import School, last_day_before
from registers.store import conversions, pupils, schools

MOST_NAMED = 50


class Converted(NamedTuple):
    """How many pupils went on at the successor, and the last number of either ledger."""

    pupils: int
    sequence: int
    successor_sequence: int


async def convert(writer: Writer, urn: int, successor: int, on: date) -> Converted:
    """Lets `successor` take over from a school `on` a day, today at the latest. Said again, it changes nothing.

    NotFoundError: one of the two is not known. InvalidError: the day is to come, or the school was not open before it,
    or both are the same school. ConflictError: the school has closed otherwise, the successor is closed or is itself
    taken over, or it calls somebody else by a local id that moves.
    """
    if urn == successor:
        raise InvalidError(faults=[Fault("/successor_urn", "same-school", "A school is not its own successor.")])

    async def work(write: Write) -> int:
        if on > write.today:
            raise InvalidError(faults=[Fault("/on", "future-date", "A conversion is told on its day, or after it.")])
        old, new = await schools.read(write.tx, urn), await schools.read(write.tx, successor)
        assert old is not None
        assert new is not None
        last_day = last_day_before(on)
        if old.converted and (old.closed_on, old.successor_urn) == (last_day, successor):
            return 0
        if old.opened_on is not None and last_day < old.opened_on:
            raise InvalidError(
                faults=[Fault("/on", "closes-before-it-opens", "The school opens on this day or later.")]
            )
        if old.successor_urn not in (None, successor) or old.closed_on not in (None, last_day):
            raise ConflictError(
                f"The school has closed otherwise. {old.closure.sentence() if old.closure else ''}".strip()
            )
        if why := _refusal(old, new, on):
            raise ConflictError(why)
        going = await _going_on(write, old, on)
        await _check_local_ids(write, urn, successor, going)
        await actions.change(write, old, replace(old, closed_on=last_day, successor_urn=successor, converted=True))
        await _take_over(write, old, new, going, on)
        return len(going)

    moved, sequences = await writer.run([urn, successor], work)
    return Converted(moved, sequences[urn], sequences[successor])


def _refusal(old: School, new: School, on: date) -> str | None:
    """Why `new` can't take over from `old` on a day, if it can't: nobody would find the pupils at a school that is not
    open then, or that another one takes over, perhaps the first again.
    """
    if new.closure is not None and (new.closure.on < on or new.closure.successor is not None):
        return f"The successor can't take over. {new.closure.sentence()}"
    if new.opened_on is not None and on < new.opened_on:
        return f"The successor can't take over before it opens on {new.opened_on.isoformat()}."
    if new.successor_urn == old.urn:
        return "Each school would be the successor of the other."
    return None


async def _going_on(write: Write, old: School, on: date) -> dict[str, list[Stay]]:
    """The stays, or what is left of them, that go on at the successor, by child."""
    stays = await pupils.stays(write.tx, old.urn)
    if old.closed_on is not None:  # told as a closure first: what that ended goes on after all
        stays = {child: enrolments.reopen(of, old.closed_on) for child, of in stays.items()}
    return {child: going for child, of in stays.items() if (going := enrolments.carry_on(of, on))}


async def _check_local_ids(write: Write, urn: int, successor: int, going: Mapping[str, list[Stay]]) -> None:
    taken = await conversions.taken_local_ids(write.tx, urn, successor, going)
    if taken:
        shown = ", ".join(taken[:MOST_NAMED])
        raise ConflictError(f"The successor calls other pupils by local ids that would move: {shown}.")


async def _take_over(write: Write, old: School, new: School, going: Mapping[str, list[Stay]], on: date) -> None:
    """What went on at the old school is the successor's from a day on, unless the successor has said so itself."""
    before = await pupils.stays(write.tx, new.urn)
    is_its_first_day = not any(stay.start < on for of in before.values() for stay in of)
    opened_on = on if is_its_first_day and new.opened_on is None else new.opened_on
    await actions.change(write, new, replace(new, opened_on=opened_on, predecessor_urn=old.urn))
    changed: dict[str, list[Stay]] = {}
    spans: dict[str, tuple[date, date]] = {}
    for child, stays in going.items():
        known = before.get(child, [])
        after = enrolments.beside(known, stays, new.closure)
        if after != known:
            changed[child] = after
            write.facts(new.urn).enrolled(enrolments.as_event(child, changed[child]))
            if span := enrolments.span_of_change(known, changed[child]):
                spans[child] = span
    await pupils.replace_stays(write.tx, new.urn, changed)
    await conversions.move(write.tx, old.urn, new.urn, going)
    await settle_children(write, new.urn, spans)
