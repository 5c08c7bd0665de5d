"""A pattern in plain English: what a parent and a head can each check against the register."""

from collections.abc import Callable, Mapping

from absence_engine.domain.patterns.find import Pattern
from absence_engine.domain.patterns.rules import Often, Patterns
from absence_engine.domain.sentences import session

Numbers = Mapping[str, int]


def sentence(pattern: Pattern, rules: Patterns) -> str:
    """Why it is a pattern, by the rules that found it."""
    return _SENTENCES[pattern.kind](pattern, pattern.numbers, rules)


def _weekday(pattern: Pattern, n: Numbers, rules: Patterns) -> str:
    near = {"Monday": ", after the weekend", "Friday": ", before the weekend"}.get(pattern.what, "")
    return (
        f"Absences gather on {pattern.what}s{near}: {n['missed']} of {n['possible']} {pattern.what}s were missed whole "
        f"or in part, and {n['missed_elsewhere']} of {n['possible_elsewhere']} other days.{_lot(rules.weekday)}"
    )


def _holiday_edge(_: Pattern, n: Numbers, rules: Patterns) -> str:
    return (
        f"Absences gather beside holidays: {n['missed']} of {n['possible']} first or last days were missed whole or in "
        f"part, and {n['missed_elsewhere']} of {n['possible_elsewhere']} other days.{_lot(rules.holiday_edge)}"
    )


def _medical(pattern: Pattern, n: Numbers, rules: Patterns) -> str:
    weekday, half = pattern.what.split()
    when = f"{weekday} {'mornings' if half == 'AM' else 'afternoons'}"
    return (
        f"Medical appointments gather on {when}: they took {n['missed']} of {n['possible']} of these, "
        f"and {n['missed_elsewhere']} of {n['possible_elsewhere']} other sessions.{_lot(rules.medical)} "
        "Appointments outside school hours would save these sessions, where they can be had."
    )


def _half_day(pattern: Pattern, n: Numbers, _: Patterns) -> str:
    missed, attended = ("morning", "afternoon") if pattern.what == "AM" else ("afternoon", "morning")
    return (
        f"Half days are missed: on {n['half_days']} of {n['days']} days with an absence it was the {missed} alone, and "
        f"the {attended} was attended."
    )


def _streak(pattern: Pattern, n: Numbers, _: Patterns) -> str:
    ticks = pattern.ticks
    return f"{n['sessions']} possible sessions in a row were missed, from {session(ticks[0])} to {session(ticks[-1])}."


def _short_streaks(_: Pattern, n: Numbers, rules: Patterns) -> str:
    rule = rules.short_streaks
    most = "" if rule is None else f" of at most {_so_many(rule.sessions, 'session')} each"
    return f"There were {n['streaks']} separate short absences{most}: {n['sessions']} sessions in all."


def _late_streak(pattern: Pattern, n: Numbers, _: Patterns) -> str:
    ticks = pattern.ticks
    return (
        f"The child came late on {n['days']} school days in a row on which it came, from {session(ticks[0])} to "
        f"{session(ticks[-1])}."
    )


def _sudden_change(_: Pattern, n: Numbers, __: Patterns) -> str:
    weeks = "week" if n["weeks"] == 1 else f"{n['weeks']} weeks"
    return (
        f"Absence has risen suddenly: in the last {weeks} {n['missed']} of {n['possible']} possible "
        f"sessions were missed, before them {n['missed_before']} of {n['possible_before']} of the school year."
    )


def _sibling_synchronous(_: Pattern, n: Numbers, rules: Patterns) -> str:
    rule = rules.sibling_synchronous
    lot = "" if rule is None else f" Dealt out by lot, so many would be shared in at most one of {rule.one_in:,} years."
    return (
        f"Absences are shared with a sibling: of {n['possible']} days on which both could come, the child missed "
        f"{n['missed']} and the sibling {n['sibling_missed']}, whole or in part; {n['shared_days']} of these were the "
        f"same, in {n['shared']} separate absences.{lot}"
    )


def _lot(rule: Often | None) -> str:
    return (
        "" if rule is None else f" Dealt out by lot, so many would fall there in at most one of {rule.one_in:,} years."
    )


def _so_many(n: int, of: str) -> str:
    return f"{n} {of}" if n == 1 else f"{n} {of}s"


_SENTENCES: Mapping[str, Callable[[Pattern, Numbers, Patterns], str]] = {
    "weekday": _weekday,
    "holiday_edge": _holiday_edge,
    "medical": _medical,
    "half_day": _half_day,
    "streak": _streak,
    "short_streaks": _short_streaks,
    "late_streak": _late_streak,
    "sudden_change": _sudden_change,
    "sibling_synchronous": _sibling_synchronous,
}
