"""Which patterns a child's year has. Everything is an integer comparison; the year is a grid of 366 days of two
sessions, and only possible sessions are looked at.

An absent day is one with an absence in it, whole or half. `find` is the rule; `may_have` says of many years at once
which of them can have a pattern at all.
"""

from collections.abc import Iterable, Iterator
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID
from common.codes import code_table

from absence_engine.domain.marks import YearMarks
from absence_engine.domain.patterns.rules import Often, Patterns, Sudden
from absence_engine.domain.records import Calendars, Codes, Enrolment
from absence_engine.domain.thresholds import numbers_of
from absence_engine.domain.ticks import year_start

Flags = npt.NDArray[np.bool_]

DAYS = GRID // 2
HALVES = ("AM", "PM")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
POSSIBLE = numbers_of(tuple(code.code for code in code_table().values() if code.possible))
ABSENT = numbers_of(tuple(code.code for code in code_table().values() if code.absence))
LATE = numbers_of(tuple(code.code for code in code_table().values() if code.late))
MEDICAL = numbers_of(("M",))


class Pattern(NamedTuple):
    """A pattern of a year: of which kind, `what` of several of that kind (a weekday, a half of the day), the sessions
    behind it (ticks, ascending), and the integers that made it one.
    """

    kind: str
    what: str
    ticks: tuple[int, ...]
    numbers: dict[str, int]


class _Year(NamedTuple):
    """A year's grid taken apart: (732,) sessions, and `weekday` of each day (366,), 0 for Monday."""

    start: int
    possible: Flags
    absent: Flags
    codes: Codes
    weekday: npt.NDArray[np.int64]

    def ticks(self, chosen: Flags) -> tuple[int, ...]:
        return tuple((np.flatnonzero(chosen) + self.start).tolist())


