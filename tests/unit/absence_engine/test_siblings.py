"""Absences that siblings share: named cases, the rule against a plain telling of it, and what chance alone does."""

from math import comb
from random import Random

import numpy as np
from absence_engine.domain.marks import YearMarks
from absence_engine.domain.patterns.find import Pattern
from absence_engine.domain.patterns.kept import Shown
from absence_engine.domain.patterns.rules import Often, Patterns
from absence_engine.domain.patterns.sentences import sentence
from absence_engine.domain.patterns.siblings import hidden, shared
from absence_engine.domain.ticks import year_start
from common.academic import GRID
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.absence_engine.children import URN

YEAR = 2025
RULE = Often(least=4)
NUMBER = {code.code: code.number for code in code_table().values()}


def marks(days: dict[int, str]) -> YearMarks:
    """A year of whole days: day of the grid -> a code, or one of each half."""
    codes = np.zeros(GRID, np.uint8)
    for day, code in days.items():
        codes[2 * day : 2 * day + 2] = [NUMBER[half] for half in (code * 2)[:2]]
    return YearMarks(YEAR, codes, URN)


def away(*days: int, of: int = 100, code: str = "O") -> YearMarks:
    """Present on all days but some."""
    return marks(dict.fromkeys(range(of), "/") | dict.fromkeys(days, code))


def found(one: YearMarks, other: YearMarks, rule: Often = RULE) -> list[Pattern]:
    return list(shared(one, [("other", other)], rule))


def test_four_separate_absences_of_both_are_a_pattern_of_either() -> None:
    one, other = away(3, 10, 11, 40, 70, 90), away(3, 11, 40, 70, 80)
    (pattern,) = found(one, other)
    assert (pattern.kind, pattern.what) == ("sibling_synchronous", "other")
    assert pattern.numbers == {"shared": 4, "shared_days": 4, "missed": 6, "sibling_missed": 5, "possible": 100}
    assert pattern.ticks == tuple(year_start(YEAR) + 2 * day + half for day in (3, 11, 40, 70) for half in range(2))
    assert sentence(pattern, Patterns()) == (
        "Absences are shared with a sibling: of 100 days on which both could come, the child missed 6 and the sibling "
        "5, whole or in part; 4 of these were the same, in 4 separate absences. Dealt out by lot, so many would be "
        "shared in at most one of 1,000 years."
    )
    (mirrored,) = found(other, one)
    assert mirrored.numbers == pattern.numbers | {"missed": 5, "sibling_missed": 6}


def test_an_illness_that_both_caught_is_one_absence_however_long() -> None:
    assert found(away(*range(20, 30)), away(*range(20, 30))) == []
    broken = away(20, 22, 24, 26)  # one of the two comes in between: still one illness of the other
    assert found(away(*range(20, 27)), broken) == []


def test_children_who_are_often_away_share_absences_by_chance() -> None:
    often = range(0, 100, 2)
    assert found(away(*often), away(*range(0, 16, 4))) == []


def test_absences_are_as_many_and_as_often_shared_as_the_rule_says() -> None:
    one = away(3, 11, 40, 70)
    assert found(one, one, Often(least=4))
    assert found(one, one, Often(least=5)) == []
    assert found(one, one, Often(least=4, times=25))
    assert found(one, one, Often(least=4, times=26)) == []


def test_each_sibling_is_looked_at() -> None:
    one, stranger = away(3, 11, 40, 70), away(90)
    patterns = shared(one, [("first", stranger), ("second", one), ("third", one)], RULE)
    assert [pattern.what for pattern in patterns] == ["second", "third"]


def test_days_that_were_possible_for_one_alone_do_not_count() -> None:
    days = (3, 11, 40, 70)
    assert found(away(*days), away(*days, code="O"))
    assert found(away(*days), away(*days, code="D")) == []
    assert found(away(*days), marks(dict.fromkeys(days, "O"))) == []  # no other day to compare with


