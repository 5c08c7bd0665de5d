"""Answers: sums over many children, over any days, by school, class, week, code and so on (`domain.groups`).

Both grains (rule book 12.6). Enrolments: each stay with what its school marked. Children: each session of a child once,
with the mark that counts for it (12.9), at the school that gave it. A guest is no enrolment, but a child.

A few schools at a time: their stays and sheets are read, counted by histograms, added up. Children whose marks are at
several schools, or under several ids, come last, with all that is known of them.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID
from common.codes import code_table
from common.db import Transaction

from absence_engine.actions.known import as_known, sheets_as_known
from absence_engine.domain.counts import CODES
from absence_engine.domain.flags import Times, between, both
from absence_engine.domain.groups import CODE, OF_SCHOOLS, Key, Question, dfe_last_place, year_group_in
from absence_engine.domain.marks import child_year, codes_at
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import GUEST, ChildRecord, Codes, Sheet
from absence_engine.domain.sums import (
    Contribution,
    Divided,
    Parts,
    Sum,
    Sums,
    codes_by_part,
    figures_by_part,
    figures_of_codes,
    of_codes,
    of_group,
    united,
)
from absence_engine.domain.ticks import year_start
from absence_engine.store import figures as records
from absence_engine.store import grouping as store
from absence_engine.store.grouping import Facts, SchoolGroup

SCHOOLS_AT_ONCE = 32
CHILDREN_AT_ONCE = 1000
CODE_OF = {code.number: code.code for code in code_table().values()}

Ints = npt.NDArray[np.int64]
Portion = tuple[Sequence[store.StayRow], Mapping[int, Mapping[tuple[str, int], bytes]], set[str]]
"""Some schools' stays, by year their sheets, and the ids that have marks of another school."""
Grain = str
"""`enrolments` or `children`."""


class _Row(NamedTuple):
    """A sheet of one year, the first and the last place of it that count, its unit of either grain (-1: of none), its
    group (-1: of none), whether it is in the total, and where the child has the flag, if that is asked (None: always).
    """

    codes: bytes
    first: int
    last: int
    enrolment: int
    child: int
    group: int
    in_total: bool
    times: Times | None = None


class _Cut(NamedTuple):
    """Places of a year on which a school is asked about, first and last; its authority then; the number of its group,
    None where that depends on more than the school.
    """

    first: int
    last: int
    la_code: str
    group: int | None


def _marks(rows: Sequence[_Row], bounds: tuple[int, int]) -> Codes:
    """The sheets (n, 732), with what does not count taken out."""
    codes = np.frombuffer(bytearray().join([row.codes for row in rows]), np.uint8).reshape(-1, GRID)
    first, last = (np.array([row[side] for row in rows]) for side in (1, 2))
    cut = np.flatnonzero((first > bounds[0]) | (last < bounds[1]))
    if len(cut):
        places = np.arange(GRID)
        codes[cut] *= (places >= first[cut, None]) & (places <= last[cut, None])
    for n, row in enumerate(rows):
        if row.times is not None:
            inside = np.zeros(GRID, np.uint8)
            for begins, ends in row.times:
                inside[begins : ends + 1] = 1
            codes[n] *= inside
    return codes


