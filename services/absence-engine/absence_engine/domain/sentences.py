"""The plain English of an explanation: what a head, a parent and a court can each read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

from common.academic import year_name

from absence_engine.domain.counts import percent
from absence_engine.domain.thresholds import WHOLE, Rate, Run, Tally, Window
from absence_engine.domain.ticks import day_of

_LINES = {
    "PA": "{line}% or more is persistent absence.",
    "SA": "{line}% or more is severe absence.",
    "AT_RISK": "{line}% or more is a risk of persistent absence.",
    "BELOW_95": "More than {line}% is an attendance below {rest}%.",
    "CIN_CP_95": "More than {line}% is an attendance below {rest}%, and the child is known to social care.",
}
_RUNS = {
    "CONTINUOUS_10": "are the point at which the school must send an attendance return.",
    "CONTINUOUS_20": "are the point at which school and local authority must look for the child together.",
    "UNEXPLAINED": "need a call to the social worker or the youth justice worker of a child who is known to them.",
}
_WINDOWS = {
    "PN_10_IN_10": (
        "missed without permission",
        "the point at which the school must consider a penalty notice.",
    ),
    "PUNCTUALITY": ("late", "the point at which to look at punctuality."),
}
_REASONS = frozenset({"SA"})
"""The kinds whose sentence says which reasons there were (12.16): a part-time timetable alone can lead there."""


def of_rate(kind: str, rate: Rate, year: int, at: int, possible: int, target: int | None, missed: Sequence[str]) -> str:
    """Why a rate is over its line as at a session; `missed`: the codes of the sessions missed so far, among the
    `possible` ones; `target` in basis points, of kinds that have one.
    """
    absent = len(missed)
    said = (
        f"In the school year {year_name(year)}, up to {session(at)}, {absent} of {possible} possible sessions "
        f"{'was' if absent == 1 else 'were'} missed: {percent(absent, possible)}%."
    )
    if target is not None:
        attended = percent(possible - absent, possible)
        return f"{said} That is an attendance of {attended}%; the school's target is {percent(target, WHOLE)}%."
    reasons = f" By reason: {_mix(missed)}." if kind in _REASONS else ""
    return f"{said} {_line(kind, rate.part, rate.of)}{reasons}"


@cache
def _line(kind: str, part: int, of: int) -> str:
    """What lies beyond a rate's line."""
    line, rest = (_short(some, of) for some in (part, of - part))
    return _LINES.get(kind, f"The line of {kind} is {{line}}%.").format(line=line, rest=rest)


def of_window(kind: str, rule: Window, held: int, unsettled: int, units: int, first: date, last: date) -> str:
    """Why a window holds enough: `held` sessions in `units` school weeks or days, from one day to another."""
    by_days = rule.reading == "school_days"
    unit, needed_units = ("school day", rule.days) if by_days else ("school week", rule.weeks)
    what, so = _WINDOWS.get(kind, ("counted", "the line."))
    return (
        f"{_sessions_were(held)} {what} within {units} {_plural(unit, units)}, from {_spell(first)} to {_spell(last)}; "
        f"{rule.sessions} within {needed_units} {_plural(unit, needed_units)} {_are(rule.sessions)} {so}"
        f"{_unsettled(unsettled, held)}"
    )


def of_run(kind: str, rule: Run, ticks: Sequence[int], unsettled: int, late: int) -> str:
    """Why a run is long enough; `late`: in how many of its sessions the child came after the register had closed."""
    n, so = len(ticks), _RUNS.get(kind, "are the line.")
    in_a_row = f"{n} possible {_plural('session', n)}{' in a row' if n > 1 else ''}"
    where = f"on {session(ticks[0])}" if n == 1 else f"from {session(ticks[0])} to {session(ticks[-1])}"
    what = "missed without a known reason" if kind == "UNEXPLAINED" else "missed without permission"
    needed = f"{rule.sessions} in a row {so}" if rule.sessions > 1 else f"Such absences {so}"
    said = f"{in_a_row} {'was' if n == 1 else 'were'} {what}, {where.replace('on the', 'in the')}"
    said += f"; {needed}" if rule.sessions > 1 else f". {needed}"
    if late:
        said += f" {'The' if n == 1 else f'In {late} of them the'} child came after the register had closed."
    return said + _unsettled(unsettled, n)


def of_tally(rule: Tally, year: int, at: int, held: int) -> str:
    """Why a year's sessions are enough."""
    days = {1: "half a school day", 2: "1 school day"}.get(rule.sessions, f"{rule.sessions / 2:g} school days")
    return (
        f"In the school year {year_name(year)}, up to {session(at)}, {_sessions_were(held)} missed through illness; "
        f"{rule.sessions} in a year ({days}) {_are(rule.sessions)} the point at which the school must send a sickness "
        "return."
    )


@cache
def session(tick: int) -> str:
    """The morning of 30 September 2025."""
    return f"the {'afternoon' if tick % 2 else 'morning'} of {_spell(day_of(tick))}"


def _mix(codes: Iterable[str]) -> str:
    """12 C2, 3 I, 1 O."""
    return ", ".join(f"{n} {code}" for code, n in sorted(Counter(codes).items(), key=lambda one: (-one[1], one[0])))


def _unsettled(n: int, of: int) -> str:
    if not n:
        return ""
    return " The reason is not yet known." if of == 1 else f" The reason for {n} of them is not yet known."


def _sessions_were(n: int) -> str:
    return f"{n} {_plural('session', n)} {'was' if n == 1 else 'were'}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"


def _short(part: int, whole: int) -> str:
    return (percent(part, whole) or "").removesuffix(".00")


def _spell(day: date) -> str:
    """30 September 2025."""
    return f"{day.day} {day:%B %Y}"