def test_a_half_day_is_a_day_and_the_sessions_are_the_childs_own() -> None:
    one = marks(dict.fromkeys(range(100), "/") | dict.fromkeys((3, 11, 40, 70), "/O"))
    (pattern,) = found(one, away(3, 11, 40, 70))
    assert [tick - year_start(YEAR) for tick in pattern.ticks] == [7, 23, 81, 141]
    mornings = marks(dict.fromkeys(range(100), "/") | dict.fromkeys((3, 11, 40, 70), "O/"))
    (pattern,) = found(mornings, away(3, 11, 40, 70))
    assert [tick - year_start(YEAR) for tick in pattern.ticks] == [6, 22, 80, 140]


def test_whoever_may_not_see_the_sibling_is_told_of_the_childs_own_days_alone() -> None:
    (pattern,) = found(away(3, 11, 40, 70, 90), away(3, 11, 40, 70, 80))
    shown = Shown(pattern.kind, pattern.what, YEAR, sentence(pattern, Patterns()), [], pattern.numbers, "v")
    assert hidden(shown) == shown._replace(
        what="",
        numbers={"shared": 4, "shared_days": 4, "missed": 5},
        sentence="Absences are shared with a sibling: on 4 of the 5 days that the child missed, whole or in part, a "
        "sibling was absent as well, in 4 separate absences.",
    )


codes = st.sampled_from(["/", "/", "O", "/I", "O/", "D", "L", "X"])
years = st.dictionaries(st.integers(0, 24), codes, max_size=25)
rules = st.builds(Often, least=st.integers(2, 4), times=st.integers(1, 3), one_in=st.sampled_from([2, 10, 1000]))


@given(years, years, rules)
def test_shared_absences_are_those_of_the_plain_rule(one: dict[int, str], other: dict[int, str], rule: Often) -> None:
    expected = plain(one, other, rule)
    assert [(p.numbers, p.ticks) for p in found(marks(one), marks(other), rule)] == expected


def plain(one: dict[int, str], other: dict[int, str], rule: Often) -> list[tuple[dict[str, int], tuple[int, ...]]]:
    """The rule told day by day."""
    possible = {code.code for code in code_table().values() if code.possible}
    absent = {code.code for code in code_table().values() if code.absence}
    halves = [{day: (code * 2)[:2] for day, code in its.items()} for its in (one, other)]
    common = [day for day in sorted(one) if all(day in its and possible & set(its[day]) for its in halves)]
    missed = [[bool(absent & set(its[day])) for day in common] for its in halves]
    counts: list[int] = []
    for mine, theirs in (missed, missed[::-1]):
        times, inside, hit = 0, False, False
        for a, b in [*zip(mine, theirs, strict=True), (False, False)]:
            if inside and not a:
                times += hit
                hit = False
            inside = a
            hit = hit or (a and b)
        counts.append(times)
    k, n, a, b = min(counts), len(common), sum(missed[0]), sum(missed[1])
    if k < rule.least or k * n < rule.times * a * b:
        return []
    ways = sum(comb(b, x) * comb(n - b, a - x) for x in range(k, min(a, b) + 1))
    if ways * rule.one_in > comb(n, a):
        return []
    both = [day for day, x, y in zip(common, *missed, strict=True) if x and y]
    ticks = tuple(
        year_start(YEAR) + 2 * day + half for day in both for half in range(2) if halves[0][day][half] in absent
    )
    numbers = {"shared": k, "shared_days": len(both), "missed": a, "sibling_missed": b, "possible": n}
    return [(numbers, ticks)]


def by_lot(lot: Random) -> YearMarks:
    """A child's year of 190 days: 6.2% absence in spells of 1.8 days on average."""
    days = dict.fromkeys(range(190), "/")
    while sum(code != "/" for code in days.values()) < 11.8 * lot.uniform(0.2, 1.8):
        first, length = lot.randrange(190), 1
        while lot.random() < 0.8 / 1.8:
            length += 1
        days |= dict.fromkeys(range(first, min(first + length, 190)), "I")
    return marks(days)


def test_chance_alone_makes_hardly_any_pair_share_absences() -> None:
    lot = Random(20251123)
    pairs = [(by_lot(lot), by_lot(lot)) for _ in range(2000)]
    assert sum(bool(found(*pair)) for pair in pairs) <= 2
