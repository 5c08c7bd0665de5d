"""Reconciliation: what somebody else counted, against our marks, with the reason of each difference.

School by school: its stays, its sheets as they stand and as they were known at a moment, a histogram for each step
(`domain.reconciliation`). Nothing is kept of it but the answer. Of a large authority it takes a while:
`actions.reconciling` does it in the background.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from common.academic import GRID, days_of
from common.clock import Clock
from common.db import Database, Transaction
from common.errors import NotFoundError
from common.security import Caller

from absence_engine.actions.holding import Holding, Policies
from absence_engine.actions.known import sheets_as_known
from absence_engine.actions.seen import seen
from absence_engine.domain.coverage import Coverage
from absence_engine.domain.dfe_file import TOTAL, Counted, FileRow, first_day
from absence_engine.domain.groups import Basis
from absence_engine.domain.marks import school_years
from absence_engine.domain.reconciliation import Asked, Figure, Row, Tally, compare, rows_of, steps
from absence_engine.domain.records import Enrolment, Sheet
from absence_engine.domain.small import Equation, hidden
from absence_engine.store import figures, grouping
from absence_engine.store import reconciliations as store
from absence_engine.store.grouping import SchoolGroup, StayRow
from absence_engine.store.reconciliations import Kept

KEPT = timedelta(days=2 * 366)
"""How long a reconciliation can be asked for."""
NO_MARKS = np.zeros(GRID, np.uint8)


@dataclass(frozen=True, slots=True)
class Terms:
    """How somebody counted: on which basis, of which days (None: as DfE does, or the whole year), as known when."""

    basis: Basis
    first: date | None
    last: date | None
    known_on: datetime | None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A row of theirs that is of our schools."""

    row: FileRow
    asked: Asked
    schools: int
    figures: Sequence[Figure]
    coverage: Coverage


@dataclass(slots=True)
class _Area:
    """What is counted of a place: by phase (and TOTAL), and how complete its registers are."""

    tallies: dict[str, Tally]
    coverage: dict[str, Coverage]


Others = Sequence[tuple[FileRow, str]]
"""Rows that are not reconciled, each with why."""

Tell = Callable[[], Awaitable[None]]
"""Hears of each school that has been counted."""


async def reconcile(
    tx: Transaction,
    caller: Caller,
    rows: Sequence[FileRow],
    terms: Terms,
    policies: Policies,
    today: date,
    tell: Tell | None = None,
) -> tuple[list[Reconciled], Others]:
    """The rows that are ours, and the others. InvalidError for a moment before history."""
    await figures.snapshot(tx)
    counting = _Counting(tx, caller, terms, await policies.at_present(tx), today, tell)
    found: list[Reconciled] = []
    others: list[tuple[FileRow, str]] = []
    for row in rows:
        if row.problem is not None or row.year is None:
            others.append((row, "not-read"))
            continue
        asked = counting.asked(row.year, row)
        place = await counting.of(row, asked)
        tally = None if place is None else place.tallies.get(row.phase.lower())
        if place is None or tally is None:
            others.append((row, "not-ours"))
            continue
        known = None if terms.known_on is None else terms.known_on.isoformat()
        found.append(
            Reconciled(
                row, asked, tally.schools, compare(row.theirs, tally, asked, known), place.coverage[row.phase.lower()]
            )
        )
    return found, others