class _Counting:
    """The sums of a question while they are added up."""

    def __init__(self, question: Question, schools: Iterable[SchoolGroup], la_code: str | None, policy: Policy) -> None:
        self.question, self.la_code = question, la_code
        self.schools = {school.urn: school for school in schools}
        self.groups: dict[tuple[Key, ...], int] = {}
        self.parts: dict[tuple[Key, ...], int] = {}
        self.columns = {year: question.columns(year, self.parts) for year in question.years}
        self.by_code = CODE in question.by
        grains = ("enrolments",) if question.basis == "dfe" else ("enrolments", "children")
        self.sums: dict[Grain, Sums] = {grain: Sums(policy, codes=self.by_code) for grain in grains}
        self.totals: dict[Grain, Sums] = {grain: Sums(policy, codes=False) for grain in grains}
        self._rows_by = question.rows_by
        self._of_school = OF_SCHOOLS.issuperset(question.rows_by) and not question.asks_flags
        self._waiting: dict[Grain, tuple[list[Contribution], list[Contribution]]] = {}
        self._cuts: dict[tuple[int, int], list[_Cut]] = {}
        self._starts = {year: date(year, 8, 1).toordinal() for year in question.years}

    def cuts(self, urn: int, year: int) -> list[_Cut]:
        """When in a year a school is asked about."""
        found = self._cuts.get((urn, year))
        if found is None:
            found = self._cuts[urn, year] = list(self._find_cuts(self.schools[urn], year))
        return found

    def _find_cuts(self, school: SchoolGroup, year: int) -> Iterator[_Cut]:
        first, last = self.question.bounds(year)
        spans = [(first, last, "")]
        if "la" in self.question.by or self.la_code is not None:
            start = self._starts[year]
            spans = [
                (max((begins.toordinal() - start) * 2, first), min((ends.toordinal() - start) * 2 + 1, last), la_code)
                for la_code, begins, ends in school.authorities
                if self.la_code in (None, la_code)
            ]
        for first, last, la_code in spans:
            if first <= last:
                group = self._number(self._values(school, la_code)) if self._of_school else None
                yield _Cut(first, last, la_code, group)

    def _values(self, school: SchoolGroup, la_code: str) -> dict[str, Key]:
        return {
            "school": school.urn,
            "phase": school.phase,
            "trust": school.trust,
            "locality": school.locality,
            "la": la_code,
        }

    def _number(self, values: Mapping[str, Key]) -> int:
        return self.groups.setdefault(tuple([values[one] for one in self._rows_by]), len(self.groups))

    def add_stay(
        self,
        rows: list[_Row],
        codes: bytes,
        year: int,
        stay: tuple[int, date, date | None, str | None],
        facts: Facts,
        units: tuple[int, int],
    ) -> None:
        """Adds what a stay (URN, first and last day, class) has of a year; `units`: its number as an enrolment, and its
        child's.
        """
        urn, begins, ends, registration_group = stay
        start = self._starts[year]
        first = (begins.toordinal() - start) * 2
        last = GRID - 1 if ends is None else (ends.toordinal() - start) * 2 + 1
        if self.question.basis == "dfe":
            upto = dfe_last_place(facts.date_of_birth, year)
            if upto is None:
                return
            last = min(last, upto)
        for cut in self.cuts(urn, year):
            a, b = max(cut.first, first), min(cut.last, last)
            if a > b:
                continue
            if cut.group is not None:
                rows.append(_Row(codes, a, b, *units, cut.group, True))
                continue
            values = self._values(self.schools[urn], cut.la_code)
            values["registration_group"] = registration_group
            values["year_group"] = year_group_in(year, facts.year_group, facts.year_group_in)
            for flag, times, in_group, in_total in self._flags(facts, year):
                values["flag"] = flag
                rows.append(_Row(codes, a, b, *units, self._number(values) if in_group else -1, in_total, times))

    def _flags(self, facts: Facts, year: int) -> Iterator[tuple[str | None, Times | None, bool, bool]]:
        """What is made of a row because of flags: the flag, its places (None: all), whether that is in a group, and in
        the total. Divided by flags, a session is in the group of each flag that the child has then, or of none; where
        one flag is asked about, of those sessions alone on which the child has it.
        """
        question = self.question
        if not question.asks_flags:
            yield None, None, True, True
            return
        start = year_start(year)
        times: dict[str, list[tuple[int, int]]] = {}
        for one in facts.flags:
            if (last := min(one.last - start, GRID - 1)) >= 0 and (first := max(one.first - start, 0)) <= last:
                times.setdefault(one.flag, []).append((first, last))
        only = None if question.flag is None else times.get(question.flag, [])
        if only == []:
            return
        if "flag" in question.by:
            for flag, its in times.items():
                yield flag, its if only is None else both(its, only), True, False
            if only is None:
                yield None, between(its for of_flag in times.values() for its in of_flag), True, False
        yield None, only, "flag" not in question.by, True

    def take(self, rows: Sequence[_Row], year: int) -> None:
        """Counts rows of a year; `settle` adds them up."""
        if not rows:
            return
        codes = _marks(rows, self.question.bounds(year))
        parts = Parts.of(self.columns[year], codes)
        if self.by_code:
            numbers, found = codes_by_part(codes, parts)
            whole = figures_of_codes(numbers, found)
        else:
            numbers, found = parts.numbers, figures_by_part(codes, parts)
            whole = found.sum(axis=1, keepdims=True)
        enrolment, child, group, in_total = (np.array([row[side] for row in rows]) for side in (3, 4, 5, 6))
        for grain, units in (("enrolments", enrolment), ("children", child)):
            if grain in self.sums:
                groups, totals = self._waiting.setdefault(grain, ([], []))
                its, all_of_it = (units >= 0) & (group >= 0), (units >= 0) & in_total
                groups.append(Contribution(units[its], group[its], numbers, found[its]))
                nought = np.zeros(int(all_of_it.sum()), np.int64)
                totals.append(Contribution(units[all_of_it], nought, nought[:1], whole[all_of_it]))

    def settle(self) -> None:
        """Adds up what was counted: all rows of the units that are in it have come."""
        for grain, (groups, totals) in self._waiting.items():
            self.sums[grain].add(united(groups, max(len(self.groups), 1)))
            self.totals[grain].add(united(totals, 1))
        self._waiting.clear()

    def divided(self, grain: Grain) -> Divided:
        """The sums of a grain."""
        total = self.totals[grain].table
        width = total.shape[2]
        whole = of_group(total[0, 0] if total.size else np.zeros(width, np.int64))
        table = self.sums[grain].table
        found: dict[tuple[Key, ...], Sum] = {}
        for of_row, row in self.groups.items():
            for of_place, part in self.parts.items():
                if row < table.shape[0]:
                    values: dict[str, Key] = dict(zip(self.question.rows_by, of_row, strict=True))
                    values |= zip(self.question.places_by, of_place, strict=True)
                    found |= self._of_cell(table[row], part, values)
        return Divided(whole, found)

    def _of_cell(self, row: Ints, part: int, values: dict[str, Key]) -> dict[tuple[Key, ...], Sum]:
        if not self.by_code:
            one = of_group(row[part]) if part < len(row) else None
            return {tuple(values[by] for by in self.question.by): one} if one and any(one.figures) else {}
        return {
            tuple((values | {CODE: CODE_OF[code]})[by] for by in self.question.by): one
            for code, one in of_codes(row[part * CODES : (part + 1) * CODES]).items()
        }


