"""Answers: the figures of a child, a school, an area. Nothing is kept of them: all derive from sheets.

Both grains are there (rule book 12.6): the child across its schools, and each enrolment.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
from common.academic import GRID, days_of
from common.db import Transaction
from common.errors import MovedError, NotFoundError
from common.security import Caller

from absence_engine.actions.holding import Policies
from absence_engine.actions.known import as_known
from absence_engine.actions.seen import Seen, each_seen, seen
from absence_engine.domain import areas
from absence_engine.domain.ages import compulsory
from absence_engine.domain.areas import Member
from absence_engine.domain.counts import Counts, count, count_rows, counts_of
from absence_engine.domain.detail import Detail, detail, dfe_stays, ever, marked, spans_of
from absence_engine.domain.flags import held_on
from absence_engine.domain.groups import dfe_last_place
from absence_engine.domain.marks import child_years, codes_at, touches_year, up_to, within
from absence_engine.domain.penalty import PenaltyFigure, penalty_figure
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import GUEST, ChildRecord, Codes, Enrolment
from absence_engine.domain.spans import Child
from absence_engine.domain.sums import Sum, whole
from absence_engine.domain.ticks import tick_of
from absence_engine.store import figures as store
from absence_engine.store import schools, targets
from absence_engine.store.progress import Freshness
from absence_engine.store.targets import Target

Figures = npt.NDArray[np.int64]

NO_MARKS = np.zeros(GRID, np.uint8)
AT_ONCE = 1000  # children of whom all is loaded together


@dataclass(frozen=True, slots=True)
class StayFigures:
    """The counts of one enrolment in a year."""

    pupil_id: str
    stay: Enrolment
    counts: Counts


@dataclass(frozen=True, slots=True)
class PupilFigures:
    """A child's year, and the penalty windows, which do not depend on the year; `policy` is that of the year. `dfe`:
    the enrolments that DfE's statistics count; `ever`: by kind, the years with a firm episode; `compulsory`: whether
    the child is of compulsory school age on the day.
    """

    policy: Policy
    child: Child
    counts: Counts
    stays: Sequence[StayFigures]
    penalty: PenaltyFigure
    freshness: Sequence[Freshness]
    detail: Detail
    dfe: Sequence[tuple[Enrolment, Counts]]
    ever: Mapping[str, Sequence[int]]
    compulsory: bool | None
    target: Target | None


@dataclass(frozen=True, slots=True)
class SchoolFigures:
    """A school's year: each enrolment, by child and start, and the sum of those that are no guests'."""

    policy: Policy
    stays: Sequence[StayFigures]
    whole: Sum
    freshness: Sequence[Freshness]
    dfe: Sum


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """A local authority's year: its schools' enrolments without guests, all and by phase, each on the days on which its
    school is of the authority; and the children across all schools. `dfe`: the enrolments on DfE's basis.
    """

    policy: Policy
    schools: int
    enrolments: Sum
    phases: Mapping[str, Sum]
    children: Sum
    dfe: Sum
    seen: Seen


async def visible(tx: Transaction, pupil_id: str, caller: Caller, path: str) -> ChildRecord:
    """The child of an id, for a caller who may see one of its schools.

    NotFoundError when there is none, or none that the caller may see; MovedError to `path` under the living id.
    """
    living = await store.living(tx, pupil_id)
    if living is None:
        raise NotFoundError
    (record,) = await store.records(tx, [living])
    if not may_see(caller, record):
        raise NotFoundError
    if living != pupil_id:
        raise MovedError(path.format(pupil_id=living))
    return record


def may_see(caller: Caller, record: ChildRecord) -> bool:
    """Whether the child is there for the caller: by one of its schools, and by what holds of it today."""
    said = () if caller.reach.cohorts is None else held_on(record.flags, caller.on)
    return caller.reach.may_see_child(urns_of(record), said)


def urns_of(record: ChildRecord) -> set[int]:
    """The schools at which a child is, or was."""
    return {stay.urn for stay in record.enrolments} | {sheet.urn for sheet in record.sheets}


async def pupil(
    tx: Transaction,
    pupil_id: str,
    year: int,
    as_of: date | None,
    caller: Caller,
    policies: Policies,
    today: date,
    known_on: datetime | None = None,
) -> PupilFigures:
    """A child's figures; marks after `as_of` are left out. As known at a moment, if one is given."""
    await store.snapshot(tx)
    whole = await visible(tx, pupil_id, caller, "/v1/pupils/{pupil_id}/absence")
    if known_on is not None:
        (whole,) = await as_known(tx, [whole], known_on)
    record = whole if as_of is None else up_to(whole, as_of)
    years = child_years(record)
    holds = (await policies.at_present(tx, {sheet.urn for sheet in record.sheets})).of_child(record)
    calendars = await schools.calendars(tx, {stay.urn for stay in record.enrolments})
    return PupilFigures(
        policy=holds(year),
        child=Child(record, years),
        counts=count(years[year].codes) if year in years else Counts(),
        stays=[StayFigures(pupil_id, stay, count(codes)) for stay, codes in _stays(record, year)],
        penalty=penalty_figure(record, list(years.values()), calendars, holds(None).penalty),
        freshness=await each_seen(tx, urns_of(record), year, today, as_of),
        detail=detail(year, marked(years, year)),
        dfe=dfe_stays(record, year),
        ever=ever(spans_of(Child(record, years), calendars, holds, only_years=True), ("PA", "SA")),
        compulsory=_is_compulsory(record, as_of or today),
        target=await targets.latest(tx, record.pupil_id),
    )


