"""All that it takes to check an episode by hand: the sessions with the codes that counted and what these mean, the
calendars and stays, the rule's numbers, and what was said of it (`scripts/check-evidence` recounts it).

Plain values, as JSON has them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from common.academic import year_name
from common.codes import code_table
from common.events.absence_engine import Explanation

from absence_engine.domain.ages import first_day, last_day
from absence_engine.domain.explain import counted_session, evidence_at
from absence_engine.domain.marks import marked_ticks
from absence_engine.domain.policy import Policy, written
from absence_engine.domain.records import Calendars, ChildRecord
from absence_engine.domain.runs import rows
from absence_engine.domain.spans import Child, Span
from absence_engine.domain.thresholds import Run, Window
from absence_engine.domain.ticks import NEVER, day_of, session_of, year_start
from absence_engine.domain.windows import length, units_of

FORMAT = "rollcall-evidence-1"
MORE_UNITS = 2
"""School weeks, or days, before a window that are shown as well: who counts sees where it begins."""
MORE_DAYS = 28
"""Days before a run that are shown as well: who counts sees what it follows on."""

Json = dict[str, Any]


class Shown(NamedTuple):
    """From which session to which the evidence is, as ticks, both inclusive."""

    first: int
    last: int


def evidence(child: Child, span: Span, explanation: Explanation, calendars: Calendars, policy: Policy) -> Json:
    """The evidence of a span of a child, as `explanation` has it."""
    shown = _shown(child, span, calendars, policy)
    ticks = marked_ticks(child.years.values())
    sessions = [counted_session(child.years, t) for t in ticks[(ticks >= shown.first) & (ticks <= shown.last)].tolist()]
    record = child.record
    return {
        "format": FORMAT,
        "pupil_id": record.pupil_id,
        "kind": span.kind,
        "academic_year": None if span.year is None else year_name(span.year),
        "crossed_on": _session(span.crossed),
        "firm_on": None if span.firm is None else _session(span.firm),
        "up_to": _session(span.crossed if span.firm is None else span.firm),
        "rule": written(policy)["thresholds"][span.kind],
        "policy_version": explanation.policy_version,
        "compulsory_school_age": _age(record),
        "flags": [
            {"flag": one.flag, "from": _day(one.first), "to": None if one.last >= NEVER else _day(one.last)}
            for one in record.flags
        ],
        "spent": [_session(tick) for tick in sorted(record.spent)],
        "codes": _codes(session.code for session in sessions),
        "sessions": [
            {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn} for s in sessions
        ],
        "enrolments": [
            {"school_urn": s.urn, "from": s.from_.isoformat(), "to": s.to and s.to.isoformat(), "kind": s.kind}
            for s in record.enrolments
        ],
        "calendars": _calendars(record, shown, calendars),
        "explanation": {
            "sentence": explanation.sentence,
            "sessions": [
                {"date": s.date, "session": s.session, "code": s.code, "school_urn": s.school_urn}
                for s in explanation.sessions
            ],
            "school_weeks": list(explanation.school_weeks),
            "formula": dict(explanation.formula),
            "hash": explanation.hash,
        },
    }


def _shown(child: Child, span: Span, calendars: Calendars, policy: Policy) -> Shown:
    """A year; a window with the weeks before it; a run with the days around it."""
    rule, at = policy.thresholds[span.kind], evidence_at(span)
    if isinstance(rule, Window):
        units = units_of(child.record, calendars, rule)
        last = int(units.index_of(np.array([span.crossed if span.firm is None else span.firm]))[0][0])
        return Shown(int(units.first_open[max(last - length(rule) + 1 - MORE_UNITS, 0)]) // 2 * 2, at)
    if isinstance(rule, Run):
        every = [row.sessions.ticks for row in rows(child.record, child.years.values(), rule)]
        first = next(int(ticks[0]) for ticks in every if ticks[0] <= span.crossed <= ticks[-1])
        return Shown((first // 2 - MORE_DAYS) * 2, (at // 2 + MORE_DAYS) * 2 + 1)
    assert span.year is not None
    return Shown(year_start(span.year), year_start(span.year + 1) - 1)


def _age(record: ChildRecord) -> Json | None:
    born = record.date_of_birth
    return None if born is None else {"from": first_day(born).isoformat(), "to": last_day(born).isoformat()}


def _codes(used: Iterable[str]) -> Mapping[str, Json]:
    """What the codes mean that were used."""
    names = set(used)
    return {
        code.code: {
            "meaning": code.meaning,
            "possible": code.possible,
            "attended": code.attended,
            "absence": code.absence,
            "late": code.late,
            "valid_from": code.valid_from.isoformat(),
            "valid_to": code.valid_to and code.valid_to.isoformat(),
        }
        for code in code_table().values()
        if code.code in names
    }


def _calendars(record: ChildRecord, shown: Shown, calendars: Calendars) -> list[Json]:
    """The open sessions of the child's schools, by day, for the time shown."""
    found: list[Json] = []
    for urn in sorted({stay.urn for stay in record.enrolments}):
        days: dict[str, list[str]] = {}
        for tick in calendars.open_between(urn, shown.first, shown.last).tolist():
            days.setdefault(_day(tick), []).append(session_of(tick))
        found.append({"school_urn": urn, "days": [{"date": day, "sessions": its} for day, its in days.items()]})
    return found


def _session(tick: int) -> Json:
    return {"date": _day(tick), "session": session_of(tick)}


def _day(tick: int) -> str:
    return day_of(max(tick, 2)).isoformat()