class _Counting:
    """Counts each place once, however many rows are of it."""

    def __init__(
        self, tx: Transaction, caller: Caller, terms: Terms, holding: Holding, today: date, tell: Tell | None
    ) -> None:
        self._tx, self._caller, self._terms, self._holding, self._today = tx, caller, terms, holding, today
        self._tell = tell
        self._known: dict[tuple[str | int, Asked], _Area | None] = {}

    def asked(self, year: int, row: FileRow) -> Asked:
        """What a row counts: days that are not said are those of the year, up to the moment that is asked about."""
        terms = self._terms
        last = terms.last or (date.max if terms.known_on is None else terms.known_on.date())
        begins = first_day(year) if terms.basis == "dfe" else date(year, 8, 1)
        first, last = _within(year, terms.first or begins, last)
        book = self._holding.england if row.la_code is None else self._holding.of_authority(row.la_code)
        return Asked(year, first, last, terms.basis, book(year).rates["PA"].one_in)

    async def of(self, row: FileRow, asked: Asked) -> _Area | None:
        """What we have of the place of a row; None where that is nothing, or nothing that the caller may see."""
        key: str | int | None = row.urn if row.urn is not None else row.la_code
        if key is None or (row.urn is None and row.level.lower() != "local authority"):
            return None
        if (key, asked) not in self._known:
            self._known[key, asked] = await self._count(key, asked)
        return self._known[key, asked]

    async def _count(self, key: str | int, asked: Asked) -> _Area | None:
        la_code = key if isinstance(key, str) else None
        if isinstance(key, int):
            urns = [key] if 0 < key < 2**31 and self._caller.reach.may_see_school(key) else []
        else:
            urns = await grouping.of_authority(self._tx, key) if self._caller.reach.is_everywhere else []
        schools = await grouping.schools(self._tx, urns)
        if not schools:
            return None
        tallies = await tallied(self._tx, schools, la_code, asked, self._terms.known_on, self._tell)
        coverage: dict[str, Coverage] = {}
        for phase in tallies:
            its = [one.urn for one in schools if phase in (one.phase.lower(), TOTAL.lower())]
            coverage[phase] = (await seen(self._tx, its, asked.first, asked.last, self._today)).coverage
        return _Area(tallies, coverage)


def _within(year: int, first: date, last: date) -> tuple[date, date]:
    """The days of an academic year among some; the last lies before the first where there are none."""
    first = min(max(first, date(year, 8, 1)), date(year + 1, 8, 1))
    return first, max(min(last, date(year + 1, 7, 31)), first - timedelta(1))


async def tallied(
    tx: Transaction,
    schools: Sequence[SchoolGroup],
    la_code: str | None,
    asked: Asked,
    known_on: datetime | None,
    tell: Tell | None = None,
) -> dict[str, Tally]:
    """The tallies of some schools by phase, and of all (`total`); with an authority's code, of its days alone."""
    found: dict[str, Tally] = {TOTAL.lower(): Tally.empty()}
    for school in schools:
        places = _places(school, la_code, asked.year)
        if not places.any():
            continue
        rows = await _rows(tx, school.urn, asked.year, known_on)
        tally = Tally.of(await asyncio.to_thread(steps, rows, asked, places), asked.one_in)
        for phase in {school.phase.lower(), TOTAL.lower()}:
            found.setdefault(phase, Tally.empty()).add(tally)
        if tell is not None:
            await tell()
    return found


def _places(school: SchoolGroup, la_code: str | None, year: int) -> npt.NDArray[np.bool_]:
    """(732,): where a school is of an authority; everywhere, where none is asked about."""
    if la_code is None:
        return np.ones(GRID, bool)
    found = np.zeros(GRID, bool)
    start = date(year, 8, 1)
    for its, first, last in school.authorities:
        if its == la_code:
            days = max((first - start).days, 0), min((last - start).days, GRID)
            found[days[0] * 2 : max(days[1] + 1, 0) * 2] = True
    return found


async def _rows(tx: Transaction, urn: int, year: int, known_on: datetime | None) -> list[Row]:
    """The stays of a school in a year."""
    stays = await grouping.stays(tx, [urn], *days_of(year), flags=False)
    now = [Sheet(*key, year, codes) for key, codes in (await grouping.sheets(tx, [urn], year)).items()]
    then = now if known_on is None else await sheets_as_known(tx, now, known_on)
    ids = {stay.pupil_id for stay in stays} | {sheet.pupil_id for sheet in now}
    owner = await store.owners(tx, sorted(ids))
    born = {
        id: facts.date_of_birth for id, facts in (await grouping.facts(tx, set(owner.values()), flags=False)).items()
    }
    of_child = _by_child(stays, owner)
    sheets = [_by_owner(some, owner) for some in (now, then)]
    rows: list[Row] = []
    for child in sorted({owner[id] for id in ids}):
        codes = [school_years(some.get(child, []), child).get(urn, NO_MARKS) for some in sheets]
        if codes[0].any() or codes[1].any():
            its = of_child.get(child, [])
            rows += rows_of(its, codes[0], codes[1], year, born.get(child), is_known=known_on is not None)
    return rows


