"""What the registers service keeps: the roll, everything that was sent, the ledgers."""

import json
from collections.abc import AsyncIterator
from datetime import date
from typing import NamedTuple

from audit.child import Enrolment, Session
from audit.fold import Facts, Row, flag_spans
from audit.read.snapshot import Connection
from audit.reasons import Said

HALVES = ("AM", "PM")
BATCH = 2000

SCHOOLS = "select urn, name, la_code, phase, last_number, last_entry::text from school order by urn"
PUPILS = """
select pupil_id::text, upn_key, survivor::text, version, date_of_birth, year_group, flags, households, not_siblings,
    coalesce(said.spans, '[]') as flag_spans
from pupil left join (
    select coalesce(same.survivor, same.pupil_id) as child,
        jsonb_agg(jsonb_build_object('flag', f.flag, 'from', f.from_date, 'to', f.to_date, 'source', f.source)) as spans
    from pupil as same join flag as f using (pupil_id) group by 1
) as said on said.child = pupil.pupil_id
"""
ENROLMENTS = "select urn, pupil_id::text, from_date, to_date, kind from enrolment order by from_date"
LOCAL_IDS = "select local_id, pupil_id::text from school_pupil where urn = $1"
CALENDARS = "select urn, academic_year from calendar"
CALENDAR_DAYS = "select urn, date, am, pm from calendar_day"
LEDGER = """
select number, entry_id::text, type, write_last, body from ledger where urn = $1 order by number
"""
SENT = """
select coalesce(dead.survivor, mark.pupil_id)::text as child, mark.pupil_id::text as pupil_id, mark.date, mark.session,
    mark.received, mark.place, mark.version, mark.rank, mark.code, mark.standing, mark.problem
from mark left join unnest($2::uuid[], $3::uuid[]) as dead (pupil_id, survivor) on dead.pupil_id = mark.pupil_id
where mark.urn = $1
order by 1, mark.date, mark.session, mark.received, mark.place
"""
UNRESOLVED = """
select date, session, received, place, key_kind, key, code, problem from unresolved where urn = $1
order by received, place
"""

FORMER_UPNS = """
select had.upn_key, coalesce(pupil.survivor, pupil.pupil_id)::text
from upn as had join pupil using (pupil_id)
where had.replaced_at is not null and had.taken_at is null
    and not exists (select from pupil as holder where holder.upn_key = had.upn_key)
order by had.replaced_at, had.pupil_id desc
"""
REJUDGING = "select urn, sum(cardinality(days))::int + 1 from rejudging group by urn order by urn"
JUDGED_BY = "select value from evaluated where what = 'today'"
REACHABLE = """
select coalesce(pupil.survivor, pupil.pupil_id)::text
from contact join pupil using (pupil_id)
group by 1
having bool_or(parental_responsibility) and not bool_or(do_not_contact)
"""
REASONS = "select urn, pupil_id::text, date, session, state, due_on from chased where $1::int is null or urn = $1"


class School(NamedTuple):
    """A school and where its ledger ends."""

    urn: int
    name: str
    la_code: str
    phase: str
    last_number: int
    last_entry: str | None


class Pupil(NamedTuple):
    """A child's row; a dead one has a survivor. Of a UPN there is a hash, the same wherever the UPN is the same."""

    pupil_id: str
    upn: str | None
    survivor: str | None
    facts: Facts


class SentRow(NamedTuple):
    """One entry of one slot as it is kept, with what the service made of it; `child` is whom it counts for today."""

    child: str
    pupil_id: str
    session: Session
    order: tuple[int, int]
    version: int | None
    rank: int
    code: str | None
    standing: bool
    problem: str | None


class UnresolvedRow(NamedTuple):
    """An entry whose pupil nobody knew when it came."""

    session: Session
    received: int
    place: int
    key_kind: str
    key: str
    code: str | None
    problem: str


async def schools(connection: Connection) -> list[School]:
    return [School(*row) for row in await connection.fetch(SCHOOLS)]


