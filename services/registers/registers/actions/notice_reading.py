"""What is asked of parents' absence notices: how marks go with them, and which absences nobody told of in time."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from common.academic import Session
from common.clock import LONDON
from common.codes import code_table
from common.db import Database, Transaction
from common.errors import NotFoundError
from common.security import Caller

from registers.actions.access import check_known_school, living_pupil
from registers.domain import absence_notices as rules
from registers.domain import expected, notice_gaps
from registers.domain.absence_notices import Match, Notice, Standing, Version
from registers.domain.expected import Place
from registers.domain.notice_gaps import Absence, Judged
from registers.domain.policy import policy_on
from registers.store import absence_notices, schools


class Matched(NamedTuple):
    """A notice, and the sessions that it covers, each with how what stands goes with it; none of a withdrawn one."""

    notice: Notice
    sessions: Sequence[tuple[Standing, Match]]


class Untold(NamedTuple):
    """An absence that nobody told of in time, and what the school calls the pupil."""

    judged: Judged
    local_id: str | None


class Gaps(NamedTuple):
    """The absences of a day as they came out: until when they had to be told, how many came out how, and those that
    nobody told of in time (by pupil).
    """

    due: Mapping[Session, datetime]
    counts: Mapping[str, int]
    items: Sequence[Untold]


async def at_school(database: Database, caller: Caller, urn: int, on: date) -> list[Matched]:
    """A school's notices about a day, with its sessions; NotFoundError for a hidden school."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        found = await absence_notices.overlapping(tx, urn, on, on)
        return await _matched(tx, caller, found, (on, on))


async def of_pupil(
    database: Database,
    caller: Caller,
    pupil_id: str,
    span: tuple[date, date],
    after: tuple[date, str],
    limit: int,
) -> tuple[str, list[Matched]]:
    """The living id, and a child's notices about some days, by first day, to schools that the caller may see."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        found = await absence_notices.of_pupil(tx, living, caller.reach.schools, span, after, limit)
        return living, await _matched(tx, caller, found)


async def one(database: Database, caller: Caller, urn: int, notice_id: str) -> tuple[Matched, list[Version]]:
    """One of a school's notices, and what it said before, backwards; NotFoundError when there is none."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        versions = await absence_notices.versions(tx, urn, notice_id)
        if not versions:
            raise NotFoundError("No such notice.")
        (matched,) = await _matched(tx, caller, versions[:1])
    return matched, [before.now for before in versions[1:]]


async def gaps(database: Database, caller: Caller, urn: int, on: date, now: datetime) -> Gaps:
    """The absences of a day at a school that nobody told of in time, as far as is known `now`."""
    rule = policy_on(on).notices
    first = on - timedelta(days=min(rule.look_back_days, (on - date.min).days))
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        lines = (await schools.register_times(tx, [urn], on)).get(urn, ())
        absent = await absence_notices.absent(tx, urn, on, rule.codes)
        marks = await absence_notices.marks(tx, urn, absent, first, on)
        told = await absence_notices.overlapping(tx, urn, first, on, absent)
    due = {half: datetime.combine(on, expected.closing(lines, half, rule.by), LONDON) for half in Session}
    notices: dict[str, list[Notice]] = {}
    for notice in told:
        notices.setdefault(notice.pupil_id, []).append(notice)
    judged: list[Judged] = []
    for child, theirs in absent.items():
        run = notice_gaps.run_of(marks[child], Place(on, min(theirs.codes)), code_table())
        absence = Absence(child, theirs.codes, run)
        judged.append(notice_gaps.judge(absence, on, notices.get(child, ()), due, now))
    untold = [Untold(one, absent[one.absence.pupil_id].local_id) for one in judged if notice_gaps.is_gap(one)]
    return Gaps(due, notice_gaps.counts(judged), untold)


async def _matched(
    tx: Transaction, caller: Caller, notices: Sequence[Notice], span: tuple[date, date] | None = None
) -> list[Matched]:
    holding = [notice for notice in notices if notice.holds]
    spans = {} if span is None else {"span": span}
    covered = await absence_notices.sessions(tx, holding, caller.reach.schools, **spans)
    by_id = dict(zip((notice.notice_id for notice in holding), covered, strict=True))
    codes = code_table()
    return [
        Matched(notice, [(session, rules.match(session, codes)) for session in by_id.get(notice.notice_id, ())])
        for notice in notices
    ]
