"""A school and its calendars (rule book 8, 9)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import product

from common.academic import Session, year_name
from common.db import Database
from common.preconditions import NOTHING_ASKED, Precondition

from registers.actions.consumers import follow_school
from registers.actions.settling import settle_children, settle_sessions
from registers.actions.writing import Write, Writer
from registers.domain import calendars, enrolments
from registers.domain import schools as rules
from registers.domain.calendars import Calendar, Days, Named, RegisterTime, Term
from registers.domain.enrolments import Stay
from registers.domain.schools import School
from registers.store import marks, pupils, schools

OPTIONAL = ("opened_on", "closed_on", "predecessor_urn", "successor_urn", "trust", "locality")


async def put_school(
    writer: Writer,
    database: Database,
    school: School,
    given: Collection[str] = (),
    la_from: date | None = None,
    only: Precondition = NOTHING_ASKED,
) -> School:
    """Takes what a school is called, where it belongs (`la_from` a day on), and those of the OPTIONAL facts that are
    `given`; the school as it is now.

    A closing day ends the stays that go on, and marks of days on which the school does not exist wait in quarantine.
    StaleError unless `only` holds of the school; one that is not there is not made then.
    """
    async with database.transaction() as tx:
        if not await schools.exists(tx, school.urn):
            only.check(None)
        await schools.add(tx, school)

    async def work(write: Write) -> School:
        known = await schools.read(write.tx, school.urn)
        assert known is not None
        is_new = known.sequence == 0
        only.check(None if is_new else known.state)
        told = replace(
            school,
            la_history=rules.belonging(None if is_new else known, school.la_code, la_from),
            **{name: getattr(known, name) for name in OPTIONAL if name not in given},
        )
        told = replace(told, converted=known.converted and told.closure == known.closure)
        if is_new or replace(told, sequence=known.sequence) != known:
            await change(write, known, told)
        return told

    told, sequences = await writer.run([school.urn], work)
    return replace(told, sequence=sequences[school.urn])


async def change(write: Write, known: School, told: School) -> None:
    """Makes `told` what is known of a school; its stays and marks follow when it closes or opens on another day."""
    await schools.change(write.tx, told)
    if told.la_code != known.la_code or known.sequence == 0:
        await follow_school(write.tx, {known.la_code, told.la_code}, write.now)
    write.facts(told.urn).school = rules.as_event(told)
    spans: dict[str, tuple[date, date]] = {}
    if told.closure != known.closure:
        spans = await _end_stays(write, known, told)
    if (told.opened_on, told.closed_on) != (known.opened_on, known.closed_on):
        days = await marks.days_with_marks(write.tx, told.urn, date.min, date.max)
        moved = [day for day in days if told.is_open_on(day) != known.is_open_on(day)]
        await settle_sessions(write, told.urn, list(product(moved, Session)))
    await settle_children(write, told.urn, spans)


async def _end_stays(write: Write, known: School, told: School) -> dict[str, tuple[date, date]]:
    """Ends the stays at a school that closes, and lets those go on that an earlier closing day had ended; the days on
    which that changes who is on the roll, by child.
    """
    changed: dict[str, list[Stay]] = {}
    spans: dict[str, tuple[date, date]] = {}
    for child, before in (await pupils.stays(write.tx, told.urn)).items():
        after = before
        if known.closed_on is not None:
            after = enrolments.reopen(after, known.closed_on)
        if told.closure is not None:
            after = enrolments.close(after, told.closure.on, told.closure.reason)
        if after != before:
            changed[child] = after
            write.facts(told.urn).enrolled(enrolments.as_event(child, after))
            if span := enrolments.span_of_change(before, after):
                spans[child] = span
    await pupils.replace_stays(write.tx, told.urn, changed)
    return spans


@dataclass(frozen=True, slots=True)
class SentCalendar:
    """An academic year as sent. `terms`, `times` None: what is known of them is kept."""

    days: Days
    named: Mapping[date, Named] = field(default_factory=dict[date, Named])
    terms: Sequence[Term] | None = None
    times: Sequence[RegisterTime] | None = None


async def put_calendar(
    writer: Writer, urn: int, year: int, sent: SentCalendar, only: Precondition = NOTHING_ASKED
) -> int:
    """Takes a school's academic year; every session that it does not open is closed. The school's last number.

    Marks of sessions that open or close, for some year groups or for all, leave or enter quarantine. NotFoundError when
    the school is not known; StaleError unless `only` holds of the year's calendar.
    """

    async def work(write: Write) -> None:
        known = await schools.calendar(write.tx, urn, year)
        is_first = not await schools.has_calendar(write.tx, urn, year)
        only.check(None if is_first else known.state)
        whole = Calendar(
            sent.days,
            sent.named,
            known.terms if sent.terms is None else tuple(sent.terms),
            known.times if sent.times is None else tuple(sent.times),
        )
        if is_first or whole != known:
            await schools.replace_calendar(write.tx, urn, year, whole)
        if is_first or whole.days != known.days:
            write.facts(urn).calendar = (year_name(year), calendars.as_event(whole.days))
            await settle_sessions(write, urn, calendars.changed_sessions(known.days, whole.days))

    _, sequences = await writer.run([urn], work)
    return sequences[urn]
