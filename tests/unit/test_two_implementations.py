"""The services' rules and the second implementation, on random input: two that were written apart, and must say the
same.
"""

import dataclasses
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from absence_engine.domain import counts as engine_counts
from absence_engine.domain.explain import explain
from absence_engine.domain.flags import flagged
from absence_engine.domain.in_force import Book
from absence_engine.domain.penalty import Window as EngineWindow
from absence_engine.domain.penalty import penalty_figure
from absence_engine.domain.policy import Policy, policies, read
from absence_engine.domain.records import Calendars, ChildRecord, Sheet
from absence_engine.domain.records import Enrolment as EngineEnrolment
from absence_engine.domain.spans import Child as EngineChild
from absence_engine.domain.spans import Scope, Span, spans
from absence_engine.domain.ticks import day_of, session_of, tick_of
from audit import figures
from audit.child import Child, Enrolment, FlagSpan, Session
from audit.codes import code_table
from audit.episodes import Episode, always, episodes
from audit.explain import digest, evidence
from audit.fold import grid, sheets
from audit.marks import Roll, Sent, slot
from audit.policy import Policy as PlainPolicy
from audit.policy import policy_of, policy_on
from common.academic import Session as CommonSession
from common.academic import place_of
from common.codes import code_table as common_codes
from common.events.registers import FlagSpan as EngineSpan
from hypothesis import given, settings
from hypothesis import strategies as st
from registers.domain import problems, standing

from tests.unit.any_policy import any_policy
from tests.unit.authorities import DEAD, FIRST, LIVING, SECOND, children

CODES = code_table()
TODAY = date(2026, 1, 15)
PLAIN = policy_on(TODAY)
ENGINE = Book.of((), policies(), TODAY).on(TODAY)
RATE = {"rule": "rate", "minimum_possible": 8, "recovery_sessions": 3, "part": 1}
RUN = {"rule": "run", "unsettled_codes": ["N"], "compulsory_age": True}
SMALL: dict[str, Any] = {
    "version": "small",
    "valid_from": "2024-08-19",
    "thresholds": {
        "PA": {**RATE, "of": 5},
        "SA": {**RATE, "of": 2},
        "PN_10_IN_10": {
            "rule": "window", "sessions": 3, "weeks": 2, "codes": ["G", "N", "O", "U"], "unsettled_codes": ["N"],
            "compulsory_age": True, "spendable": True,
        },
        "AT_RISK": {**RATE, "of": 10, "strict": True},
        "SCHOOL_TARGET": {
            "rule": "rate", "targets": {str(FIRST): "75"}, "strict": True, "minimum_possible": 4,
            "recovery_sessions": 2,
        },
        "CONTINUOUS_10": {**RUN, "sessions": 3, "codes": ["G", "N", "O", "U"]},
        "CONTINUOUS_20": {**RUN, "sessions": 5, "codes": ["G", "N", "O"]},
        "SICKNESS_15": {"rule": "tally", "sessions": 3, "codes": ["I"], "compulsory_age": True},
    },
}  # fmt: skip
SMALL_PLAIN, SMALL_ENGINE = policy_of(SMALL), read(SMALL)
POLICIES = [(PLAIN, ENGINE), (SMALL_PLAIN, SMALL_ENGINE)]
"""The shipped one, and one whose numbers are so small that every edge is near."""


# -- which mark stands ------------------------------------------------------------------------------------------------

sent_codes = st.sampled_from(["/", "O", "N", "D", "H", "J1", "", "-", "QQ", None])
days = st.sampled_from([date(2024, 8, 18), date(2024, 8, 19), date(2026, 1, 14), date(2026, 1, 15), date(2026, 1, 16)])


@given(
    entries=st.lists(
        st.tuples(st.sampled_from([LIVING, DEAD]), st.none() | st.integers(0, 4), sent_codes), min_size=1, max_size=8
    ),
    day=days,
    opened=st.booleans(),
    enrolled=st.booleans(),
)
def test_the_same_mark_stands_and_the_same_ones_wait(
    entries: list[tuple[str, int | None, str | None]], day: date, opened: bool, enrolled: bool
) -> None:
    stays = [Enrolment(FIRST, day - timedelta(3), day, "single")] if enrolled else []
    roll = Roll({(day, "AM")} if opened else set(), {LIVING: stays}, CODES, TODAY)
    sent = [Sent((1, place), *entry) for place, entry in enumerate(entries)]
    plain = slot(sent, LIVING, (day, "AM"), roll)

    kept = [standing.Entry(who, 1, at, version, code, None) for at, (who, version, code) in enumerate(entries)]
    why = problems.of_slot(day, TODAY, opened, enrolled)
    verdicts = standing.judge(kept, day, why, common_codes())
    assert [verdict.rank for verdict in verdicts] == [plain.ranks[entry.order] for entry in sent]
    assert [verdict.stands for verdict in verdicts] == [entry == plain.standing for entry in sent]
    assert [verdict.problem for verdict in verdicts] == [plain.waiting.get(entry.order) for entry in sent]


# -- totals, windows, episodes ----------------------------------------------------------------------------------------