def edges(stays: Iterable[Enrolment], calendars: Calendars, year: int, closed_days: int) -> Flags:
    """The days of a year (366,) on which a child's school is open beside a holiday: the first and the last of the year,
    and those before and after so many closed days in a row.
    """
    found = np.zeros(DAYS, bool)
    start = year_start(year)
    for stay in stays:
        days = np.unique((calendars.open_between(stay.urn, start, start + GRID - 1) - start) // 2)
        if len(days):
            gaps = np.diff(days) > closed_days
            beside = days[np.append(True, gaps) | np.append(gaps, True)]
            at = beside * 2 + start
            found[beside[(at >= stay.first) & (at < stay.last)]] = True
    return found


def find(marks: YearMarks, beside: Flags, rules: Patterns) -> list[Pattern]:
    """The patterns of a child's year, in the order of their kinds; `beside`: the days beside holidays (`edges`)."""
    year = _taken_apart(marks)
    if not year.possible.any():
        return []
    return [
        *_weekdays(year, rules),
        *_holiday_edges(year, beside, rules),
        *_medical(year, rules),
        *_half_days(year, rules),
        *_streaks(year, rules),
        *_late_streaks(year, rules),
        *_sudden(year, rules.sudden_change),
    ]


def _taken_apart(marks: YearMarks) -> _Year:
    start = year_start(marks.year)
    weekday = (np.arange(DAYS, dtype=np.int64) + start // 2 - 1) % 7
    return _Year(start, POSSIBLE[marks.codes], ABSENT[marks.codes], marks.codes, weekday)


def _by_day(sessions: Flags) -> Flags:
    return sessions.reshape(-1, 2)[:, 0] | sessions.reshape(-1, 2)[:, 1]


def _gathers(rule: Often, possible: Flags, missed: Flags, there: Flags) -> dict[str, int] | None:
    """The integers of a rule that holds for some places of all that are possible; None where it doesn't hold."""
    total, absent = int(possible.sum()), int(missed.sum())
    places, hits = int((possible & there).sum()), int((missed & there).sum())
    others, elsewhere = total - places, absent - hits
    if hits < rule.least or hits * others < rule.times * elsewhere * places:
        return None
    if not rarely(total, places, absent, hits, rule.one_in):
        return None
    return {"missed": hits, "possible": places, "missed_elsewhere": elsewhere, "possible_elsewhere": others}


def rarely(total: int, places: int, absent: int, hits: int, one_in: int) -> bool:
    """Whether at most one in `one_in` of all ways to deal `absent` absences out over `total` places has `hits` or more
    on these `places` of them: exact, by counting the ways.
    """
    ways = sum(comb(places, n) * comb(total - places, absent - n) for n in range(hits, min(places, absent) + 1))
    return ways * one_in <= comb(total, absent)


def _weekdays(year: _Year, rules: Patterns) -> Iterator[Pattern]:
    if rules.weekday is None:
        return
    possible, missed = _by_day(year.possible), _by_day(year.absent)
    for number, name in enumerate(WEEKDAYS):
        there = year.weekday == number
        if numbers := _gathers(rules.weekday, possible, missed, there):
            yield Pattern("weekday", name, year.ticks(year.absent & there.repeat(2)), numbers)


def _holiday_edges(year: _Year, beside: Flags, rules: Patterns) -> Iterator[Pattern]:
    if rules.holiday_edge is None:
        return
    numbers = _gathers(rules.holiday_edge, _by_day(year.possible), _by_day(year.absent), beside)
    if numbers:
        yield Pattern("holiday_edge", "", year.ticks(year.absent & beside.repeat(2)), numbers)


def _medical(year: _Year, rules: Patterns) -> Iterator[Pattern]:
    """Medical appointments on one half of one weekday."""
    if rules.medical is None:
        return
    missed = MEDICAL[year.codes]
    for number, name in enumerate(WEEKDAYS):
        for half, its_name in enumerate(HALVES):
            there = np.zeros(GRID, bool)
            there[half::2] = year.weekday == number
            if numbers := _gathers(rules.medical, year.possible, missed, there):
                yield Pattern("medical", f"{name} {its_name}", year.ticks(missed & there), numbers)


def _half_days(year: _Year, rules: Patterns) -> Iterator[Pattern]:
    rule = rules.half_day
    if rule is None:
        return
    absent, both = year.absent.reshape(-1, 2), year.possible.reshape(-1, 2).all(axis=1)
    days = int(absent.any(axis=1).sum())
    for half, name in enumerate(HALVES):
        alone = both & absent[:, half] & ~absent[:, 1 - half]
        found = int(alone.sum())
        if found >= rule.days and found * rule.of >= days * rule.part:
            chosen = np.zeros(GRID, bool)
            chosen[half::2] = alone
            yield Pattern("half_day", name, year.ticks(chosen), {"half_days": found, "days": days})


def _streaks(year: _Year, rules: Patterns) -> Iterator[Pattern]:
    possible = np.flatnonzero(year.possible)
    runs = _runs(year.absent[possible])
    longest = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
    length = longest[1] - longest[0]
    if rules.streak is not None and length >= rules.streak.sessions:
        ticks = possible[slice(*longest)] + year.start
        yield Pattern("streak", "", tuple(ticks.tolist()), {"sessions": length})
    if rules.short_streaks is not None:
        short = [run for run in runs if run[1] - run[0] <= rules.short_streaks.sessions]
        if len(short) >= rules.short_streaks.streaks:
            ticks = np.concatenate([possible[slice(*run)] for run in short]) + year.start
            numbers = {"streaks": len(short), "sessions": len(ticks)}
            yield Pattern("short_streaks", "", tuple(ticks.tolist()), numbers)


def _late_streaks(year: _Year, rules: Patterns) -> Iterator[Pattern]:
    """Of the days on which the child came: with an attended session, or a U."""
    if rules.late_streak is None:
        return
    late = LATE[year.codes]
    came = np.flatnonzero(_by_day((year.possible & ~year.absent) | late))
    longest = max(_runs(_by_day(late)[came]), key=lambda run: run[1] - run[0], default=(0, 0))
    if longest[1] - longest[0] >= rules.late_streak.days:
        on = np.zeros(DAYS, bool)
        on[came[slice(*longest)]] = True
        yield Pattern("late_streak", "", year.ticks(late & on.repeat(2)), {"days": longest[1] - longest[0]})


def _sudden(year: _Year, rule: Sudden | None) -> Iterator[Pattern]:
    if rule is None:
        return
    last_day = int(np.flatnonzero(year.possible)[-1]) // 2
    recent = np.arange(GRID) >= (last_day + 1 - 7 * rule.weeks) * 2
    possible, absent = int((year.possible & recent).sum()), int((year.absent & recent).sum())
    before, missed = int((year.possible & ~recent).sum()), int((year.absent & ~recent).sum())
    if absent < rule.sessions or before < rule.before:
        return
    more = absent * before - rule.times * missed * possible >= 0
    by_much = (absent * before - missed * possible) * rule.of >= possible * before * rule.part
    if more and by_much:
        numbers = {"missed": absent, "possible": possible, "missed_before": missed, "possible_before": before}
        yield Pattern("sudden_change", "", year.ticks(year.absent & recent), {"weeks": rule.weeks, **numbers})


def _runs(counts: Flags) -> list[tuple[int, int]]:
    """From where to where (exclusive) the true stretches go."""
    ends = np.flatnonzero(np.diff(counts.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(ends[::2], ends[1::2], strict=True))


def may_have(codes: Codes, beside: Flags, year: int, rules: Patterns) -> Flags:
    """Which of many years, (n, 732) with the days beside holidays (n, 366), may have a pattern: no other has one. By
    counts alone, all children at once.
    """
    absent = ABSENT[codes]
    halves = absent.reshape(-1, DAYS, 2)
    missed = halves[:, :, 0] | halves[:, :, 1]
    weekday = (np.arange(DAYS) + year_start(year) // 2 - 1) % 7
    found: Flags = np.zeros(len(codes), bool)
    if rules.weekday is not None:
        for number in range(7):
            found |= missed[:, weekday == number].sum(axis=1) >= rules.weekday.least
    if rules.holiday_edge is not None:
        found |= (missed & beside).sum(axis=1) >= rules.holiday_edge.least
    if rules.medical is not None:
        found |= MEDICAL[codes].sum(axis=1) >= rules.medical.least
    if rules.half_day is not None:
        found |= (halves[:, :, 0] != halves[:, :, 1]).sum(axis=1) >= rules.half_day.days
    if rules.streak is not None:
        found |= absent.sum(axis=1) >= rules.streak.sessions
    if rules.short_streaks is not None:
        begins = np.diff(absent.astype(np.int8), axis=1, prepend=0) == 1
        found |= begins.sum(axis=1) >= rules.short_streaks.streaks
    if rules.late_streak is not None:
        found |= LATE[codes].reshape(-1, DAYS, 2).any(axis=2).sum(axis=1) >= rules.late_streak.days
    if rules.sudden_change is not None:
        found |= absent.sum(axis=1) >= rules.sudden_change.sessions
    return found
