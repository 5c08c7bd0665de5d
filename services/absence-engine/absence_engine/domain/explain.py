"""Why a span is there (invariant 4): what a person can check by hand, as at the session that made it firm, or else
crossed.

PA, SA: the year's absences up to that session. PN_10_IN_10: the sessions in the window that ends with its week.
"""

import hashlib
from collections.abc import Mapping
from datetime import date

import msgspec
import numpy as np
from common.academic import year_name
from common.codes import code_table
from common.events.absence_engine import CountedSession, Explanation

from absence_engine.domain.counts import count, percent
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.penalty import PENALTY, counted_sessions
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars
from absence_engine.domain.spans import Child, Span
from absence_engine.domain.ticks import day_of, last_of_week, monday_of, session_of, week_of, year_at, year_start
from absence_engine.domain.weeks import school_weeks

_CODES = ["", *code_table()]
_ABSENT = np.zeros(256, bool)
_ABSENT[[code.number for code in code_table().values() if code.absence]] = True

_canonical = msgspec.json.Encoder(order="sorted").encode

_NAMES = {"PA": "persistent absence", "SA": "severe absence"}


def explain(child: Child, span: Span, calendars: Calendars, policy: Policy) -> Explanation:
    """The explanation of one span of a child."""
    if span.kind == PENALTY:
        return _explain_penalty(child, span, calendars, policy)
    return _explain_rate(child, span, policy)


def evidence_at(span: Span) -> int:
    """The session up to which a span's explanation looks: a later mark does not change it."""
    at = span.crossed if span.firm is None else span.firm
    return last_of_week(week_of(at)) if span.kind == PENALTY else at


def counted_session(years: Mapping[int, YearMarks], tick: int) -> CountedSession:
    """A session as the contracts show it, with the code that counts and its school."""
    marks = years[year_at(tick)]
    place = tick - year_start(marks.year)
    code = _CODES[int(marks.codes[place])]
    return CountedSession(day_of(tick).isoformat(), session_of(tick), code, marks.school_at(place))


def _explain_rate(child: Child, span: Span, policy: Policy) -> Explanation:
    assert span.year is not None
    marks, start, at = child.years[span.year], year_start(span.year), evidence_at(span)
    codes = marks.codes[: at - start + 1]
    counts, one_in = count(codes), policy.rates[span.kind].one_in
    places = np.flatnonzero(_ABSENT[codes]).tolist()
    sentence = (
        f"In the school year {year_name(span.year)}, up to the {_half(at)} of {_spell(day_of(at))}, {counts.absent} of "
        f"{counts.possible} possible sessions were missed: {percent(counts.absent, counts.possible)}%. "
        f"{(percent(1, one_in) or '').removesuffix('.00')}% or more is {_NAMES.get(span.kind, span.kind)}."
    )
    return _sealed(
        child,
        span,
        policy,
        sentence=sentence,
        sessions=[counted_session(child.years, start + place) for place in places],
        weeks=[],
        formula={
            "absent": counts.absent,
            "possible": counts.possible,
            "one_in": one_in,
            "comparison": f"absent * {one_in} >= possible",
        },
    )


def _explain_penalty(child: Child, span: Span, calendars: Calendars, policy: Policy) -> Explanation:
    numbers, at = policy.penalty, evidence_at(span)
    weeks = school_weeks(child.record.enrolments, calendars)
    counted = counted_sessions(child.record, child.years.values(), weeks, numbers)
    counted = counted.only(~counted.spent & (counted.ticks <= at))
    last = int(counted.week[-1])
    inside = counted.in_window(last, numbers)
    window = range(max(last - numbers.weeks + 1, 0), last + 1)
    first_day, last_day = day_of(int(weeks.first_open[window[0]])), day_of(int(weeks.last_open[last]))
    unsettled = len(inside.ticks) - int(inside.settled.sum())
    sentence = (
        f"{len(inside.ticks)} sessions were missed without permission within {len(window)} school "
        f"{'week' if len(window) == 1 else 'weeks'}, from {_spell(first_day)} to {_spell(last_day)}; "
        f"{numbers.sessions} within {numbers.weeks} school weeks are the point at which the school must "
        "consider a penalty notice."
    )
    if unsettled:
        sentence += f" The reason for {unsettled} of them is not yet known."
    return _sealed(
        child,
        span,
        policy,
        sentence=sentence,
        sessions=[counted_session(child.years, tick) for tick in inside.ticks.tolist()],
        weeks=[monday_of(int(weeks.weeks[week])).isoformat() for week in window],
        formula={
            "sessions": len(inside.ticks),
            "unsettled": unsettled,
            "needed": numbers.sessions,
            "school_weeks": numbers.weeks,
            "comparison": f"sessions in {numbers.weeks} school weeks >= {numbers.sessions}",
        },
    )


def _sealed(
    child: Child,
    span: Span,
    policy: Policy,
    *,
    sentence: str,
    sessions: list[CountedSession],
    weeks: list[str],
    formula: dict[str, int | str],
) -> Explanation:
    digest = _hash(child.record.pupil_id, span.kind, sessions, weeks, formula, policy.version)
    return Explanation(
        sentence=sentence,
        sessions=sessions,
        school_weeks=weeks,
        formula=formula,
        policy_version=policy.version,
        hash=digest,
    )


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
        "sessions": [
            {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn} for s in sessions
        ],
        "school_weeks": list(weeks),
        "formula": dict(formula),
        "policy_version": policy_version,
    }
    return hashlib.sha256(_canonical(document)).hexdigest()


def _half(tick: int) -> str:
    return "afternoon" if tick % 2 else "morning"


def _spell(day: date) -> str:
    """30 September 2025."""
    return f"{day.day} {day:%B %Y}"
