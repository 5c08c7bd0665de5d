"""The vectorised rules against the plain ones of `reference`, over children of all kinds."""

import numpy as np
import pytest
from absence_engine.domain.ages import compulsory
from absence_engine.domain.counts import count_rows
from absence_engine.domain.penalty import penalty_figure
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import YEARLESS, Child, Scope, spans
from absence_engine.domain.ticks import day_of
from absence_engine.domain.weeks import school_weeks
from common.codes import code_table
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine import reference
from tests.unit.absence_engine.children import OTHER, TERM, URN, calendars, children
from tests.unit.absence_engine.policies import FULL, SMALL

POLICY = FULL
OPEN = {URN: set(TERM), OTHER: set(TERM[20:])}
CALENDARS = calendars(OPEN)


@pytest.mark.parametrize("policy", [FULL, SMALL], ids=["as shipped", "low numbers"])
@given(records=st.lists(children(), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_batch_of_children_has_the_spans_of_the_plain_rules(records: list[ChildRecord], policy: Policy) -> None:
    batch = [Child.of(record) for record in records]
    found = spans(batch, [Scope.whole(child) for child in batch], CALENDARS, policy)
    for record, its in zip(records, found, strict=True):
        for kind in policy.thresholds:
            its_own = [span for span in its if span.kind == kind]
            with_year = [(s.year, s.crossed, s.firm, s.ended, s.reason) for s in its_own]
            without = [(s.crossed, s.firm, s.ended) for s in its_own]
            if kind in policy.rates:
                assert with_year == reference.rate_spans(record, kind, policy), kind
            elif kind in policy.tallies:
                assert with_year == reference.tally_spans(record, kind, policy), kind
            elif kind in policy.runs:
                assert without == reference.run_spans(record, kind, policy), kind
            else:
                assert without == reference.window_spans(record, OPEN, policy.windows[kind]), kind
            if kind in YEARLESS:
                assert all((s.reason == "recovered") == (s.ended is not None) and s.year is None for s in its_own)


@given(children())
@settings(max_examples=100, deadline=None)
def test_the_mark_that_counts_and_its_school_are_those_of_the_plain_rule(record: ChildRecord) -> None:
    years = Child.of(record).years
    for mark in reference.told(record):
        of_year = years[day_of(mark.tick).year if day_of(mark.tick).month >= 8 else day_of(mark.tick).year - 1]
        place = mark.tick - 2 * day_of(mark.tick).replace(year=of_year.year, month=8, day=1).toordinal()
        assert (int(of_year.codes[place]), of_year.school_at(place)) == (mark.counts_as.number, mark.urn)
    assert sum(int((of_year.codes > 0).sum()) for of_year in years.values()) == len(reference.told(record))


@given(children())
@settings(max_examples=100, deadline=None)
def test_the_best_window_is_that_of_the_plain_rule(record: ChildRecord) -> None:
    child = Child.of(record)
    best = penalty_figure(record, list(child.years.values()), CALENDARS, POLICY.penalty).best
    held, monday = reference.best_window(record, OPEN, POLICY)
    if monday is None:
        assert best is None
        return
    assert best is not None
    opened = reference.weeks(record, OPEN)
    window = reference.window_of(list(opened), monday, POLICY.penalty)
    assert (len(best.ticks), best.school_weeks) == (held, len(window))
    assert (best.first_day, best.last_day) == (day_of(opened[window[0]][0]), day_of(opened[monday][-1]))


@given(children())
@settings(max_examples=40, deadline=None)
def test_school_weeks_are_those_of_the_plain_rule(record: ChildRecord) -> None:
    found = school_weeks(record.enrolments, CALENDARS)
    told = reference.weeks(record, OPEN)
    assert [ticks[0] for ticks in told.values()] == found.first_open.tolist()
    assert [ticks[-1] for ticks in told.values()] == found.last_open.tolist()


@given(children())
@settings(max_examples=40, deadline=None)
def test_counts_are_sums_over_the_code_table(record: ChildRecord) -> None:
    codes = list(code_table().values())
    for sheet in record.sheets:
        row = count_rows(np.frombuffer(sheet.codes, np.uint8).reshape(1, -1))[0].tolist()
        told = [codes[number - 1] for number in sheet.codes if number]
        assert row == [
            sum(code.possible for code in told),
            sum(code.attended for code in told),
            sum(code.absence == "authorised" for code in told),
            sum(code.absence == "unauthorised" for code in told),
            sum(code.late == "before-close" for code in told),
            sum(code.late == "after-close" for code in told),
        ]
        assert row[0] == row[1] + row[2] + row[3]


def test_compulsory_age_without_a_date_of_birth_is_always() -> None:
    first, last = compulsory(None)
    assert first == 0
    assert last > max(TERM)
