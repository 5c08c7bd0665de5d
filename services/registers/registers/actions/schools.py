"""A school and its calendars (rule book 8, 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from common.academic import year_name
from common.db import Database

from registers.actions.settling import settle_sessions
from registers.actions.writing import Write, Writer
from registers.domain import calendars
from registers.domain.calendars import Calendar, Days, Named, RegisterTime, Term
from registers.domain.schools import School
from registers.store import schools


async def put_school(writer: Writer, database: Database, school: School) -> School:
    """Takes what a school is called and where it belongs; the school as it is now."""
    async with database.transaction() as tx:
        await schools.add(tx, school)

    async def work(write: Write) -> None:
        known = await schools.read(write.tx, school.urn)
        if known is not None and known.sequence > 0 and replace(known, sequence=0) == replace(school, sequence=0):
            return
        await schools.change(write.tx, school)
        write.facts(school.urn).school = {
            "urn": school.urn,
            "name": school.name,
            "la_code": school.la_code,
            "laestab": school.laestab,
            "phase": school.phase,
        }

    _, sequences = await writer.run([school.urn], work)
    return replace(school, sequence=sequences[school.urn])


@dataclass(frozen=True, slots=True)
class SentCalendar:
    """An academic year as sent. `terms`, `times` None: what is known of them is kept."""

    days: Days
    named: Mapping[date, Named] = field(default_factory=dict[date, Named])
    terms: Sequence[Term] | None = None
    times: Sequence[RegisterTime] | None = None


async def put_calendar(writer: Writer, urn: int, year: int, sent: SentCalendar) -> int:
    """Takes a school's academic year; every session that it does not open is closed. The school's last number.

    Marks of sessions that open or close, for some year groups or for all, leave or enter quarantine. NotFoundError when
    the school is not known.
    """

    async def work(write: Write) -> None:
        known = await schools.calendar(write.tx, urn, year)
        whole = Calendar(
            sent.days,
            sent.named,
            known.terms if sent.terms is None else tuple(sent.terms),
            known.times if sent.times is None else tuple(sent.times),
        )
        is_first = not await schools.has_calendar(write.tx, urn, year)
        if is_first or whole != known:
            await schools.replace_calendar(write.tx, urn, year, whole)
        if is_first or whole.days != known.days:
            write.facts(urn).calendar = (year_name(year), calendars.as_event(whole.days))
            await settle_sessions(write, urn, calendars.changed_sessions(known.days, whole.days))

    _, sequences = await writer.run([urn], work)
    return sequences[urn]