def _is_compulsory(record: ChildRecord, day: date) -> bool | None:
    """Whether a child is of compulsory school age on a day; None while its date of birth is not known."""
    if record.date_of_birth is None:
        return None
    first, last = compulsory(record.date_of_birth)
    return first <= tick_of(day) <= last


def _stays(record: ChildRecord, year: int) -> list[tuple[Enrolment, Codes]]:
    """A child's enrolments of a year, by start, with the marks of each."""
    given = codes_at(record, year)
    stays = sorted((stay for stay in record.enrolments if touches_year(stay, year)), key=lambda s: (s.from_, s.urn))
    return [(stay, within(given.get(stay.urn, NO_MARKS), year, stay)) for stay in stays]


async def school(
    tx: Transaction, urn: int, year: int, policies: Policies, today: date, known_on: datetime | None = None
) -> SchoolFigures:
    """The figures of a school's enrolments, as known at a moment, if one is given; NotFoundError when there is no such
    school.
    """
    await store.snapshot(tx)
    if await store.school(tx, urn) is None:
        raise NotFoundError("No such school.")
    policy = (await policies.at_present(tx, [urn])).of_school(urn)(year)
    found: list[StayFigures] = []
    dfe: list[Figures] = []
    others: list[str] = []
    async for plain, rest in store.stays(tx, [urn], year, everywhere=False):
        rows = plain if known_on is None else []
        others += rest if known_on is None else [*rest, *(row.pupil_id for row in plain)]
        codes = _matrix([row.codes for row in rows])
        counted = count_rows(codes)
        mine = [n for n, row in enumerate(rows) if row.stay.kind != GUEST]
        dfe.append(_dfe([rows[n].born for n in mine], codes[mine], counted[mine], year))
        found += [StayFigures(r.pupil_id, r.stay, counts_of(c)) for r, c in zip(rows, counted, strict=True)]
    records = await store.records(tx, others)
    for record in records if known_on is None else await as_known(tx, records, known_on):
        found += [StayFigures(record.pupil_id, s, count(codes)) for s, codes in _stays(record, year) if s.urn == urn]
        dfe += [np.array([_figures(counts)]) for stay, counts in dfe_stays(record, year) if stay.urn == urn]
    found.sort(key=lambda one: (one.pupil_id, one.stay.from_))
    each = _stacked([np.array([_figures(one.counts)], np.int64) for one in found if one.stay.kind != GUEST])
    return SchoolFigures(
        policy, found, whole(each, policy), await each_seen(tx, [urn], year, today), whole(_stacked(dfe), policy)
    )


