"""Flags for a time: what a roll opens and closes, and what a source replaces."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from registers.domain.flags import ROLL, Span, after, as_events, follow_roll, overlapping, replace

CHILD, URN = "c", 100001
FIRST = date(2025, 9, 1)
KINDS = ("CIN", "EHCP", "FSM")

lists = st.sets(st.sampled_from(KINDS))


@given(first=lists, days=st.lists(st.tuples(st.integers(0, 3), lists), max_size=8))
def test_on_every_day_the_flags_of_the_last_list_sent_by_then_hold(
    first: set[str], days: list[tuple[int, set[str]]]
) -> None:
    spans, before, today = after([], follow_roll(CHILD, [], first, (), FIRST, FIRST, URN)), first, FIRST
    last_of_day = {today: first}
    for step, said in days:
        today += timedelta(days=step)
        spans = after(spans, follow_roll(CHILD, spans, said, said - before, FIRST, today, URN))
        before = last_of_day[today] = said
        assert not overlapping(spans)
    for day in (FIRST + timedelta(days=n) for n in range((today - FIRST).days + 2)):
        latest = last_of_day[max(sent for sent in last_of_day if sent <= day)]
        assert {span.flag for span in spans if span.holds(day)} == latest


def test_the_same_list_again_changes_nothing() -> None:
    spans = after([], follow_roll(CHILD, [], ["FSM"], (), FIRST, FIRST, URN))
    assert follow_roll(CHILD, spans, ["FSM"], (), FIRST, FIRST + timedelta(days=9), URN) == ((), ())


def test_a_source_takes_back_what_it_no_longer_says_and_leaves_the_others_alone() -> None:
    roll = Span(CHILD, ROLL, "FSM", FIRST)
    old, new = Span(CHILD, "a", "CIN", FIRST), Span(CHILD, "a", "CP", FIRST)
    moved = replace([roll, old], [new], ["a"])
    assert moved == ((new,), (old,))
    assert after([roll, old], moved) == [new, roll]


def test_what_was_said_of_two_ids_of_one_child_is_announced_once() -> None:
    spans = [Span("c", "a", "CIN", FIRST), Span("d", "a", "CIN", FIRST), Span("d", "b", "CIN", FIRST)]
    assert [(one.flag, one.source) for one in as_events(spans)] == [("CIN", "a"), ("CIN", "b")]
