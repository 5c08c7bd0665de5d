"""What stands behind a child's figures of a year: its codes, its weekdays, its half days (rule book 1a, 12.6)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from common.academic import GRID, at_place
from common.codes import code_table

from absence_engine.domain.counts import Counts, count
from absence_engine.domain.groups import dfe_last_place
from absence_engine.domain.in_force import Holds
from absence_engine.domain.marks import YearMarks, codes_at, touches_year, within
from absence_engine.domain.records import GUEST, Calendars, ChildRecord, Codes, Enrolment
from absence_engine.domain.spans import YEARLESS, Child, Scope, Span, spans

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNABLE = ("I", "M")
"""Absences that say nothing of whether a child attends when it is able to: illness, medical appointments."""

_CODE_OF = {code.number: code.code for code in code_table().values()}
_ON_SITE = np.zeros(256, bool)
_ON_SITE[[code.number for code in code_table().values() if code.on_site]] = True
_POSSIBLE = np.zeros(256, bool)
_POSSIBLE[[code.number for code in code_table().values() if code.possible]] = True
_ABSENT = np.zeros(256, bool)
_ABSENT[[code.number for code in code_table().values() if code.absence]] = True
_UNABLE = np.zeros(256, bool)
_UNABLE[[code_table()[code].number for code in UNABLE]] = True


class HalfDays(NamedTuple):
    """Days with two possible sessions of which one alone was missed: the morning, the afternoon."""

    am: int
    pm: int


class Detail(NamedTuple):
    """Of a year's codes: sessions by code and by weekday, half days, sessions on the school's site (U is one of them:
    the child is there, and absent in the statistics), and those that were possible and not missed for illness or a
    medical appointment.
    """

    by_code: Mapping[str, int]
    by_weekday: Mapping[str, Counts]
    half_days: HalfDays
    physically_present: int
    able: int


def detail(year: int, codes: Codes) -> Detail:
    """What stands behind one year's codes (732,)."""
    histogram = np.bincount(codes)
    missed, possible = _ABSENT[codes].reshape(-1, 2), _POSSIBLE[codes].reshape(-1, 2).all(axis=1)
    weekday = (np.arange(GRID) // 2 + at_place(year, 0)[0].weekday()) % 7
    return Detail(
        by_code={_CODE_OF[n]: int(histogram[n]) for n in (np.flatnonzero(histogram[1:]) + 1).tolist()},
        by_weekday={
            name: found
            for n, name in enumerate(WEEKDAYS)
            if (found := count(np.where(weekday == n, codes, 0))).possible or n < 5
        },
        half_days=HalfDays(
            int((missed[:, 0] & ~missed[:, 1] & possible).sum()), int((missed[:, 1] & ~missed[:, 0] & possible).sum())
        ),
        physically_present=int(_ON_SITE[codes].sum()),
        able=int((_POSSIBLE[codes] & ~_UNABLE[codes]).sum()),
    )


def dfe_stays(record: ChildRecord, year: int) -> list[tuple[Enrolment, Counts]]:
    """The enrolments of a year that DfE's statistics count, with their figures (rule book 3.10-3.15): none of a guest,
    none without a possible session.
    """
    last = dfe_last_place(record.date_of_birth, year)
    if last is None:
        return []
    given = codes_at(record, year)
    counted = [
        (stay, count(within(given[stay.urn], year, stay)[: last + 1]))
        for stay in sorted(record.enrolments, key=lambda stay: (stay.from_, stay.urn))
        if stay.kind != GUEST and stay.urn in given and touches_year(stay, year)
    ]
    return [(stay, counts) for stay, counts in counted if counts.possible]


def spans_of(child: Child, calendars: Calendars, holds: Holds, *, only_years: bool = False) -> list[Span]:
    """All spans of a child, each year's by the policy that holds in it; without those that run over years, if asked."""
    policies = {(policy := holds(year)).version: policy for year in (None, *child.years)}
    yearless = None if only_years else holds(None).version
    found: list[Span] = []
    for version, policy in policies.items():
        years = frozenset(year for year in child.years if holds(year).version == version)
        scope = Scope(years, YEARLESS if version == yearless else frozenset[str]())
        found += spans([child], [scope], calendars, policy)[0]
    return found


def ever(found: Iterable[Span], kinds: Iterable[str]) -> dict[str, list[int]]:
    """By kind, the years in which a span of it was firm."""
    firm = [(span.kind, span.year) for span in found if span.firm is not None]
    return {kind: sorted({year for its, year in firm if its == kind and year is not None}) for kind in kinds}


def marked(years: Mapping[int, YearMarks], year: int) -> Codes:
    """What counts for a child in a year; no marks where nothing does."""
    return years[year].codes if year in years else np.zeros(GRID, np.uint8)
