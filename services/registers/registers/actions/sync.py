"""The end of a day: what stands, for a school's system to compare; which schools are silent, and how each is connected.

NotFoundError for schools that the caller may not see, as everywhere.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from common.academic import Session, year_of
from common.db import Database, Transaction
from common.errors import NotFoundError
from common.security import Caller

from registers.actions.access import check_known_school, check_school
from registers.domain import sync as rules
from registers.domain.register import KeyKind, Register
from registers.domain.sync import Difference, Ours, Reconciled, Tally, Theirs
from registers.store import registers, schools
from registers.store import sync as store

GRACE_DAYS = 31
"""A year's calendar is asked for from 1 September on, though the year begins on 1 August."""


async def summary(
    database: Database, caller: Caller, urn: int, span: tuple[date, date], key: str, limit: int
) -> tuple[int, Sequence[Any]]:
    """The last number of the school's ledger, and the sessions of the first `limit` days of a span, two a day."""
    check_school(caller, urn)
    async with database.transaction() as tx:
        return await _sequence(tx, urn), await store.summary(tx, urn, *span, key, limit)


async def compare(
    database: Database,
    caller: Caller,
    urn: int,
    on: date,
    sessions: Collection[Session],
    theirs: Sequence[Theirs],
    now: datetime,
) -> tuple[int, int, list[Difference]]:
    """A whole list of what a school's system has for some sessions of a day, against what stands and waits: the last
    number of the ledger, how many are the same, and the differences. InvalidError where the list is ambiguous.
    """
    check_school(caller, urn)
    async with database.transaction() as tx:
        sequence = await _sequence(tx, urn)
        found = await _found(tx, urn, on, theirs, now)
        ours = _ours(await store.standing_or_waiting(tx, urn, on, sessions))
    listed = list(zip(theirs, rules.owners(theirs, found), strict=True))
    return sequence, *rules.compare(listed, ours)


async def reconcile(
    database: Database, caller: Caller, urn: int, theirs: Mapping[Tally, int]
) -> tuple[int, int, list[Reconciled]]:
    """Somebody else's counts of codes against what stands: the last number of the ledger, how many are the same, and
    the others with what waits.
    """
    check_school(caller, urn)
    days = [tally.on for tally in theirs]
    async with database.transaction() as tx:
        sequence = await _sequence(tx, urn)
        ours = await store.codes(tx, urn, min(days), max(days))
    rows = [(row["date"], Session(row["session"]), row["code"], row["problem"], row["marks"]) for row in ours]
    return sequence, *rules.reconcile(theirs, rows)


async def silent(
    database: Database,
    caller: Caller,
    today: date,
    since: date | None,
    school_days: int,
    after: int,
    limit: int,
) -> Sequence[Any]:
    """The schools without a register for so many of their own school days, or without a calendar; in URN order."""
    year = year_of(today - timedelta(days=GRACE_DAYS))
    async with database.transaction() as tx:
        return await store.silent(tx, today, year, since, school_days, after, caller.reach.schools, limit)


async def connection(database: Database, caller: Caller, urn: int) -> Any:
    """How a school is connected; NotFoundError while nobody has said."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        found = await store.connection(tx, urn)
    if found is None:
        raise NotFoundError("Nobody has said how this school is connected.")
    return found


async def connect(
    database: Database,
    caller: Caller,
    urn: int,
    kind: str,
    state: str,
    contact_role: str | None,
    since: date | None,
    now: datetime,
) -> Any:
    """Says how a school is connected; what is kept now."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        await store.connect(tx, urn, kind, state, contact_role, since, now)
        return await store.connection(tx, urn)


async def _sequence(tx: Transaction, urn: int) -> int:
    found = await schools.read(tx, urn)
    if found is None:
        raise NotFoundError("No such school.")
    return found.sequence


async def _found(
    tx: Transaction, urn: int, on: date, theirs: Sequence[Theirs], now: datetime
) -> dict[tuple[int, KeyKind], str]:
    """Whom the keys mean, exactly as they would in a register: by the same statement. Nothing is kept of it."""
    places = {session: [at for at, one in enumerate(theirs) if one.session == session] for session in Session}
    asked = [session for session in Session if places[session]]
    sent = [
        Register(urn, on, session, None, None, None, now, "", [theirs[at].mark for at in places[session]])
        for session in asked
    ]
    found: dict[tuple[int, KeyKind], str] = {}
    for session, known in zip(asked, await registers.known(tx, sent) if sent else (), strict=True):
        found |= {(places[session][at], kind): child for (at, kind), child in known.found.items()}
    return found


def _ours(rows: Sequence[Any]) -> list[Ours]:
    """A row per mark that stands or waits, as one for each pupil and session."""
    ours: dict[tuple[int, Any], Ours] = {}
    for row in rows:
        key = (row["key_kind"], row["key"]) if row["key_kind"] else None
        session = Session(row["session"])
        one = ours.setdefault((session, row["pupil_id"] or key), Ours(session, row["pupil_id"], row["local_id"], key))
        if row["problem"] is None:
            one.code = row["code"]
        else:
            one.waiting.append((row["code"], row["problem"]))
    return list(ours.values())
