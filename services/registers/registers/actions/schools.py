"""A school and its calendars (rule book 8, 9)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from common.academic import Session, year_name
from common.db import Database

from registers.actions.settling import settle_sessions
from registers.actions.writing import Write, Writer
from registers.domain import calendars
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


async def put_calendar(writer: Writer, urn: int, year: int, days: Mapping[date, frozenset[Session]]) -> int:
    """Takes the open sessions of an academic year; every other session is closed. The school's last number.

    Marks of sessions that open or close leave or enter quarantine. NotFoundError when the school is not known.
    """

    async def work(write: Write) -> None:
        known = await schools.calendar(write.tx, urn, year)
        changed = calendars.changed_sessions(known, days)
        if not changed and await schools.has_calendar(write.tx, urn, year):
            return
        await schools.replace_calendar(write.tx, urn, year, days)
        write.facts(urn).calendar = (year_name(year), calendars.as_event(days))
        await settle_sessions(write, urn, changed)

    _, sequences = await writer.run([urn], work)
    return sequences[urn]