def _by_child(stays: Sequence[StayRow], owner: Mapping[str, str]) -> dict[str, list[Enrolment]]:
    found: dict[str, list[Enrolment]] = {}
    for stay in stays:
        found.setdefault(owner[stay.pupil_id], []).append(Enrolment(stay.urn, stay.from_, stay.to, stay.kind))
    return found


def _by_owner(sheets: Sequence[Sheet], owner: Mapping[str, str]) -> dict[str, list[Sheet]]:
    found: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        found.setdefault(owner[sheet.pupil_id], []).append(sheet)
    return found


async def export(
    tx: Transaction, la_code: str, year: int, days: tuple[date | None, date | None], policies: Policies
) -> list[Counted]:
    """An authority's figures as DfE counts them, by phase, the sum of all last. NotFoundError for one without schools.

    Numbers of children below the policy's bound are left out, with what would tell them.
    """
    await figures.snapshot(tx)
    schools = await grouping.schools(tx, await grouping.of_authority(tx, la_code))
    if not schools:
        raise NotFoundError
    policy = (await policies.at_present(tx)).of_authority(la_code)(year)
    first, last = _within(year, days[0] or first_day(year), days[1] or days_of(year)[1])
    asked = Asked(year, first, last, "dfe", policy.rates["PA"].one_in)
    tallies = await tallied(tx, schools, la_code, asked, None)
    phases = [*sorted(tallies.keys() - {TOTAL.lower()}), TOTAL.lower()]
    return _shown([(phase, tallies[phase]) for phase in phases], policy.suppress_below)


def _shown(tallies: Sequence[tuple[str, Tally]], below: int) -> list[Counted]:
    units = [[tally.along(name)[-1] for name in ("enrolments", "persistent")] for _, tally in tallies]
    last = len(tallies) - 1
    numbers = np.array([[members, members - over, over] for members, over in units])
    rows = [Equation(last, range(last))] if last else []
    secret = hidden(numbers, below, [Equation(0, range(1, 3))], rows)
    return [
        Counted(
            phase.capitalize(),
            tally.schools,
            None if secret[n, 0] else tally.of_codes(),
            units[n][0],
            None if secret[n, 0] or secret[n, 2] else units[n][1],
        )
        for n, (phase, tally) in enumerate(tallies)
    ]


def schools_of(found: Sequence[Reconciled]) -> list[int] | None:
    """The schools (URN) that an answer tells of; None where it tells of an authority."""
    urns = {one.row.urn for one in found}
    return None if None in urns else sorted(urn for urn in urns if urn is not None)


async def keep(database: Database, clock: Clock, kept: Kept) -> str:
    """Keeps an answer; its id."""
    reconciliation_id = str(uuid4())

    async def write(tx: Transaction) -> None:
        await store.forget(tx, clock.now() - KEPT)
        await store.add(tx, reconciliation_id, clock.now(), kept)

    await database.in_transaction(write)
    return reconciliation_id


async def look(tx: Transaction, caller: Caller, reconciliation_id: str) -> Kept:
    """One that was kept; NotFoundError where there is none, or where the caller may not see all of its schools."""
    kept = await store.read(tx, reconciliation_id)
    if kept is None or not _may_see(caller, kept.subject, kept.schools):
        raise NotFoundError
    return kept


def _may_see(caller: Caller, subject: str, schools: Collection[int] | None) -> bool:
    if caller.reach.is_everywhere:
        return True
    return schools is not None and caller.reach.covers(schools) and (bool(schools) or subject == caller.subject)
