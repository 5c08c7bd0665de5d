"""The rule by which a school's ledger is followed, one entry at a time (`common.ledger.Following`)."""

from datetime import UTC, datetime

from common.broker import Partition, Record
from common.events import encode, make
from common.events.registers import RecalculationStarted
from common.ledger import Following, Reading
from hypothesis import given
from hypothesis import strategies as st

URN = 100001
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 8


def entry(number: int, branch: str = "") -> tuple[int, str, str | None]:
    """Entry `number` of a ledger: its number, its id and the id before it. `branch` names another history."""
    return number, f"{branch}{number}", f"{branch}{number - 1}" if number > 1 else None


def follow(school: Following, *entries: tuple[int, str, str | None]) -> tuple[list[int], Following]:
    """The numbers that were applied, in order, and where the school stands in the end."""
    applied: list[int] = []
    for each in entries:
        outcome, school = school.judge(*each)
        if outcome == "applied":
            applied.append(each[0])
    return applied, school


def test_entries_in_order_are_applied() -> None:
    assert follow(Following(URN), entry(1), entry(2), entry(3)) == ([1, 2, 3], Following(URN, 3, "3", 3))


def test_repeated_entries_are_skipped() -> None:
    assert follow(Following(URN), entry(1), entry(2), entry(1), entry(2), entry(3))[0] == [1, 2, 3]


def test_a_missing_entry_parks_the_school_and_says_which() -> None:
    applied, school = follow(Following(URN), entry(1), entry(3), entry(4))
    assert applied == [1]
    assert (school.number, school.seen, school.state) == (1, 4, "parked")
    assert school.reason == "entry 2 is missing"


def test_a_parked_school_is_followed_again_only_when_it_has_caught_up() -> None:
    _, parked = follow(Following(URN), entry(1), entry(3), entry(4))
    applied, school = follow(parked, entry(2), entry(3))
    assert applied == [2, 3]
    assert (school.state, school.reason) == ("parked", "entry 4 is missing")
    applied, school = follow(school, entry(4))
    assert applied == [4]
    assert (school.state, school.reason) == ("following", None)


def test_an_unreadable_record_parks_the_school_until_the_next_entry_comes() -> None:
    _, school = follow(Following(URN), entry(1))
    parked = school.park_unreadable()
    assert (parked.state, parked.reason) == ("parked", "an entry after 1 can't be read")
    assert follow(parked, entry(2)) == ([2], Following(URN, 2, "2", 2))


def test_a_later_gap_does_not_hide_that_an_entry_could_not_be_read() -> None:
    _, school = follow(follow(Following(URN), entry(1))[1].park_unreadable(), entry(3))
    assert school.reason == "an entry after 1 can't be read"


def test_the_same_number_with_another_id_is_a_fork() -> None:
    applied, school = follow(Following(URN), entry(1), entry(2), entry(2, "restored-"), entry(3))
    assert applied == [1, 2]
    assert (school.state, school.reason) == ("forked", "there is another entry 2")


def test_an_entry_that_follows_another_one_is_a_fork() -> None:
    applied, school = follow(Following(URN), entry(1), entry(2), entry(3, "restored-"))
    assert applied == [1, 2]
    assert school.state == "forked"
    assert school.reason == "entry 3 does not follow the entry 2 that was applied"


def test_a_forked_school_stays_forked_whatever_comes() -> None:
    forked = Following(URN, 2, "2", 2, "forked", "there is another entry 2")
    assert follow(forked, entry(2), entry(3), entry(4)) == ([], forked._replace(seen=4))
    assert forked.park_unreadable() == forked


@given(delivered=st.lists(st.integers(1, LENGTH), max_size=40))
def test_whatever_arrives_each_entry_is_applied_once_and_in_order(delivered: list[int]) -> None:
    applied, school = follow(Following(URN), *map(entry, delivered))
    assert applied == list(range(1, school.number + 1))
    assert school.seen == max(delivered, default=0)
    assert (school.state == "following") == (school.number == school.seen)


@given(delivered=st.lists(st.integers(1, LENGTH), max_size=40))
def test_a_republished_ledger_heals_every_gap(delivered: list[int]) -> None:
    _, school = follow(Following(URN), *map(entry, delivered))
    applied, healed = follow(school, *(entry(number) for number in range(school.number + 1, LENGTH + 1)))
    assert applied == list(range(school.number + 1, LENGTH + 1))
    assert healed == Following(URN, LENGTH, str(LENGTH), LENGTH)


def record(urn: int, number: int, previous: str | None) -> Record:
    """An entry as it stands on the topic; a number below 0 is one that nobody can read."""
    data = RecalculationStarted(previous=previous, write_last=number, sessions=1, children=None)
    event = make(data, id=str(number), subject=str(urn), now=NOW, sequence=number, schoolurn=urn)
    body = encode(event) if number >= 0 else b"?"
    return Record(Partition("registers", 0), 0, str(urn).encode(), body, event.id)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(-1, 5), st.sampled_from([None, "1", "2", "3", "4"]), st.booleans())
    )
)
def test_a_batch_is_judged_as_its_entries_one_by_one(told: list[tuple[int, int, str | None, bool]]) -> None:
    chained = [(urn, number, str(number - 1) if fits and number > 1 else given) for urn, number, given, fits in told]
    schools, applied = {urn: Following(urn) for urn in (1, 2, 3)}, list[tuple[int, int]]()
    for urn, number, previous in chained:
        if number <= 0:
            schools[urn] = schools[urn].park_unreadable()
            continue
        outcome, schools[urn] = schools[urn].judge(number, str(number), previous)
        applied += [(urn, number)] if outcome == "applied" else []

    reading = Reading()
    reading.know({urn: Following(urn) for urn in schools})
    reading.take([record(*one) for one in chained])
    assert [(entry.schoolurn, entry.sequence) for entry in reading.judge()] == applied
    assert reading.after == schools