def engine_child(child: Child) -> EngineChild:
    """The same child as the engine keeps it."""
    numbers = {code.code: code.number for code in CODES.values()}
    by_sheet: dict[tuple[str, int], dict[Session, str]] = defaultdict(dict)
    for mark in child.marks:
        by_sheet[mark.ledger_id, mark.urn][mark.session] = mark.code
    kept = [
        Sheet(pupil_id, urn, year, codes)
        for (pupil_id, urn), marks in by_sheet.items()
        for year, codes in sheets(marks, numbers).items()
    ]
    record = ChildRecord(
        child.pupil_id,
        child.date_of_birth,
        tuple(EngineEnrolment(*stay) for stay in child.enrolments),
        tuple(kept),
        frozenset(tick_of(day, half == "PM") for day, half in child.spent),
        flagged(child.flags, [engine_span(span) for span in child.flag_spans]),
    )
    return EngineChild.of(record)


def engine_span(span: FlagSpan) -> EngineSpan:
    return EngineSpan(span.flag, span.start.isoformat(), None if span.to is None else span.to.isoformat(), "roll")


def engine_calendars(child: Child) -> Calendars:
    grids: dict[tuple[int, int], set[Session]] = defaultdict(set)
    for urn, sessions in child.calendars.items():
        for day, half in sessions:
            grids[urn, day.year if day.month >= 8 else day.year - 1].add((day, half))
    return Calendars.of({key: grid(sessions) for key, sessions in grids.items()})


def at(tick: int | None) -> Session | None:
    return None if tick is None else (day_of(tick), session_of(tick))


def as_episode(child: EngineChild, span: Span) -> Episode:
    """A span as the second implementation writes it; its school is not told by it."""
    crossed = at(span.crossed)
    assert crossed is not None
    return Episode(span.kind, span.year, crossed, 0, at(span.firm), at(span.ended), span.reason)


def in_order(episode: Episode) -> tuple[object, ...]:
    return (episode.kind, episode.year or 0, episode.crossed_on)


def test_a_place_on_the_grid_is_the_same_place() -> None:
    for day, half in [(date(2025, 8, 1), "AM"), (date(2026, 7, 31), "PM"), (date(2024, 2, 29), "PM")]:
        assert grid({(day, half)})[place_of(day, CommonSession[half])] == 1


@given(child=children())
def test_totals_are_the_same_in_both_grains(child: Child) -> None:
    engine = engine_child(child)
    for year in (2024, 2025, 2026, 2027):
        plain = figures.child_totals(child, year, CODES)
        found = engine_counts.count(engine.years[year].codes) if year in engine.years else engine_counts.Counts()
        assert dataclasses.asdict(found) == dataclasses.asdict(plain)


@pytest.mark.parametrize(("plain", "engine_policy"), POLICIES, ids=["shipped", "small"])
@given(child=children())
@settings(max_examples=300, deadline=None)
def test_episodes_and_their_evidence_are_the_same(plain: PlainPolicy, engine_policy: Policy, child: Child) -> None:
    compare(child, plain, engine_policy)


@given(child=children(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_with_any_policy_they_are_the_same(child: Child, data: st.DataObject) -> None:
    document = any_policy(lambda some: data.draw(st.sampled_from(some)), [FIRST, SECOND])
    compare(child, policy_of(document), read(document))


def compare(child: Child, plain: PlainPolicy, engine_policy: Policy) -> None:
    """Both say the same of a child."""
    engine, calendars = engine_child(child), engine_calendars(child)
    (found,) = spans([engine], [Scope.whole(engine)], calendars, engine_policy)
    plainly = [dataclasses.replace(episode, school=0) for episode in episodes(child, CODES, always(plain))]
    told = sorted(((as_episode(engine, span), span) for span in found), key=lambda pair: in_order(pair[0]))
    assert [episode for episode, _ in told] == sorted(plainly, key=in_order)
    for episode, span in told:
        hashed = digest(LIVING, episode.kind, evidence(child, episode, CODES, plain), plain.version)
        assert explain(engine, span, calendars, engine_policy).hash == hashed, episode


@pytest.mark.parametrize(("plain", "engine_policy"), POLICIES, ids=["shipped", "small"])
@given(child=children())
@settings(max_examples=200, deadline=None)
def test_the_best_and_the_current_window_are_the_same(plain: PlainPolicy, engine_policy: Policy, child: Child) -> None:
    engine, calendars = engine_child(child), engine_calendars(child)
    found = penalty_figure(engine.record, list(engine.years.values()), calendars, engine_policy.penalty)
    penalty = plain.thresholds["PN_10_IN_10"]
    spent = figures.hits(child, penalty, spent=True)

    def told(window: figures.Window | None) -> object:
        if window is None:
            return None
        used = [mark for mark in spent if mark.day - timedelta(mark.day.weekday()) in window.units]
        return (len(window.units), [mark.session for mark in window.marks], len(used))

    def engine_told(window: EngineWindow | None) -> object:
        return None if window is None else (window.school_weeks, [at(tick) for tick in window.ticks], window.spent)

    assert engine_told(found.best) == told(figures.best_window(child, penalty))
    assert engine_told(found.current) == told(figures.current_window(child, penalty))
