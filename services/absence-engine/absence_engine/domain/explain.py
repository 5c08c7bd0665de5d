"""Why a span is there (invariant 4): what a person can check by hand, as at the session that made it firm, or else
crossed.

Rates: the year's absences up to that session. Windows: the sessions in the window that ends with its week (or day).
Runs: those of the run up to it. Tallies: those of the year up to it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from common.codes import code_table
from common.events.absence_engine import CountedSession, Explanation

from absence_engine.domain import sentences
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars, Ticks
from absence_engine.domain.runs import rows
from absence_engine.domain.spans import Child, Span
from absence_engine.domain.tallies import tallied
from absence_engine.domain.thresholds import RULES, WHOLE, Rate, Run, Tally, Threshold, Window
from absence_engine.domain.ticks import day_of, last_of_week, session_of, week_of, year_at, year_start
from absence_engine.domain.windows import by_days, counted_sessions, length, units_of

_CODES = ["", *code_table()]
_ABSENT = np.zeros(256, bool)
_ABSENT[[code.number for code in code_table().values() if code.absence]] = True
_NOT_POSSIBLE = bytes([0, *(code.number for code in code_table().values() if not code.possible)])
_LATE = np.zeros(256, bool)
_LATE[[code.number for code in code_table().values() if code.late == "after-close"]] = True

_SHOWS_LATE = "CONTINUOUS_10"
"""Who came after the register had closed was in school: an attendance return counts it, and says so (12.13)."""

_canonical = msgspec.json.Encoder(order="sorted").encode

Formula = dict[str, int | str]


def explain(child: Child, span: Span, calendars: Calendars, policy: Policy) -> Explanation:
    """The explanation of one span of a child."""
    found = _found(child, span, calendars, policy.thresholds[span.kind])
    sessions = found.sessions
    version = policy.version_of(span.kind)
    return Explanation(
        sentence=found.sentence,
        sessions=sessions,
        school_weeks=found.weeks,
        formula=found.formula,
        policy_version=version,
        hash=_hash(child.record.pupil_id, span.kind, sessions, found.weeks, found.formula, version),
    )


def evidence_at(span: Span) -> int:
    """The session up to which a span's explanation looks, at most: a later mark does not change it."""
    at = _at(span)
    return last_of_week(week_of(at)) if RULES[span.kind] is Window else at


def _at(span: Span) -> int:
    return span.crossed if span.firm is None else span.firm


def counted_session(years: Mapping[int, YearMarks], tick: int) -> CountedSession:
    """A session as the contracts show it, with the code that counts and its school."""
    marks = years[year_at(tick)]
    place = tick - year_start(marks.year)
    return _shown(tick, int(marks.codes[place]), marks.school_at(place))


def _sessions(child: Child, ticks: Ticks) -> list[CountedSession]:
    return [counted_session(child.years, tick) for tick in ticks.tolist()]


def _of_year(marks: YearMarks, places: npt.NDArray[np.int64], numbers: list[int]) -> list[CountedSession]:
    """Sessions of one year, by their places and code numbers."""
    ticks: list[int] = (places + year_start(marks.year)).tolist()
    if isinstance(marks.schools, int):
        return [_shown(tick, number, marks.schools) for tick, number in zip(ticks, numbers, strict=True)]
    schools: list[int] = marks.schools[places].tolist()
    return [_shown(*one) for one in zip(ticks, numbers, schools, strict=True)]


@lru_cache(maxsize=1 << 16)
def _shown(tick: int, number: int, urn: int) -> CountedSession:
    """One for all the children of a school who had the same code in a session."""
    return CountedSession(*_written(tick), _CODES[number], urn)


@cache
def _written(tick: int) -> tuple[str, str]:
    """A session's date and half, as the contracts write them."""
    return day_of(tick).isoformat(), session_of(tick)


class _Found(NamedTuple):
    """What stands behind a span; `weeks`: the Mondays of a window's."""

    sentence: str
    sessions: list[CountedSession]
    formula: Formula
    weeks: list[str]


def _found(child: Child, span: Span, calendars: Calendars, rule: Threshold) -> _Found:
    if isinstance(rule, Rate):
        return _of_rate(child, span, rule)
    if isinstance(rule, Window):
        return _of_window(child, span, calendars, rule)
    if isinstance(rule, Run):
        return _of_run(child, span, rule)
    return _of_tally(child, span, rule)


