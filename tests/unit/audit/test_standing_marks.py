"""Which mark stands, by the second implementation alone: what must hold whatever was sent."""

from datetime import date

from audit.child import Enrolment
from audit.codes import code_table
from audit.marks import Roll, Sent, slot
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.audit.children import OTHER, PUPIL, SCHOOL

DAY = date(2026, 1, 14)
SESSION = (DAY, "AM")
STAY = Enrolment(SCHOOL, date(2025, 9, 1), None, "single")
ROLL = Roll({SESSION}, {PUPIL: [STAY]}, code_table(), DAY)
codes = st.sampled_from(["/", "O", "I", "H", "-", "??", None])


def sent(*entries: tuple[int | None, str | None]) -> list[Sent]:
    return [Sent((number, 0), PUPIL, *entry) for number, entry in enumerate(entries, start=1)]


@given(
    entries=st.lists(st.tuples(st.integers(0, 99), codes), unique_by=lambda entry: entry[0], min_size=1),
    shuffled=st.randoms(use_true_random=False),
)
def test_versioned_entries_may_arrive_in_any_order(entries: list[tuple[int, str | None]], shuffled: object) -> None:
    other = list(entries)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    assert slot(sent(*entries), PUPIL, SESSION, ROLL).code == slot(sent(*other), PUPIL, SESSION, ROLL).code


@given(entries=st.lists(st.tuples(st.none() | st.integers(0, 5), codes), min_size=1))
def test_one_stands_at_most_and_only_what_ranks_above_it_waits(entries: list[tuple[int | None, str | None]]) -> None:
    kept = sent(*entries)
    result = slot(kept, PUPIL, SESSION, ROLL)
    above = (result.ranks[result.standing.order], result.standing.order) if result.standing else (-1, (0, 0))
    for entry in kept:
        higher = (result.ranks[entry.order], entry.order) > above
        assert (entry.order in result.waiting) == higher


def test_without_versions_the_last_one_stands() -> None:
    assert slot(sent((None, "O"), (None, "I")), PUPIL, SESSION, ROLL).code == "I"


def test_an_entry_without_a_version_takes_the_highest_so_far() -> None:
    assert slot(sent((7, "O"), (None, "I"), (7, "/")), PUPIL, SESSION, ROLL).code == "/"
    assert slot(sent((None, "I"), (7, "O"), (6, "/")), PUPIL, SESSION, ROLL).code == "O"


def test_what_waits_does_not_make_a_lower_one_stale() -> None:
    result = slot(sent((9, "??"), (3, "O")), PUPIL, SESSION, ROLL)
    assert (result.code, result.waiting) == ("O", {(1, 0): "unknown-code"})


def test_a_deletion_stands_as_nothing_and_holds_back_what_ranks_below() -> None:
    result = slot(sent((5, None), (4, "O")), PUPIL, SESSION, ROLL)
    assert result.code is None
    assert result.standing == Sent((1, 0), PUPIL, 5, None)
    assert slot(sent((5, None), (6, "O")), PUPIL, SESSION, ROLL).code == "O"


def test_the_reason_is_told_for_each_thing_that_can_be_wrong() -> None:
    closed = Roll(set(), ROLL.enrolments, ROLL.codes, DAY)
    early = Roll({SESSION}, ROLL.enrolments, ROLL.codes, date(2026, 1, 13))
    left = Roll({SESSION}, {PUPIL: [STAY._replace(to=date(2026, 1, 13))]}, ROLL.codes, DAY)
    reasons = [
        slot(sent((None, code)), PUPIL, SESSION, roll).waiting[1, 0]
        for code, roll in [("", ROLL), ("-", ROLL), ("Q9", ROLL), ("H", ROLL), ("/", early), ("/", closed), ("/", left)]
    ]
    assert reasons == [
        "no-mark", "no-mark", "unknown-code", "retired-code", "future-date", "closed-session", "not-enrolled",
    ]  # fmt: skip


def test_both_days_of_an_enrolment_are_in_it() -> None:
    one_day = Enrolment(OTHER, DAY, DAY, "single")
    assert one_day.covers(DAY)
    assert not one_day.covers(date(2026, 1, 13))
    assert not one_day.covers(date(2026, 1, 15))
