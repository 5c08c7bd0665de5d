"""The quick answer that marks leave a child's spans alone is never wrong, and nearly always given."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import pytest
from absence_engine.domain.explain import explain
from absence_engine.domain.flags import Flagged
from absence_engine.domain.policy import Policy
from absence_engine.domain.rates import lines_of
from absence_engine.domain.reach import Stands, reach
from absence_engine.domain.records import ChildRecord, Sheet, SheetKey
from absence_engine.domain.spans import YEARLESS, Child, Scope, Span, spans
from absence_engine.domain.ticks import NEVER, tick_of, week_of, year_start
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine.children import (
    AUTUMN,
    BIRTHS,
    OTHER,
    TERM,
    URN,
    calendars,
    child,
    flags,
    marked,
    sheets,
    stay,
)
from tests.unit.absence_engine.policies import FULL, SMALL, changed

CALENDARS = calendars({URN: TERM, OTHER: TERM})
EMPTY = bytes(732)
Keyed = dict[SheetKey, bytes]


def whole(record: ChildRecord, policy: Policy) -> list[Span]:
    one = Child.of(record)
    return spans([one], [Scope.whole(one)], CALENDARS, policy)[0]


def reached(old: ChildRecord, new: ChildRecord, policy: Policy, stood: Sequence[Span] | None = None) -> Scope | None:
    """What the marks by which two states of a child differ can have changed; `stood`: the spans before."""
    was: Keyed = {sheet[:3]: sheet.codes for sheet in old.sheets}
    now: Keyed = {sheet[:3]: sheet.codes for sheet in new.sheets}
    places = {key: differing(was.get(key, EMPTY), codes) for key, codes in now.items()}
    places = {key: its for key, its in places.items() if its}
    stands = [
        Stands(span.kind, span.year, span.ended is None, span.reason == "year_end", span.firm is not None)
        for span in (whole(old, policy) if stood is None else stood)
    ]
    return reach(new, {key: was.get(key, EMPTY) for key in places}, places, stands, lambda year: policy)


def differing(before: bytes, after: bytes) -> list[int]:
    return [place for place in range(732) if before[place] != after[place]]


def as_sheets(*of_schools: tuple[int, dict[int, str]], years: Sequence[int] = (2024, 2025)) -> tuple[Sheet, ...]:
    """Sheets of schools for each of some years, empty ones included: a sheet never goes."""
    found = {sheet[:3]: sheet for urn, marks in of_schools for sheet in sheets(marks, urn)}
    for urn, marks in of_schools:
        for year in years:
            if marks:
                found.setdefault((child({}).pupil_id, urn, year), Sheet(child({}).pupil_id, urn, year, EMPTY))
    return tuple(found.values())


def explained(record: ChildRecord, its: Sequence[Span], policy: Policy) -> list[tuple[Span, str]]:
    one = Child.of(record)
    return [(span, explain(one, span, CALENDARS, policy).hash) for span in its]


@pytest.mark.parametrize("policy", [FULL, SMALL], ids=["as shipped", "low numbers"])
@given(
    marks=marked(TERM),
    news=st.lists(st.tuples(st.integers(0, len(TERM) - 1), st.sampled_from(["/", "I", "O", "N", "L", "Y1", None]))),
    behind=st.tuples(st.integers(0, 12), st.sampled_from(["/", "O", "O/", "I", "ND", "L/"])),
    elsewhere=st.sampled_from([None, AUTUMN[40], TERM[30]]),
    born=BIRTHS,
    its_flags=flags(),
)
@settings(max_examples=150, deadline=None)
def test_what_is_not_looked_at_is_as_it_was(marks, news, behind, elsewhere, born, its_flags, policy: Policy) -> None:
    after = marks | {TERM[at]: code for at, code in news}
    last = max(marks, default=TERM[0])
    new_ones = [tick for tick in TERM if tick > last][: behind[0]]
    after |= {tick: behind[1][n % len(behind[1])] for n, tick in enumerate(new_ones)}
    old, new = (_child(its, elsewhere, born, its_flags) for its in (marks, after))
    scope = reached(old, new, policy)
    if scope is None:
        return
    was, now = whole(old, policy), whole(new, policy)
    unseen = [[span for span in its if not scope.holds(span.kind, span.year)] for its in (was, now)]
    assert explained(old, unseen[0], policy) == explained(new, unseen[1], policy)


def _child(marks: dict[int, str | None], elsewhere: int | None, born: date | None, its_flags) -> ChildRecord:
    """A child with these marks, those from some session on at another school."""
    here = {tick: code for tick, code in marks.items() if code and (elsewhere is None or tick < elsewhere)}
    there = {tick: code for tick, code in marks.items() if code and elsewhere is not None and tick >= elsewhere}
    every = as_sheets((URN, here), (OTHER, there))
    return ChildRecord(child({}).pupil_id, born, (stay(URN), stay(OTHER)), every, flags=its_flags)


def test_an_ordinary_mark_of_an_ordinary_child_changes_nothing() -> None:
    before = child(dict.fromkeys(AUTUMN[:20], "/"))
    after = child(dict.fromkeys(AUTUMN[:21], "/"))
    assert reached(before, after, FULL) == Scope(frozenset(), frozenset())


def test_nor_does_one_of_a_child_with_open_spans_that_go_on() -> None:
    codes = "O" * 24 + "/" * 30
    before = child(dict(zip(AUTUMN, codes, strict=False)))
    assert {span.kind for span in whole(before, FULL)} > {"PA", "CONTINUOUS_10", "PN_10_IN_10"}
    after = child(dict(zip(AUTUMN, codes + "/", strict=False)))
    assert reached(before, after, FULL) == Scope(frozenset(), frozenset())


def _ends(before: ChildRecord, after: ChildRecord) -> bool:
    return whole(before, FULL) != whole(after, FULL)


def test_the_tenth_in_a_row_off_the_line_is_looked_at() -> None:
    codes = "/" * 17 + "I" + "/" * 12
    states = [child(dict(zip(AUTUMN, codes[:n], strict=False))) for n in range(19, 31)]
    for before, after in pairwise(states):
        scope = reached(before, after, FULL)
        assert scope is not None
        assert bool(scope.years) == _ends(before, after)


@pytest.mark.parametrize(
    ("code", "kinds"), [("L", {"PUNCTUALITY"}), ("O", set(YEARLESS) - {"UNEXPLAINED"}), ("I", set())]
)
def test_a_mark_reaches_only_the_kinds_that_count_it(code: str, kinds: set[str]) -> None:
    ticks = AUTUMN[:60]
    before = child(dict.fromkeys(ticks[:45], code) | dict.fromkeys(ticks[45:59], "/"))
    after = child(dict.fromkeys(ticks[:45], code) | dict.fromkeys(ticks[45:59], "/") | {ticks[59]: code})
    scope = reached(before, after, FULL)
    assert scope is not None
    assert scope.kinds == kinds - (set() if code == "L" else {"PUNCTUALITY"})


def test_a_correction_is_always_looked_at() -> None:
    before = child(dict.fromkeys(AUTUMN[:20], "/"))
    after = child(dict.fromkeys(AUTUMN[:20], "/") | {AUTUMN[3]: "L"})
    assert reached(before, after, FULL) == Scope(frozenset({2025}), frozenset())


# -- rates, exactly ---------------------------------------------------------------------------------------------------

QUICK = changed(
    FULL,
    AT_RISK={"minimum_possible": 3, "recovery_sessions": 2},
    BELOW_95={"minimum_possible": 9, "recovery_sessions": 4},
    SCHOOL_TARGET={"targets": {str(URN): "80", str(OTHER): "70"}, "minimum_possible": 5, "recovery_sessions": 3},
    CIN_CP_95={"flags": ["CP"], "minimum_possible": 12, "recovery_sessions": 1},
    PA={"minimum_possible": 7, "recovery_sessions": 20},
    SA={"minimum_possible": 4, "recovery_sessions": 1},
)
"""Rates that open, become firm and end within a few sessions, each at another one."""

STORIES = [
    "O" * 12 + "/" * 58,
    "/" * 12 + "O" + "/" * 25 + "O" + "/" * 30,
    "/O" * 12 + "/" * 40,
    "///O" * 6 + "/" * 9 + "OO" + "/" * 20,
    "//##O#//#####/O#" + "/#" * 12 + "OO" + "#/" * 10,
    "OO" + "/" * 28 + "O" + "/" * 15,  # an absence among those that are off the line
    "/" * 40 + "MMM" + "/" * 12 + "M" + "/" * 10,
]


@pytest.mark.parametrize("at_once", [1, 2, 7])
@pytest.mark.parametrize("story", STORIES)
def test_of_marks_behind_all_others_just_those_are_looked_at_that_change_a_rate(story: str, at_once: int) -> None:
    """With a flag for some of the sessions, whose first and last one count."""
    flag = (Flagged("CP", AUTUMN[9], AUTUMN[30]), Flagged("CP", AUTUMN[41], AUTUMN[41]))
    states = [child(dict(zip(AUTUMN, story[:n], strict=False)), flags=flag) for n in range(1, len(story) + 1, at_once)]
    every = [whole(state, QUICK) for state in states]
    rates = [[span for span in its if span.kind in QUICK.rates] for its in every]
    scopes = [
        reached(before, after, QUICK, its) for (before, after), its in zip(pairwise(states), every[:-1], strict=True)
    ]
    looked_at = [scope is None or bool(scope.years) for scope in scopes]
    assert looked_at == [was != now for was, now in pairwise(rates)]
    assert any(looked_at)


def test_a_school_target_is_one_line_only_where_all_schools_of_the_year_share_it() -> None:
    both = [*sheets({AUTUMN[0]: "/"}), *sheets({AUTUMN[1]: "/"}, OTHER), *sheets({TERM[0]: "/"}, OTHER)]
    record = child({})._replace(sheets=tuple(both))
    assert lines_of(record, 2025, QUICK) is None
    (of_last_year,) = [line for line in lines_of(record, 2024, QUICK) or () if line.kind == "SCHOOL_TARGET"]
    assert (of_last_year.part, of_last_year.of) == (3_000, 10_000)
    alike = changed(QUICK, SCHOOL_TARGET={"targets": {str(URN): "80", str(OTHER): "80.00"}})
    (shared,) = [line for line in lines_of(record, 2025, alike) or () if line.kind == "SCHOOL_TARGET"]
    assert (shared.part, shared.of, shared.times) == (2_000, 10_000, None)


def test_what_a_child_cannot_cross_is_no_line_of_it() -> None:
    none = changed(QUICK, SCHOOL_TARGET={"targets": {}})
    its = lines_of(child({AUTUMN[0]: "/"}), 2025, none)
    assert [line.kind for line in its or ()] == [kind for kind in QUICK.rates if kind in QUICK.plain_rates]
    flagged = child({AUTUMN[0]: "/"}, flags=(Flagged("CP", 3, 5), Flagged("FSM", 0, NEVER)))
    its = lines_of(flagged, 2025, none)
    assert [line.kind for line in its or ()] == [kind for kind in QUICK.rates if kind != "SCHOOL_TARGET"]
    assert [(line.kind, line.times) for line in its or () if line.times] == [("CIN_CP_95", [(3, 5)])]


# -- years, schools and runs ------------------------------------------------------------------------------------------

JUNE = [tick for tick in TERM if tick < AUTUMN[0]]


def of_years(marks: dict[int, str]) -> ChildRecord:
    """A child with a sheet for each of both years, marked or not."""
    return child({})._replace(sheets=as_sheets((URN, marks)))


def test_the_first_mark_of_a_year_and_the_last_that_goes_reach_the_open_spans_of_the_year_before() -> None:
    absent = dict.fromkeys(JUNE[:50], "O")
    before, after = of_years(absent), of_years(absent | {AUTUMN[0]: "/"})
    assert [span.year for span in whole(before, FULL) if span.kind == "PA"] == [2024]
    for was, now in ((before, after), (after, before)):
        scope = reached(was, now, FULL)
        assert scope is not None
        assert 2024 in scope.years
    second = of_years(absent | {AUTUMN[0]: "/", AUTUMN[1]: "/"})
    assert reached(after, second, FULL) == Scope(frozenset(), frozenset())


def test_a_late_mark_of_a_year_that_is_over_moves_the_end_of_its_spans() -> None:
    marks = dict.fromkeys(JUNE[:50], "O") | {AUTUMN[0]: "/"}
    scope = reached(of_years(marks), of_years(marks | {JUNE[50]: "/"}), FULL)
    assert scope is not None
    assert scope.years == {2024}


def test_a_mark_of_each_of_two_years_is_judged_in_its_own() -> None:
    marks = dict.fromkeys(JUNE[:20], "/") | dict.fromkeys(AUTUMN[:20], "/")
    scope = reached(of_years(marks), of_years(marks | {JUNE[3]: "L", AUTUMN[20]: "/"}), FULL)
    assert scope == Scope(frozenset({2024}), frozenset())


def test_the_same_day_of_two_years_is_no_session_told_of_twice() -> None:
    day = tick_of(date(2025, 6, 10)) - year_start(2024)
    marks = {year_start(2024) + day: "/", year_start(2025) + day: "/"}
    scope = reached(of_years(marks), of_years(marks | {year_start(2025) + day + 1: "/"}), FULL)
    assert scope == Scope(frozenset(), frozenset())


def test_a_session_that_two_schools_tell_of_may_change_everything() -> None:
    here, there = sheets({AUTUMN[0]: "/"}), sheets({AUTUMN[0]: "O"}, OTHER)
    none = [there[0]._replace(codes=EMPTY)]
    both, one = (child({})._replace(sheets=(*here, *other)) for other in (there, none))
    assert reached(both, one, FULL) is None
    assert reached(one, both, FULL) is None
    assert reached(one, one, FULL) == Scope(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("before", "after", "looked_at"),
    [
        ("O" * 20 + "/", "O" * 20 + "#", True),  # what had broken the run is no longer a possible session
        ("O" * 20 + "#", "O" * 20 + "/", True),
        ("O" * 20 + "/", "O" * 20 + "I", False),
        ("O" * 20 + "//", "O" * 20 + "///", False),
        ("O" * 20, "O" * 20 + "/", True),  # an open run ends
        ("O" * 20, "O" * 20 + "#", False),
        ("O" * 10 + "/" + "O" * 10, "O" * 10 + "#" + "O" * 10, True),
        ("O" * 10 + "/" + "O" * 9, "O" * 10 + "#" + "O" * 9, False),
        ("O" * 19, "O" * 20, True),
        ("O" * 18, "O" * 19, False),
        ("O" * 20 + "/O", "O" * 20 + "/#", True),
        ("O" * 20 + "/", "O" * 20 + "/O", True),
    ],
)
def test_a_run_is_looked_at_when_what_counts_or_breaks_it_changes(before: str, after: str, looked_at: bool) -> None:
    was, now = (child(dict(zip(AUTUMN, codes, strict=False))) for codes in (before, after))
    scope = reached(was, now, FULL)
    assert scope is not None
    assert ("CONTINUOUS_10" in scope.kinds) == looked_at


def test_a_run_of_children_with_a_flag_is_looked_at_for_them_alone() -> None:
    for flag, looked_at in ((), False), ((Flagged("CLA", 0, NEVER),), True), ((Flagged("FSM", 0, NEVER),), False):
        scope = reached(child({AUTUMN[0]: "/"}, flags=flag), child({AUTUMN[0]: "/", AUTUMN[1]: "O"}, flags=flag), FULL)
        assert scope is not None
        assert ("UNEXPLAINED" in scope.kinds) == looked_at


@pytest.mark.parametrize("policy", [FULL, changed(FULL, PUNCTUALITY={"reading": "school_days", "days": 12})])
def test_a_window_is_looked_at_when_a_week_or_day_becomes_complete_under_it_or_opens_again(policy: Policy) -> None:
    """Ten late marks on five days; then marks of the days after them, one by one, and taken back."""
    late = dict.fromkeys(AUTUMN[:10], "L")
    states = [child(late | dict.fromkeys(AUTUMN[10:n], "/")) for n in range(10, 50)]
    unit = (lambda tick: tick // 2) if policy is not FULL else week_of
    for n, (before, after) in enumerate(pairwise(states), start=10):
        is_next = unit(AUTUMN[n]) > unit(AUTUMN[n - 1])
        stood = [span for span in whole(before, policy) if span.kind == "PUNCTUALITY"]
        forwards, back = reached(before, after, policy), reached(after, before, policy)
        assert forwards is not None
        assert back is not None
        assert ("PUNCTUALITY" in forwards.kinds) == (is_next and stood[0].ended is None)
        assert ("PUNCTUALITY" in back.kinds) == is_next


@pytest.mark.parametrize(
    ("before", "after", "looked_at"),
    [("I" * 28, "I" * 29, False), ("I" * 29, "I" * 30, True), ("I" * 30, "I" * 30 + "/", False)],
)
def test_a_tally_is_looked_at_with_the_session_that_may_make_it_enough(
    before: str, after: str, looked_at: bool
) -> None:
    was, now = (child(dict(zip(AUTUMN, "/" * 40 + codes, strict=False))) for codes in (before, after))
    scope = reached(was, now, FULL)
    assert scope is not None
    assert scope.years == ({2025} if looked_at else set())