async def pupils(connection: Connection) -> dict[str, Pupil]:
    """Every child ever, dead ids included."""
    return {
        row["pupil_id"]: Pupil(
            row["pupil_id"],
            row["upn_key"],
            row["survivor"],
            Facts(
                row["version"],
                row["date_of_birth"],
                row["year_group"],
                tuple(sorted(row["flags"])),
                flag_spans(json.loads(row["flag_spans"])),
                frozenset(_household(written) for written in row["households"]),
                frozenset(row["not_siblings"]),
            ),
        )
        for row in await connection.fetch(PUPILS)
    }


def _household(written: str) -> tuple[str, str | None, str | None]:
    """`code/first day/last day`; a day that is left out is open."""
    code, first, last = written.split("/")
    return code, first or None, last or None


async def enrolments(connection: Connection) -> dict[str, list[Enrolment]]:
    """Every stay on a roll, by pupil."""
    found: dict[str, list[Enrolment]] = {}
    async for row in connection.cursor(ENROLMENTS, prefetch=BATCH):
        stay = Enrolment(row["urn"], row["from_date"], row["to_date"], row["kind"])
        found.setdefault(row["pupil_id"], []).append(stay)
    return found


async def calendars(connection: Connection) -> tuple[dict[int, set[int]], dict[int, set[Session]]]:
    """By URN the academic years that have a calendar, and the open sessions of all of them."""
    years: dict[int, set[int]] = {}
    for row in await connection.fetch(CALENDARS):
        years.setdefault(row["urn"], set()).add(row["academic_year"])
    sessions: dict[int, set[Session]] = {}
    known: dict[Session, Session] = {}  # schools share their sessions: each is kept once
    async for row in connection.cursor(CALENDAR_DAYS, prefetch=BATCH):
        for half in HALVES:
            if row[half.lower()]:
                session = known.setdefault((row["date"], half), (row["date"], half))
                sessions.setdefault(row["urn"], set()).add(session)
    return years, sessions


async def rejudging(connection: Connection) -> dict[int, int]:
    """The schools that have marks to judge anew, and a number that falls while they do."""
    return {row[0]: row[1] for row in await connection.fetch(REJUDGING)}


async def judged_by(connection: Connection) -> date | None:
    """The day by which the standing marks were last judged; None before the first."""
    value = await connection.fetchval(JUDGED_BY)
    return date.fromisoformat(value) if value else None


async def former_upns(connection: Connection) -> dict[str, str]:
    """Whom each UPN means that nobody has now: the child who had it last."""
    return {row[0]: row[1] for row in await connection.fetch(FORMER_UPNS)}


async def reachable(connection: Connection) -> set[str]:
    """Children of whom somebody with parental responsibility may be written to today, and nobody asked us not to."""
    return {row[0] for row in await connection.fetch(REACHABLE)}


async def reasons(connection: Connection, urn: int | None = None) -> Said:
    """The marks N of which the service keeps that they are due or overdue: of a school, or all."""
    return {
        (row["urn"], row["pupil_id"], row["date"], HALVES[row["session"]]): (row["state"], row["due_on"])
        for row in await connection.fetch(REASONS, urn)
    }


async def local_ids(connection: Connection, urn: int) -> dict[str, str]:
    """The children that a school knows, by its own names for them."""
    return {row["local_id"]: row["pupil_id"] for row in await connection.fetch(LOCAL_IDS, urn)}


async def ledger(connection: Connection, urn: int) -> AsyncIterator[Row]:
    """A school's entries in order."""
    async for row in connection.cursor(LEDGER, urn, prefetch=BATCH):
        yield Row(*row)


async def sent(connection: Connection, urn: int, survivors: dict[str, str]) -> AsyncIterator[SentRow]:
    """Everything sent for known pupils of a school: child by child, session by session, as it came.

    `survivors`: whom each dead id means today.
    """
    async for row in connection.cursor(SENT, urn, list(survivors), list(survivors.values()), prefetch=BATCH):
        child, pupil_id, day, half, received, place, *rest = row
        yield SentRow(child, pupil_id, (day, HALVES[half]), (received, place), *rest)


async def unresolved(connection: Connection, urn: int) -> list[UnresolvedRow]:
    """Everything sent to a school for pupils whom nobody knew."""
    return [
        UnresolvedRow((row["date"], HALVES[row["session"]]), *list(row)[2:])
        for row in await connection.fetch(UNRESOLVED, urn)
    ]
