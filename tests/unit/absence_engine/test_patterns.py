"""Patterns of absence: named cases, and each rule against a plain telling of it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations

import msgspec
import numpy as np
import pytest
from absence_engine.domain.marks import YearMarks, child_years
from absence_engine.domain.patterns.find import ABSENT, DAYS, LATE, POSSIBLE, Pattern, edges, find, may_have, rarely
from absence_engine.domain.patterns.rules import (
    KINDS,
    Edge,
    HalfDay,
    LateStreak,
    Often,
    Patterns,
    ShortStreaks,
    Streak,
    Sudden,
)
from absence_engine.domain.patterns.sentences import sentence
from absence_engine.domain.policy import PolicyError, policies, read, written
from absence_engine.domain.records import ChildRecord, Enrolment
from absence_engine.domain.ticks import day_of, tick_of, year_start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine.children import URN, calendars, child, marked, sessions, stay

HOLIDAY = [date(2025, 10, 27) + timedelta(n) for n in range(5)]
DAYS_OPEN = [day for n in range(110) if (day := date(2025, 9, 1) + timedelta(n)).weekday() < 5 and day not in HOLIDAY]
OPEN = sessions(DAYS_OPEN)
CALENDARS = calendars({URN: OPEN})
RULES = Patterns()


def year_of_a_child(absences: dict[int, str]) -> ChildRecord:
    """Present in all sessions of the autumn but some."""
    return child(dict.fromkeys(OPEN, "/") | absences)


def found(record: ChildRecord, rules: Patterns = RULES) -> list[Pattern]:
    beside = edges(record.enrolments, CALENDARS, 2025, 5)
    patterns = find(child_years(record)[2025], beside, rules)
    codes = child_years(record)[2025].codes[None]
    assert may_have(codes, beside[None], 2025, rules)[0] or not patterns
    return patterns


def whole(*days: date, code: str = "O") -> dict[int, str]:
    return dict.fromkeys(sessions(days), code)


def of_kind(patterns: list[Pattern], kind: str) -> list[Pattern]:
    return [one for one in patterns if one.kind == kind]


def mondays(n: int) -> list[date]:
    return [day for day in DAYS_OPEN if day.weekday() == 0][1 : n + 1]


def test_five_mondays_are_a_pattern_and_three_are_none() -> None:
    (pattern,) = of_kind(found(year_of_a_child(whole(*mondays(5)))), "weekday")
    assert (pattern.what, pattern.ticks) == ("Monday", tuple(sessions(mondays(5))))
    assert pattern.numbers == {"missed": 5, "possible": 15, "missed_elsewhere": 0, "possible_elsewhere": 60}
    assert sentence(pattern, RULES) == (
        "Absences gather on Mondays, after the weekend: 5 of 15 Mondays were missed whole or in part, and 0 of 60 "
        "other days. Dealt out by lot, so many would fall there in at most one of 1,000 years."
    )
    assert not of_kind(found(year_of_a_child(whole(*mondays(3)))), "weekday")


def test_a_long_illness_is_a_streak_and_no_pattern_of_weekdays() -> None:
    patterns = found(year_of_a_child(whole(*DAYS_OPEN[10:35], code="I")))
    assert not of_kind(patterns, "weekday")
    (pattern,) = of_kind(patterns, "streak")
    assert pattern.numbers == {"sessions": 50}
    assert sentence(pattern, RULES) == (
        "50 possible sessions in a row were missed, from the morning of 15 September 2025 to the afternoon of "
        "17 October 2025."
    )


def test_days_beside_holidays_are_those_of_the_childs_own_calendar() -> None:
    beside = edges((stay(),), CALENDARS, 2025, 5)
    days = [day_of(year_start(2025) + 2 * n) for n in np.flatnonzero(beside).tolist()]
    assert days == [DAYS_OPEN[0], date(2025, 10, 24), date(2025, 11, 3), DAYS_OPEN[-1]]
    later = edges((stay(from_=date(2025, 10, 1)),), CALENDARS, 2025, 5)
    assert later.sum() == 3
    assert edges((stay(),), CALENDARS, 2025, 40).sum() == 2


def test_absences_beside_holidays_are_a_pattern() -> None:
    (pattern,) = of_kind(
        found(year_of_a_child(whole(DAYS_OPEN[0], date(2025, 10, 24), date(2025, 11, 3), code="G"))), "holiday_edge"
    )
    assert pattern.numbers == {"missed": 3, "possible": 4, "missed_elsewhere": 0, "possible_elsewhere": 71}
    assert "3 of 4 first or last days were missed" in sentence(pattern, RULES)


def test_a_day_off_beside_a_weekend_is_not_beside_a_holiday() -> None:
    fridays = [day for day in DAYS_OPEN if day.weekday() == 4 and day not in (date(2025, 10, 24), DAYS_OPEN[-1])]
    assert not of_kind(found(year_of_a_child(whole(*fridays[:6]))), "holiday_edge")


def test_afternoons_alone_are_a_pattern_of_half_days() -> None:
    (pattern,) = of_kind(found(year_of_a_child({tick_of(day, 1): "O" for day in DAYS_OPEN[3:30:4]})), "half_day")
    assert (pattern.what, pattern.numbers) == ("PM", {"half_days": 7, "days": 7})
    assert sentence(pattern, RULES) == (
        "Half days are missed: on 7 of 7 days with an absence it was the afternoon alone, and the morning was attended."
    )


def test_half_days_among_many_whole_ones_are_none() -> None:
    absences = {tick_of(day, 1): "O" for day in DAYS_OPEN[3:30:4]} | whole(*DAYS_OPEN[40:48])
    assert not of_kind(found(year_of_a_child(absences)), "half_day")


def test_appointments_on_one_afternoon_of_the_week_are_a_pattern() -> None:
    tuesdays = [day for day in DAYS_OPEN if day.weekday() == 1][:4]
    (pattern,) = of_kind(found(year_of_a_child({tick_of(day, 1): "M" for day in tuesdays})), "medical")
    assert (pattern.what, pattern.numbers["missed"]) == ("Tuesday PM", 4)
    assert "Medical appointments gather on Tuesday afternoons: they took 4 of 15 of these" in sentence(pattern, RULES)


def test_many_short_absences_are_a_pattern() -> None:
    absences = {tick_of(day): "I" for day in DAYS_OPEN[2:62:5]}
    (pattern,) = of_kind(found(year_of_a_child(absences)), "short_streaks")
    assert pattern.numbers == {"streaks": 12, "sessions": 12}
    assert not of_kind(found(year_of_a_child(dict(list(absences.items())[:11]))), "short_streaks")


def test_days_of_absence_do_not_break_a_row_of_late_days() -> None:
    late = {tick_of(day): "L" for day in (DAYS_OPEN[20], DAYS_OPEN[21], DAYS_OPEN[23])} | whole(DAYS_OPEN[22], code="I")
    late[tick_of(DAYS_OPEN[24])] = "U"
    (pattern,) = of_kind(found(year_of_a_child(late)), "late_streak")
    assert pattern.numbers == {"days": 4}
    assert len(pattern.ticks) == 4
    del late[tick_of(DAYS_OPEN[21])]
    assert not of_kind(found(year_of_a_child(late)), "late_streak")


def test_a_child_who_was_always_there_and_then_is_not_has_changed_suddenly() -> None:
    (pattern,) = of_kind(found(year_of_a_child(whole(*DAYS_OPEN[-15:-9]))), "sudden_change")
    assert pattern.numbers == {
        "weeks": 4, "missed": 12, "possible": 40, "missed_before": 0, "possible_before": 110,
    }  # fmt: skip
    assert "in the last 4 weeks 12 of 40 possible sessions were missed" in sentence(pattern, RULES)
    always = whole(*DAYS_OPEN[5::4])
    assert not of_kind(found(year_of_a_child(always)), "sudden_change")


def test_a_child_without_marks_has_no_pattern() -> None:
    none = YearMarks(2025, np.zeros(2 * DAYS, np.uint8), URN)
    assert find(none, np.ones(DAYS, bool), RULES) == []


def test_a_kind_that_is_null_is_not_looked_for() -> None:
    nothing = Patterns(**dict.fromkeys(Patterns.__struct_fields__))
    absences = whole(*mondays(9), *DAYS_OPEN[-12:])
    assert len({one.kind for one in found(year_of_a_child(absences))}) >= 3
    assert found(year_of_a_child(absences), nothing) == []


@given(st.integers(1, 9), st.data())
def test_rare_is_what_few_ways_of_dealing_out_come_to(total: int, data: st.DataObject) -> None:
    places, absent = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    hits, one_in = data.draw(st.integers(0, min(places, absent))), data.draw(st.integers(2, 50))
    ways = [sum(place < places for place in dealt) for dealt in combinations(range(total), absent)]
    assert rarely(total, places, absent, hits, one_in) == (sum(n >= hits for n in ways) * one_in <= len(ways))


LOW = Patterns(
    weekday=Often(least=2, times=1, one_in=3),
    holiday_edge=Edge(least=2, times=1, one_in=3),
    medical=Often(least=2, times=1, one_in=3),
    half_day=HalfDay(days=2, part=1, of=3),
    streak=Streak(sessions=5),
    short_streaks=ShortStreaks(streaks=3, sessions=3),
    late_streak=LateStreak(days=2),
    sudden_change=Sudden(weeks=2, sessions=3, before=6, times=2, part=1, of=20),
)


@given(marked(OPEN[:70]), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # it is on a machine that is busy
def test_patterns_are_those_of_the_plain_rules(marks: dict[int, str], appointments: bool) -> None:
    if appointments:
        marks = {tick: "M" if code == "I" else code for tick, code in marks.items()}
    record = child(marks)
    if not record.sheets:
        return
    assert [(one.kind, one.what, list(one.ticks)) for one in found(record, LOW)] == list(plain(marks))


def plain(marks: dict[int, str]) -> list[tuple[str, str, list[int]]]:
    """Every rule of LOW once more, mark by mark."""
    possible = [tick for tick in sorted(marks) if POSSIBLE[number(marks[tick])]]
    absent = [tick for tick in possible if ABSENT[number(marks[tick])]]
    if not possible:
        return []
    days, missed = {tick // 2 for tick in possible}, {tick // 2 for tick in absent}
    told: list[tuple[str, str, list[int]]] = []
    for n, name in enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]):
        if gathers(days, missed, {day for day in days if date.fromordinal(day).weekday() == n}):
            told.append(("weekday", name, [tick for tick in absent if day_of(tick).weekday() == n]))
    beside = {day.toordinal() for day in (DAYS_OPEN[0], date(2025, 10, 24), date(2025, 11, 3), DAYS_OPEN[-1])}
    if gathers(days, missed, days & beside):
        told.append(("holiday_edge", "", [tick for tick in absent if tick // 2 in beside]))
    medical = [tick for tick in absent if marks[tick] == "M"]
    for n, name in enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]):
        for half in (0, 1):
            there = {tick for tick in possible if day_of(tick).weekday() == n and tick % 2 == half}
            if gathers(set(possible), set(medical), there):
                told.append(("medical", f"{name} {'AP'[half]}M", [tick for tick in medical if tick in there]))
    of_day = Counter(tick // 2 for tick in absent)
    for half in (0, 1):
        alone = [t for t in absent if t % 2 == half and of_day[t // 2] == 1 and {t, t ^ 1} <= set(possible)]
        if len(alone) >= 2 and len(alone) * 3 >= len(missed):
            told.append(("half_day", f"{'AP'[half]}M", alone))
    return told + plain_streaks(possible, absent, marks) + plain_sudden(possible, absent)


def plain_streaks(possible: list[int], absent: list[int], marks: dict[int, str]) -> list[tuple[str, str, list[int]]]:
    told: list[tuple[str, str, list[int]]] = []
    runs = rows([(tick, tick in absent) for tick in possible])
    longest = max(runs, key=len, default=[])
    if len(longest) >= 5:
        told.append(("streak", "", longest))
    short = [run for run in runs if len(run) <= 3]
    if len(short) >= 3:
        told.append(("short_streaks", "", [tick for run in short for tick in run]))
    late = {tick for tick in marks if LATE[number(marks[tick])]}
    came = sorted({tick // 2 for tick in possible if tick not in absent or tick in late})
    late_days = max(rows([(day, bool({2 * day, 2 * day + 1} & late)) for day in came]), key=len, default=[])
    if len(late_days) >= 2:
        told.append(("late_streak", "", sorted(tick for tick in late if tick // 2 in late_days)))
    return told


def plain_sudden(possible: list[int], absent: list[int]) -> list[tuple[str, str, list[int]]]:
    since = (possible[-1] // 2 - 13) * 2
    recent, its = [t for t in possible if t >= since], [t for t in absent if t >= since]
    before, earlier = len(possible) - len(recent), len(absent) - len(its)
    if len(its) < 3 or before < 6:
        return []
    much = (len(its) * before - earlier * len(recent)) * 20 >= len(recent) * before
    return [("sudden_change", "", its)] if len(its) * before >= 2 * earlier * len(recent) and much else []


def gathers(places: set[int], missed: set[int], there: set[int]) -> bool:
    hits, elsewhere, others = len(missed & there), len(missed - there), len(places - there)
    often = hits >= 2 and hits * others >= elsewhere * len(there)
    return often and rarely(len(places), len(there), len(missed), hits, 3)


def rows(flagged: list[tuple[int, bool]]) -> list[list[int]]:
    found: list[list[int]] = []
    before = False
    for item, holds in flagged:
        if holds:
            found[-1].append(item) if before else found.append([item])
        before = holds
    return found


def number(code: str) -> int:
    return int(child({tick_of(date(2025, 9, 1)): code}).sheets[0].codes[62])


def test_a_policy_writes_what_it_takes_for_a_pattern() -> None:
    shipped = written(policies()[-1])
    assert "patterns" not in shipped
    assert policies()[-1].patterns == Patterns()
    said = {"weekday": {"least": 6, "times": 3}, "streak": None}
    policy = read(shipped | {"patterns": said})
    assert policy.patterns == Patterns(weekday=Often(least=6, times=3), streak=None)
    assert written(policy)["patterns"] == said
    assert read(written(policy)) == policy


@pytest.mark.parametrize(
    ("patterns", "pointer"),
    [
        ({"weekday": {"least": 1}}, "/patterns/weekday/least"),
        ({"no_such": {}}, "/patterns"),
        ({"half_day": {"part": 3, "of": 2}}, "/patterns/half_day/part"),
        ({"holiday_edge": {}}, "/patterns/holiday_edge"),
    ],
)
def test_what_is_no_pattern_is_refused_where_it_stands(patterns: dict[str, object], pointer: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read(written(policies()[-1]) | {"patterns": patterns})
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


# -- where each rule begins -------------------------------------------------------------------------------------------


def days_beside(stays: Sequence[Enrolment], opened: Sequence[date], closed_days: int = 5) -> list[date]:
    beside = edges(stays, calendars({URN: sessions(opened)}), 2025, closed_days)
    return [day_of(year_start(2025) + 2 * n) for n in np.flatnonzero(beside).tolist()]


def test_a_holiday_is_of_so_many_closed_days() -> None:
    first = date(2025, 9, 1)
    four_closed = [first + timedelta(n) for n in (0, 1, 6, 7)]
    five_closed = [first + timedelta(n) for n in (0, 1, 7, 8)]
    assert days_beside([stay()], four_closed) == [four_closed[0], four_closed[-1]]
    assert days_beside([stay()], five_closed) == five_closed
    assert days_beside([stay()], four_closed, 4) == four_closed


def test_only_days_of_a_stay_are_beside_a_holiday() -> None:
    assert days_beside([stay(from_=date(2025, 11, 10))], DAYS_OPEN) == [DAYS_OPEN[-1]]
    assert days_beside([stay(to=date(2025, 10, 24))], DAYS_OPEN) == [DAYS_OPEN[0], date(2025, 10, 24)]
    assert days_beside([stay(from_=date(2025, 10, 24), to=date(2025, 11, 2))], DAYS_OPEN) == [date(2025, 10, 24)]
    assert days_beside([stay(999999)], DAYS_OPEN) == []


def test_absences_gather_where_they_are_enough_and_often_and_rare() -> None:
    every_monday = [day for day in DAYS_OPEN if day.weekday() == 0]
    others = [day for day in DAYS_OPEN if day.weekday() != 0]
    rare_but_not_twice_as_often = year_of_a_child(whole(*every_monday, *others[:32]))
    assert not of_kind(found(rare_but_not_twice_as_often), "weekday")
    twice_as_often = year_of_a_child(whole(*every_monday, *others[:30]))
    assert [one.what for one in of_kind(found(twice_as_often), "weekday")] == ["Monday"]
    loose = Patterns(weekday=Often(least=4, one_in=2))
    assert not of_kind(found(year_of_a_child(whole(*mondays(3))), loose), "weekday")
    assert of_kind(found(year_of_a_child(whole(*mondays(4))), loose), "weekday")


def test_just_as_rare_as_the_rule_says_is_rare() -> None:
    assert rarely(2, 1, 1, 1, 2)
    assert not rarely(2, 1, 1, 1, 3)


@pytest.mark.parametrize(("half_days", "whole_days", "is_one"), [(6, 6, True), (6, 7, False), (5, 0, False)])
@pytest.mark.parametrize("half", [0, 1])
def test_half_days_are_a_pattern_from_six_on_and_from_half_of_all_days(
    half: int, half_days: int, whole_days: int, is_one: bool
) -> None:
    absences = {tick_of(day, half): "O" for day in DAYS_OPEN[:half_days]} | whole(*DAYS_OPEN[20 : 20 + whole_days])
    patterns = of_kind(found(year_of_a_child(absences)), "half_day")
    assert [one.what for one in patterns] == (["AM", "PM"][half : half + 1] if is_one else [])


@pytest.mark.parametrize(("n", "is_one"), [(20, True), (19, False)])
def test_a_streak_is_of_twenty_possible_sessions(n: int, is_one: bool) -> None:
    patterns = of_kind(found(year_of_a_child(dict.fromkeys(OPEN[10 : 10 + n], "I"))), "streak")
    assert [(one.what, one.ticks) for one in patterns] == ([("", tuple(OPEN[10 : 10 + n]))] if is_one else [])
    at_the_end = of_kind(found(year_of_a_child(dict.fromkeys(OPEN[-n:], "I"))), "streak")
    assert bool(at_the_end) == is_one


def test_a_short_absence_is_of_four_sessions_at_most() -> None:
    short = [tick for n in range(12) for tick in OPEN[12 * n + 2 : 12 * n + 6]]
    (pattern,) = of_kind(found(year_of_a_child(dict.fromkeys(short, "I"))), "short_streaks")
    assert (pattern.what, pattern.ticks, pattern.numbers) == ("", tuple(short), {"streaks": 12, "sessions": 48})
    assert not of_kind(found(year_of_a_child(dict.fromkeys([*short, OPEN[6]], "I"))), "short_streaks")


@pytest.mark.parametrize(
    ("missed", "earlier", "is_one"),
    [(12, 0, True), (11, 0, False), (12, 11, True), (12, 12, False)],  # 12 of 40 are three times 11 of 110
)
def test_absence_has_risen_suddenly_from_twelve_sessions_on_and_three_times_as_often(
    missed: int, earlier: int, is_one: bool
) -> None:
    absences = dict.fromkeys([*OPEN[-missed:], *OPEN[:earlier]], "I")
    patterns = of_kind(found(year_of_a_child(absences)), "sudden_change")
    assert [(one.what, one.ticks) for one in patterns] == ([("", tuple(OPEN[-missed:]))] if is_one else [])


@pytest.mark.parametrize(("before", "is_one"), [(60, True), (59, False)])
def test_before_a_sudden_change_there_are_sixty_possible_sessions(before: int, is_one: bool) -> None:
    marks = dict.fromkeys(OPEN[110 - before : 110], "/") | dict.fromkeys(OPEN[110:], "I")
    assert bool(of_kind(found(child(marks)), "sudden_change")) == is_one


@pytest.mark.parametrize(("missed", "is_one"), [(12, True), (11, False)])
def test_absence_has_risen_by_a_part_of_all_sessions(missed: int, is_one: bool) -> None:
    """12 of 40 in the last four weeks are thirty in a hundred: as much as the rule asks for, and not less."""
    rules = Patterns(sudden_change=Sudden(sessions=2, part=3, of=10))
    patterns = of_kind(found(year_of_a_child(dict.fromkeys(OPEN[-missed:], "I")), rules), "sudden_change")
    assert bool(patterns) == is_one


NOTHING = dict.fromkeys(Patterns.__struct_fields__)
AT_ITS_LEAST = {
    "weekday": (Often(least=4), whole(*mondays(4)), whole(*mondays(3))),
    "holiday_edge": (
        Edge(least=2), whole(DAYS_OPEN[0], DAYS_OPEN[-1]), whole(DAYS_OPEN[0], DAYS_OPEN[20]),
    ),
    "medical": (Often(least=3), whole(DAYS_OPEN[4], code="M") | {OPEN[0]: "M"}, whole(DAYS_OPEN[4], code="M")),
    "half_day": (
        HalfDay(days=2), {OPEN[0]: "I", OPEN[5]: "I"}, {OPEN[0]: "I"} | whole(DAYS_OPEN[4]),
    ),
    "streak": (Streak(sessions=5), dict.fromkeys(OPEN[:5], "I"), dict.fromkeys(OPEN[:4], "I")),
    "short_streaks": (ShortStreaks(streaks=2), {OPEN[0]: "I", OPEN[2]: "I"}, dict.fromkeys(OPEN[:9], "I")),
    "late_streak": (LateStreak(days=2), {OPEN[0]: "L", OPEN[3]: "U"}, {OPEN[0]: "L", OPEN[1]: "U"}),
    "sudden_change": (Sudden(sessions=3), dict.fromkeys(OPEN[-3:], "I"), dict.fromkeys(OPEN[-2:], "I")),
}  # fmt: skip


@pytest.mark.parametrize("kind", AT_ITS_LEAST)
def test_only_years_with_as_many_absences_as_a_rule_takes_are_looked_at(kind: str) -> None:
    """Of four children, the one who has just as many; and none where the kind is not looked for."""
    rule, enough, too_few = AT_ITS_LEAST[kind]
    codes = np.stack(
        [child_years(year_of_a_child(its))[2025].codes for its in ({}, too_few, enough, {})],
    )
    beside = np.stack([edges((stay(),), CALENDARS, 2025, 5)] * 4)
    assert may_have(codes, beside, 2025, Patterns(**NOTHING | {kind: rule})).tolist() == [False, False, True, False]
    assert not may_have(codes, beside, 2025, Patterns(**NOTHING)).any()


# -- in plain English -------------------------------------------------------------------------------------------------

LOT = " Dealt out by lot, so many would fall there in at most one of 1,000 years."
GATHERS = {"missed": 5, "possible": 15, "missed_elsewhere": 1, "possible_elsewhere": 60}
SOME = tuple(tick_of(date(2025, 9, day), half) for day in (16, 17) for half in (0, 1))


@pytest.mark.parametrize(
    ("kind", "what", "numbers", "said"),
    [
        (
            "weekday", "Friday", GATHERS,
            "Absences gather on Fridays, before the weekend: 5 of 15 Fridays were missed whole or in part, and 1 of 60 "
            f"other days.{LOT}",
        ),
        (
            "weekday", "Tuesday", GATHERS,
            f"Absences gather on Tuesdays: 5 of 15 Tuesdays were missed whole or in part, and 1 of 60 other days.{LOT}",
        ),
        (
            "holiday_edge", "", GATHERS,
            "Absences gather beside holidays: 5 of 15 first or last days were missed whole or in part, and 1 of 60 "
            f"other days.{LOT}",
        ),
        (
            "medical", "Tuesday AM", GATHERS,
            "Medical appointments gather on Tuesday mornings: they took 5 of 15 of these, and 1 of 60 other sessions."
            f"{LOT} Appointments outside school hours would save these sessions, where they can be had.",
        ),
        (
            "half_day", "AM", {"half_days": 7, "days": 9},
            "Half days are missed: on 7 of 9 days with an absence it was the morning alone, and the afternoon was "
            "attended.",
        ),
        (
            "short_streaks", "", {"streaks": 12, "sessions": 20},
            "There were 12 separate short absences of at most 4 sessions each: 20 sessions in all.",
        ),
        (
            "late_streak", "", {"days": 2},
            "The child came late on 2 school days in a row on which it came, from the morning of 16 September 2025 to "
            "the afternoon of 17 September 2025.",
        ),
        (
            "sudden_change", "",
            {"weeks": 4, "missed": 12, "possible": 40, "missed_before": 1, "possible_before": 110},
            "Absence has risen suddenly: in the last 4 weeks 12 of 40 possible sessions were missed, before them 1 of "
            "110 of the school year.",
        ),
    ],
)  # fmt: skip
def test_a_pattern_is_told_word_by_word(kind: str, what: str, numbers: dict[str, int], said: str) -> None:
    assert sentence(Pattern(kind, what, SOME, numbers), RULES) == said


def test_what_it_takes_for_a_pattern_where_a_policy_says_nothing() -> None:
    said = {kind: msgspec.structs.asdict(getattr(RULES, kind)) for kind in KINDS}
    gathers = {"least": 4, "times": 2, "one_in": 1000}
    assert said == {
        "weekday": gathers, "holiday_edge": gathers | {"least": 3, "closed_days": 5}, "medical": gathers,
        "half_day": {"days": 6, "part": 1, "of": 2}, "streak": {"sessions": 20},
        "short_streaks": {"streaks": 12, "sessions": 4}, "late_streak": {"days": 4},
        "sudden_change": {"weeks": 4, "sessions": 12, "before": 60, "times": 3, "part": 1, "of": 10},
        "sibling_synchronous": gathers,
    }  # fmt: skip


def test_one_week_and_one_session_are_told_as_one() -> None:
    rules = Patterns(short_streaks=ShortStreaks(sessions=1))
    short = Pattern("short_streaks", "", SOME, {"streaks": 12, "sessions": 12})
    assert (
        sentence(short, rules) == "There were 12 separate short absences of at most 1 session each: 12 sessions in all."
    )
    numbers = {"weeks": 1, "missed": 5, "possible": 10, "missed_before": 1, "possible_before": 110}
    assert "suddenly: in the last week 5 of 10 possible" in sentence(Pattern("sudden_change", "", SOME, numbers), RULES)


def test_a_kind_that_is_no_longer_looked_for_is_told_without_its_numbers() -> None:
    """A policy may have come in that does not look for what was found."""
    nothing = Patterns(weekday=None, short_streaks=None, sibling_synchronous=None)
    short = Pattern("short_streaks", "", SOME, {"streaks": 12, "sessions": 20})
    assert sentence(short, nothing) == "There were 12 separate short absences: 20 sessions in all."
    assert sentence(Pattern("weekday", "Monday", SOME, GATHERS), nothing).endswith("and 1 of 60 other days.")
    numbers = {"possible": 50, "missed": 9, "sibling_missed": 8, "shared_days": 7, "shared": 4}
    shared = sentence(Pattern("sibling_synchronous", "x", SOME, numbers), nothing)
    assert shared.endswith("7 of these were the same, in 4 separate absences.")