async def count(
    tx: Transaction,
    question: Question,
    urns: Collection[int],
    la_code: str | None,
    policy: Policy,
    known_on: datetime | None = None,
) -> dict[Grain, Divided]:
    """The sums of some schools by grain; with an authority's code, on the days on which they are its own. As known at a
    moment, if one is given; InvalidError for one before history was kept.
    """
    counting = _Counting(question, await store.schools(tx, urns), la_code, policy)
    known = sorted(counting.schools)
    away: set[str] = set()
    merged: set[str] = set()
    async with aclosing(_portions(tx, question, known, known_on)) as portions:
        async for stays, sheets, its_away in portions:
            away |= its_away
            merged |= {stay.pupil_id for stay in stays if stay.is_merged}
            await asyncio.to_thread(_take_plain, counting, stays, sheets, its_away)
    await _take_others(tx, counting, away | merged, merged, known_on)
    return {grain: counting.divided(grain) for grain in counting.sums}


async def _portions(
    tx: Transaction, question: Question, urns: Sequence[int], known_on: datetime | None
) -> AsyncGenerator[Portion]:
    """What some schools at a time have; the next are read while the last are counted."""

    async def read(some: Sequence[int]) -> Portion:
        stays = await store.stays(tx, some, question.first, question.last, flags=question.asks_flags)
        sheets = {year: await _sheets(tx, some, year, known_on) for year in question.years}
        return stays, sheets, await store.elsewhere(tx, some, question.years)

    ahead: asyncio.Task[Portion] | None = None
    try:
        for at in range(0, len(urns), SCHOOLS_AT_ONCE):
            now = await (ahead or read(urns[at : at + SCHOOLS_AT_ONCE]))
            following = urns[at + SCHOOLS_AT_ONCE : at + 2 * SCHOOLS_AT_ONCE]
            ahead = asyncio.create_task(read(following)) if following else None
            yield now
    finally:
        if ahead is not None and not ahead.done():
            ahead.cancel()
            await asyncio.wait([ahead])


