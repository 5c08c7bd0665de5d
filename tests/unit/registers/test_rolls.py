"""Rolls without a database: UPNs, stays, calendars, and who the rows of a roll are."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from common.academic import Session
from hypothesis import given
from hypothesis import strategies as st
from registers.domain import calendars, enrolments, identity, upn
from registers.domain.enrolments import Stay
from registers.domain.identity import Children, RowKeys

START = date(2025, 9, 1)
UPN, SECOND, TEMPORARY = "H869200124007", "F330123425001", "R33012342500A"

days = st.integers(0, 60).map(lambda n: START + timedelta(days=n))


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    first = draw(days)
    last = draw(st.none() | st.integers(0, 30).map(lambda n: first + timedelta(days=n)))
    return Stay(first, last, draw(st.sampled_from(["single", "main", "subsidiary"])))


def rolls() -> st.SearchStrategy[list[Stay]]:
    """Stays as rolls bring them, one after the other."""

    def bring(rows: list[Stay]) -> list[Stay]:
        known: list[Stay] = []
        for row in rows:
            known = enrolments.replace(known, row)
        return known

    return st.lists(stays(), max_size=5).map(bring)


def covered(stays: list[Stay]) -> set[date]:
    span = [START + timedelta(days=n) for n in range(-5, 120)]
    return {day for day in span if any(s.start <= day and (s.end is None or day <= s.end) for s in stays)}


def never_overlap(stays: list[Stay]) -> bool:
    return all(one.end is not None and one.end < other.start for one, other in pairwise(stays))


@pytest.mark.parametrize("number", ["B801200005001", UPN, SECOND, "V333456725042", "F916400826013", TEMPORARY])
def test_the_rule_books_upns_are_valid(number: str) -> None:
    assert upn.is_upn(number)
    assert upn.is_temporary(number) == (number == TEMPORARY)


@pytest.mark.parametrize(
    "text", ["", "A801200005001", "B80120000500", "B8012000050011", "b801200005001", "I801200005001", "B80120000500I",
             "UN1", "B80120000500١", " B801200005001"],
)  # fmt: skip
def test_what_is_no_upn(text: str) -> None:
    assert not upn.is_upn(text)


@given(st.text("0123456789", min_size=11, max_size=11), st.sampled_from("0123456789" + upn.LETTERS))
def test_exactly_one_letter_checks_a_upn(digits: str, last: str) -> None:
    assert sum(upn.is_upn(letter + digits + last) for letter in upn.LETTERS) == 1


@given(rolls(), stays())
def test_a_row_is_on_the_roll_as_it_says_and_nothing_overlaps(known: list[Stay], row: Stay) -> None:
    after = enrolments.replace(known, row)
    assert row in after
    assert never_overlap(after)
    assert enrolments.replace(after, row) == after
    assert covered(after) <= covered(known) | covered([row])


@given(rolls(), days)
def test_whoever_left_before_a_day_was_there_until_the_day_before(known: list[Stay], before: date) -> None:
    after = enrolments.leave(known, before)
    assert covered(after) == {day for day in covered(known) if day < before}
    assert enrolments.leave(after, before) == after
    assert never_overlap(after)


@given(rolls(), rolls())
def test_one_child_was_there_whenever_either_id_was(mine: list[Stay], others: list[Stay]) -> None:
    united = enrolments.unite(mine, others)
    assert covered(united) == covered(mine) | covered(others)
    assert never_overlap(united)


@given(rolls(), rolls())
def test_the_span_of_a_change_holds_every_day_that_differs(before: list[Stay], after: list[Stay]) -> None:
    span = enrolments.span_of_change(before, after)
    differ = covered(before) ^ covered(after)
    if span is None:
        assert not differ
    else:
        assert {span[0]} <= differ or span[0] > max(covered(before) | covered(after))
        assert all(span[0] <= day <= span[1] for day in differ)


def test_a_calendars_changes_are_the_sessions_that_open_or_close() -> None:
    before = {START: dict.fromkeys(Session), START + timedelta(days=1): {Session.AM: None}}
    after = {START: {Session.PM: None}, START + timedelta(days=2): {Session.AM: None}}
    assert calendars.changed_sessions(before, after) == [
        (START, Session.AM), (START + timedelta(days=1), Session.AM), (START + timedelta(days=2), Session.AM),
    ]  # fmt: skip
    assert calendars.changed_sessions(before, before) == []


def who(*rows: tuple[str, str | None], **known: str | None) -> identity.Identities:
    """Identifies rows (local id, UPN) against children named by local id, each with a UPN or None."""
    children = Children(
        {local: f"child-{local}" for local in known},
        {number: f"child-{local}" for local, number in known.items() if number},
        {f"child-{local}": number for local, number in known.items()},
    )
    new = iter(f"new-{n}" for n in range(100))
    return identity.identify([RowKeys(*row) for row in rows], children, lambda: next(new))


def ids(found: identity.Identities) -> list[str | None]:
    return [row.pupil_id for row in found.rows]


def test_a_row_is_the_upns_holder_else_the_local_ids_child_else_new() -> None:
    found = who(("a", None), ("x", UPN), ("y", None), a=None, b=UPN)
    assert ids(found) == ["child-a", "child-b", "new-0"]
    assert found.listed == {"child-a", "child-b", "new-0"}


def test_a_child_without_a_permanent_upn_turns_out_to_be_the_holder() -> None:
    found = who(("a", UPN), ("c", SECOND), a=None, b=UPN, c=TEMPORARY, d=SECOND)
    assert ids(found) == ["child-b", "child-d"]
    assert found.merges == [("child-a", "child-b"), ("child-c", "child-d")]


def test_a_permanent_upn_is_not_given_up_for_another_childs() -> None:
    (row,) = who(("a", UPN), a=SECOND, b=UPN).rows
    assert row.problem is not None
    assert row.problem.code == "upn-of-another-child"


def test_a_upn_that_nobody_has_becomes_the_childs_and_frees_the_old_one() -> None:
    found = who(("a", UPN), ("b", SECOND), a=SECOND)
    assert ids(found) == ["child-a", "new-0"]
    assert found.upns == {"child-a": UPN, "new-0": SECOND}


def test_a_later_row_of_the_same_local_id_upn_or_child_is_rejected() -> None:
    found = who(("a", None), ("a", UPN), ("b", SECOND), ("c", SECOND), ("d", TEMPORARY), a=TEMPORARY)
    assert [row.problem.code if row.problem else None for row in found.rows] == [
        None, "duplicate-local-id", None, "duplicate-upn", "duplicate-pupil",
    ]  # fmt: skip


def test_two_rows_that_turn_out_to_be_one_child_are_not_both_taken() -> None:
    found = who(("a", None), ("b", TEMPORARY), a=None, b=None, c=TEMPORARY)
    assert found.merges == [("child-b", "child-c")]
    found = who(("a", None), ("x", TEMPORARY), a=TEMPORARY)
    assert found.rows[1].problem is not None