def _of_rate(child: Child, span: Span, rate: Rate) -> _Found:
    assert span.year is not None
    marks, start, at = child.years[span.year], year_start(span.year), _at(span)
    codes = marks.codes[: at - start + 1]
    possible = len(codes.tobytes().translate(None, _NOT_POSSIBLE))
    places = _ABSENT[codes].nonzero()[0]
    absent = len(places)
    target = None if rate.targets is None else rate.target_points[marks.school_at(at - start)]
    than = ">" if rate.strict else ">="
    formula: Formula = {"absent": absent, "possible": possible}
    if target is not None:
        formula |= {"target_basis_points": target, "comparison": f"absent * {WHOLE} {than} possible * {WHOLE - target}"}
    elif rate.part == 1:
        formula |= {"one_in": rate.of, "comparison": f"absent * {rate.of} {than} possible"}
    else:
        compared = f"absent * {rate.of} {than} possible * {rate.part}"
        formula |= {"part": rate.part, "of": rate.of, "comparison": compared}
    numbers: list[int] = codes[places].tolist()
    missed = [_CODES[n] for n in numbers]
    sentence = sentences.of_rate(span.kind, rate, span.year, at, possible, target, missed)
    return _Found(sentence, _of_year(marks, places, numbers), formula, [])


def _of_window(child: Child, span: Span, calendars: Calendars, rule: Window) -> _Found:
    units = units_of(child.record, calendars, rule)
    counted = counted_sessions(child.record, child.years.values(), units, rule)
    last = int(units.index_of(np.array([_at(span)]))[0][0])
    inside = counted.only(~counted.spent).in_window(last, rule)
    first = max(last - length(rule) + 1, 0)
    unsettled = len(inside.ticks) - int(inside.settled.sum())
    days = (day_of(int(units.first_open[first])), day_of(int(units.last_open[last])))
    unit = "school_days" if by_days(rule) else "school_weeks"
    formula: Formula = {
        "sessions": len(inside.ticks),
        "unsettled": unsettled,
        "needed": rule.sessions,
        unit: length(rule),
        "comparison": f"sessions in {length(rule)} {unit.replace('_', ' ')} >= {rule.sessions}",
    }
    sentence = sentences.of_window(span.kind, rule, len(inside.ticks), unsettled, last - first + 1, *days)
    weeks = [monday.isoformat() for monday in units.mondays(first, last)]
    return _Found(sentence, _sessions(child, inside.ticks), formula, weeks)


def _of_run(child: Child, span: Span, rule: Run) -> _Found:
    every = rows(child.record, child.years.values(), rule)
    row = next(row.sessions for row in every if row.sessions.ticks[0] <= span.crossed <= row.sessions.ticks[-1])
    so_far = row.only(row.ticks <= _at(span))
    unsettled = len(so_far.ticks) - int(rule.settled[so_far.codes].sum())
    formula: Formula = {
        "sessions": len(so_far.ticks),
        "unsettled": unsettled,
        "needed": rule.sessions,
        "comparison": f"sessions in a row >= {rule.sessions}",
    }
    late = 0
    if span.kind == _SHOWS_LATE:
        formula["late"] = late = int(_LATE[so_far.codes].sum())
    ticks = so_far.ticks.tolist()
    sentence = sentences.of_run(span.kind, rule, ticks, unsettled, late)
    return _Found(sentence, _sessions(child, so_far.ticks), formula, [])


def _of_tally(child: Child, span: Span, rule: Tally) -> _Found:
    assert span.year is not None
    ticks = tallied(child.record, child.years[span.year], rule).ticks[: rule.sessions]
    formula: Formula = {
        "sessions": len(ticks),
        "needed": rule.sessions,
        "comparison": f"sessions in the year >= {rule.sessions}",
    }
    sentence = sentences.of_tally(rule, span.year, _at(span), len(ticks))
    return _Found(sentence, _sessions(child, ticks), formula, [])


def for_pupil(explanation: Explanation, pupil_id: str, kind: str) -> Explanation:
    """The same explanation under the id that a merge gave the child."""
    e = explanation
    return Explanation(
        sentence=e.sentence,
        sessions=e.sessions,
        school_weeks=e.school_weeks,
        formula=e.formula,
        policy_version=e.policy_version,
        hash=_hash(pupil_id, kind, e.sessions, e.school_weeks, e.formula, e.policy_version),
    )


def _hash(
    pupil_id: str,
    kind: str,
    sessions: list[CountedSession],
    weeks: list[str],
    formula: dict[str, int | str],
    policy_version: str,
) -> str:
    """SHA-256 (hex) of the RFC 8785 JSON of what can be checked. With nothing but ids, dates, codes and integers in it,
    that is JSON without spaces and with its keys in order.
    """
    document = {
        "pupil_id": pupil_id,
        "kind": kind,
        "sessions": sessions,  # date, session, code, school_urn
        "school_weeks": weeks,
        "formula": formula,
        "policy_version": policy_version,
    }
    return hashlib.sha256(_canonical(document)).hexdigest()
