"""Admissions and deletions as the local authority must be told of them (rule book 6.1, 6.2, 6.5).

NotFoundError for schools that the caller may not see. The school that a child came from or went to is told only when
the caller may see it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from common.academic import year_of
from common.codes import code_table
from common.db import Database, Transaction
from common.security import Caller

from registers.actions.access import check_known_school
from registers.domain import returns as rules
from registers.domain.contacts import SentContact
from registers.domain.returns import Classes
from registers.store import pupils
from registers.store import returns as store

Place = tuple[date, str]
"""Where a page goes on: day and pupil."""

LOOKED_BACK = timedelta(days=90)
"""How far back an absence without a break is followed: well over the twenty school days that make it a ground."""


class Admission(NamedTuple):
    """A stay that began (the row of `store.returns`), its contacts, until when it is told, and whether unasked."""

    row: Any
    contacts: Sequence[SentContact]
    due_on: date
    is_told: bool


class Deletion(NamedTuple):
    """A stay that is over, its contacts, whether it is told unasked, and what the marks before it say: the last day of
    attendance, and the school days of G, N and O alone since.
    """

    row: Any
    contacts: Sequence[SentContact]
    is_told: bool
    last_attended: date | None
    unbroken_absence: int


async def admissions(
    database: Database, caller: Caller, urn: int, span: tuple[date, date], after: Place, limit: int
) -> list[Admission]:
    """The pupils who joined a school's roll within a span of days."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        rows = await store.admissions(tx, urn, span, after, caller.reach.schools, limit)
        contacts = await _contacts(tx, urn, rows)
        classes = await store.classes(tx, urn, {year_of(row["from_date"]) for row in rows})
    return [
        Admission(
            row,
            contacts.get(row["pupil_id"], ()),
            rules.admission_due(row["from_date"]),
            rules.admission_is_told(row["from_date"], row["date_of_birth"], _of(classes, row["from_date"])),
        )
        for row in rows
    ]


async def deletions(
    database: Database, caller: Caller, urn: int, span: tuple[date, date], after: Place, limit: int
) -> list[Deletion]:
    """The pupils whose names left a school's roll within a span of days."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        rows = await store.deletions(tx, urn, span, after, caller.reach.schools, limit)
        contacts = await _contacts(tx, urn, rows)
        classes = await store.classes(tx, urn, {year_of(row["to_date"]) for row in rows})
        spans = [(row["pupil_id"], max(row["from_date"], row["to_date"] - LOOKED_BACK), row["to_date"]) for row in rows]
        marks = await store.marks(tx, urn, spans)
    return [
        Deletion(
            row,
            contacts.get(row["pupil_id"], ()),
            rules.deletion_is_told(row["to_date"], row["date_of_birth"], _of(classes, row["to_date"])),
            rules.last_attended(marks.get(row["pupil_id"], ()), code_table()),
            rules.unbroken_absence(marks.get(row["pupil_id"], ())),
        )
        for row in rows
    ]


async def _contacts(tx: Transaction, urn: int, rows: Sequence[Any]) -> dict[str, list[SentContact]]:
    """The school's contacts of the pupils of these rows, the first to be told first."""
    known = await pupils.known_roll(tx, urn, {row["pupil_id"] for row in rows}, ())
    return {
        child: sorted((one.sent for one in contacts.values()), key=lambda one: (one.priority or 999, one.local_id))
        for child, contacts in known.contacts.items()
    }


def _of(classes: dict[int, Classes], day: date) -> Classes | None:
    return classes.get(year_of(day))