def _take_plain(
    counting: _Counting,
    stays: Sequence[store.StayRow],
    sheets: Mapping[int, Mapping[tuple[str, int], bytes]],
    away: Collection[str],
) -> None:
    """Counts the stays of children who have one id; as children, those of them who have no marks elsewhere."""
    numbers: dict[str, int] = {}
    for year, of_year in sheets.items():
        rows: list[_Row] = []
        for number, row in enumerate(stays):
            codes = of_year.get((row.pupil_id, row.urn))
            if codes is None or row.is_merged or not counting.question.has(row.kind):
                continue
            child = -1 if row.pupil_id in away else numbers.setdefault(row.pupil_id, len(numbers))
            stay = (row.urn, row.from_, row.to, row.registration_group)
            counting.add_stay(rows, codes, year, stay, row.facts, (-1 if row.kind == GUEST else number, child))
        counting.take(rows, year)
    counting.settle()


async def _sheets(
    tx: Transaction, urns: Sequence[int], year: int, known_on: datetime | None
) -> dict[tuple[str, int], bytes]:
    found = await store.sheets(tx, urns, year)
    if known_on is None:
        return found
    sheets = [Sheet(pupil_id, urn, year, codes) for (pupil_id, urn), codes in found.items()]
    return {(sheet.pupil_id, sheet.urn): sheet.codes for sheet in await sheets_as_known(tx, sheets, known_on)}


async def _take_others(
    tx: Transaction, counting: _Counting, ids: Collection[str], merged: Collection[str], known_on: datetime | None
) -> None:
    """Counts children with marks at several schools, and those with several ids, of whom nothing is counted yet."""
    question = counting.question
    several = set(await store.living(tx, merged))
    children = await store.living(tx, ids)
    for at in range(0, len(children), CHILDREN_AT_ONCE):
        some = children[at : at + CHILDREN_AT_ONCE]
        facts = await store.facts(tx, some, flags=question.asks_flags)
        found = await records.records(tx, some)
        if known_on is not None:
            found = await as_known(tx, found, known_on)
        for year in question.years:
            rows: list[_Row] = []
            for number, record in enumerate(found):
                is_new = record.pupil_id in several
                _add_record(counting, rows, record, year, facts[record.pupil_id], number, is_new)
            counting.take(rows, year)
        counting.settle()


def _add_record(
    counting: _Counting, rows: list[_Row], record: ChildRecord, year: int, facts: Facts, number: int, is_new: bool
) -> None:
    """Adds a child's year: what counts for the child, and each stay's own marks where they are not counted yet."""
    sheets = [sheet for sheet in record.sheets if sheet.year == year]
    if not sheets:
        return
    counts = child_year(year, sheets, record)
    given = codes_at(record, year)
    for place, stay in enumerate(record.enrolments):
        if stay.urn not in counting.schools or stay.urn not in given or not counting.question.has(stay.kind):
            continue
        where = (stay.urn, stay.from_, stay.to, stay.registration_group)
        own: npt.NDArray[np.uint8] = np.where(counts.schools == stay.urn, counts.codes, 0).astype(np.uint8)
        counting.add_stay(rows, own.tobytes(), year, where, facts, (-1, number))
        if is_new and stay.kind != GUEST:
            unit = number * 1000 + place
            counting.add_stay(rows, given[stay.urn].tobytes(), year, where, facts, (unit, -1))