def _dfe(born: Sequence[date | None], codes: Codes, counted: Figures, year: int) -> Figures:
    """The figures of those of some stays (n, 732) that DfE's statistics count, as far as they do; `counted` are those
    of all of each.
    """
    last = [dfe_last_place(day, year) for day in born]
    keep = [n for n, place in enumerate(last) if place is not None]
    found = counted[keep]
    for n, row in enumerate(keep):
        if (place := last[row] or 0) < GRID - 1:
            found[n] = count_rows(codes[row : row + 1, : place + 1])[0]
    return found


async def area(tx: Transaction, la_code: str, year: int, policies: Policies, today: date) -> AreaFigures:
    """The figures of a local authority; NotFoundError when none of its schools is known."""
    await store.snapshot(tx)
    known = await store.members(tx, la_code)
    if not known:
        raise NotFoundError
    policy = (await policies.at_present(tx)).of_authority(la_code)(year)
    members = areas.in_year(known, year)
    stays: list[Figures] = []
    children: list[Figures] = []
    phases: list[str] = []
    dfe: list[Figures] = []
    others: list[str] = []
    async for every, found in store.stays(tx, members, year, everywhere=True):
        others += found
        rows = [row for row in every if members[row.stay.urn].has(row.stay)]
        codes = _matrix([row.codes for row in rows])
        counted = await asyncio.to_thread(count_rows, codes)
        children.append(counted)
        plain = [members[row.stay.urn].is_whole(year) and row.stay.kind != GUEST for row in rows]
        whole_year = np.flatnonzero(plain)
        stays.append(counted[whole_year])
        dfe.append(_dfe([rows[n].born for n in whole_year.tolist()], codes[whole_year], stays[-1], year))
        phases += [members[row.stay.urn].phase for row, is_plain in zip(rows, plain, strict=True) if is_plain]
        for row in (row for row, is_plain in zip(rows, plain, strict=True) if not is_plain):
            _count_parts([(row.stay, _matrix([row.codes])[0])], row.born, members, year, (stays, phases, dfe))
    for first in range(0, len(others), AT_ONCE):
        for record in await store.records(tx, others[first : first + AT_ONCE]):
            given = _stays(record, year)
            if any(stay.urn in members and members[stay.urn].has(stay) for stay, _ in given):
                _count_parts(given, record.date_of_birth, members, year, (stays, phases, dfe))
                marks = child_years(record).get(year)
                children.append(count_rows((NO_MARKS if marks is None else marks.codes).reshape(1, -1)))
    all_stays, its_phase = _stacked(stays), np.array(phases)
    return AreaFigures(
        policy=policy,
        schools=len(members),
        enrolments=whole(all_stays, policy),
        phases={
            phase: whole(all_stays[its_phase == phase], policy)
            for phase in sorted({member.phase for member in members.values()})
        },
        children=whole(_stacked(children), policy),
        dfe=whole(_stacked(dfe), policy),
        seen=await seen(tx, members, *days_of(year), today),
    )


def _count_parts(
    given: Sequence[tuple[Enrolment, Codes]],
    born: date | None,
    members: Mapping[int, Member],
    year: int,
    into: tuple[list[Figures], list[str], list[Figures]],
) -> None:
    """Adds the counts, the phases and DfE's counts of stays that are no guests', as far as they are of the area."""
    stays, phases, dfe = into
    for stay, codes in given:
        member = members.get(stay.urn)
        if member is not None and stay.kind != GUEST and member.has(stay):
            its = areas.of_area(codes, year, stay, member).reshape(1, -1)
            stays.append(count_rows(its))
            phases.append(member.phase)
            dfe.append(_dfe([born], its, stays[-1], year))


def _matrix(codes: Sequence[bytes | None]) -> Codes:
    none = bytes(GRID)
    return np.frombuffer(b"".join([one or none for one in codes]), np.uint8).reshape(-1, GRID)


def _stacked(figures: Sequence[Figures]) -> Figures:
    return np.concatenate([count_rows(NO_MARKS.reshape(1, -1))[:0], *figures])


def _figures(counts: Counts) -> tuple[int, ...]:
    c = counts
    return c.possible, c.attended, c.authorised, c.unauthorised, c.late_before_close, c.late_after_close
