"""What can be read, each in a transaction of its own, as far as the caller may see. NotFoundError for all the rest.

Pages take where to begin (what was last seen) and how many rows to bring. What is about a child comes with the id under
which the child lives now.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from common.academic import Session
from common.codes import code_table
from common.db import Database
from common.errors import NotFoundError
from common.security import Caller

from registers.actions.access import check_known_school, check_school, living_pupil
from registers.domain.absence_notices import unsettled
from registers.domain.calendars import Calendar
from registers.domain.enrolments import Stay
from registers.domain.households import without_codes
from registers.domain.identity_changes import IdentityChange
from registers.domain.policy import policy_on
from registers.domain.quality import OLDEST, YOUNGEST
from registers.domain.reason_details import reason_details
from registers.domain.roll import Person
from registers.domain.schools import School
from registers.domain.standing import Told
from registers.store import identities, ledger, pupils, quality, reading, schools, upns

Place = reading.Place
"""Where a page of marks begins: date, session, received, place."""


class PupilAndUpns(NamedTuple):
    """A child; its UPNs; the schools that know it (those that the caller may see), by URN what they call it, and its
    stays by (URN, id).
    """

    person: Person
    upns: Sequence[Mapping[str, Any]]
    schools: Sequence[Mapping[str, Any]]
    local_ids: Mapping[int, Sequence[str]]
    stays: Mapping[tuple[int, str], Sequence[Stay]]


class PupilAndContacts(NamedTuple):
    """A child's names and date of birth, the schools that know the child, and whom they may write to."""

    living: str
    person: Mapping[str, Any]
    schools: Sequence[Mapping[str, Any]]
    contacts: Sequence[Mapping[str, Any]]


async def school(database: Database, caller: Caller, urn: int) -> School:
    """One school."""
    check_school(caller, urn)
    async with database.transaction() as tx:
        found = await schools.read(tx, urn)
    if found is None:
        raise NotFoundError("No such school.")
    return found


async def all_schools(
    database: Database, caller: Caller, after: int, limit: int, la_code: str | None, laestab: str | None
) -> list[School]:
    """The schools that the token opens, in URN order: all, those of an authority, or the one with a LAESTAB."""
    async with database.transaction() as tx:
        return await schools.page(tx, after, caller.reach.schools, limit, la_code, laestab)


async def calendar(database: Database, caller: Caller, urn: int, year: int) -> Calendar:
    """A school's academic year; NotFoundError while the school has not given it."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        if not await schools.has_calendar(tx, urn, year):
            raise NotFoundError("The school has not given a calendar of this year.")
        return await schools.calendar(tx, urn, year)


async def roll(database: Database, caller: Caller, urn: int, after: str, limit: int) -> Sequence[Any]:
    """The children whom a school knows, by id."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        return await reading.roll(tx, urn, after, limit)


async def register(
    database: Database, caller: Caller, urn: int, on: date, session: Session
) -> tuple[int, list[tuple[str, str | None, Told]]]:
    """The last number of the school's ledger, and the marks that stand: living id, local id, the entry."""
    check_school(caller, urn)
    async with database.transaction() as tx:
        found = await schools.read(tx, urn)
        if found is None:
            raise NotFoundError("No such school.")
        return found.sequence, await reading.register(tx, urn, on, session)


async def quarantine(database: Database, caller: Caller, urn: int, after: Place, limit: int) -> Sequence[Any]:
    """The marks that wait at a school."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        return await reading.quarantine(tx, urn, after, limit)


async def doubts(
    database: Database,
    caller: Caller,
    urn: int,
    today: date,
    after: quality.Place,
    kind: str | None,
    span: tuple[date, date],
    limit: int,
) -> Sequence[Any]:
    """What is doubtful in a school's data in a span of days: all of it, or one kind."""
    default = policy_on(today).registers.closes
    codes = code_table()
    on_site = {code.code for code in codes.values() if code.on_site}
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        closes = default.morning, default.afternoon
        ages = YOUNGEST, OLDEST
        return await quality.items(
            tx, urn, closes, on_site, reason_details(), after, kind, limit, today, unsettled(codes), ages, span
        )


async def changes(database: Database, caller: Caller, urn: int, since: int, limit: int) -> list[tuple[int, bytes]]:
    """Number and event of the ledger's entries after `since`, in order; without the codes of households, which are
    for Rollcall alone.
    """
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        return [(number, without_codes(body)) for number, body in await ledger.since(tx, urn, since, limit)]


async def by_upn(database: Database, caller: Caller, upn: str) -> str:
    """The child who has this UPN, or had it last if nobody has it."""
    async with database.transaction() as tx:
        return await living_pupil(tx, caller, await upns.child_of(tx, upn) or _NOBODY)


async def by_local_id(database: Database, caller: Caller, urn: int, local_id: str) -> str:
    """The child whom the school calls by this local id."""
    check_school(caller, urn)
    async with database.transaction() as tx:
        return await living_pupil(tx, caller, await reading.pupil_by_local_id(tx, urn, local_id) or _NOBODY)


async def history(
    database: Database, caller: Caller, pupil_id: str, span: tuple[date, date], after: tuple[date, int, int], limit: int
) -> tuple[str, list[Told]]:
    """The living id, and all entries of `limit` of the child's slots at schools that the caller may see."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        return living, await reading.history(tx, living, caller.reach.schools, span, after, limit)


async def contacts(database: Database, caller: Caller, pupil_id: str) -> PupilAndContacts:
    """What a letter about a child needs."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        return PupilAndContacts(
            living,
            await reading.person(tx, living),
            await reading.schools_of(tx, living, caller.reach.schools),
            await reading.contacts_of(tx, living, caller.reach.schools),
        )


async def pupil(database: Database, caller: Caller, pupil_id: str) -> PupilAndUpns:
    """A child, every UPN that it has had, and the schools that know it."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        return PupilAndUpns(
            await pupils.person(tx, living),
            await upns.of_child(tx, living),
            await reading.schools_of(tx, living, caller.reach.schools),
            (await identities.local_ids(tx, [living])).get(living, {}),
            await pupils.all_stays(tx, [living]),
        )


async def identity_changes(
    database: Database, caller: Caller, pupil_id: str, after: int, limit: int
) -> tuple[str, list[IdentityChange]]:
    """The living id, and the merges and splits of it and of the ids that died into it, in order: those of which the
    caller may see both children.
    """
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        ids = await identities.ids(tx, living)
        return living, await identities.page(tx, ids, after, limit, caller.reach.schools)


_NOBODY = "00000000-0000-0000-0000-000000000000"
"""The id of no child: looked for like any other, so that an unknown key takes no other way than a hidden one."""
