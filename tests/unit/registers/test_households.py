"""Households as codes: they say who is a sibling of whom, as a plain telling of the rule does, and nothing else."""

from datetime import date, timedelta

import msgspec
import pytest
from common.events import registers as events
from hypothesis import given
from hypothesis import strategies as st
from registers.domain.contacts import Address, Barred, SentContact, household
from registers.domain.households import (
    NOBODY,
    Pair,
    as_events,
    codes,
    fingerprint,
    homes_of,
    without_codes,
)

KEY = b"k" * 32
FIRST = date(2025, 9, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(8)]

days = st.none() | st.sampled_from(DAYS)
bars = st.none() | st.builds(Barred, st.sampled_from(DAYS), days)
contacts = st.builds(
    SentContact,
    local_id=st.just("c"),
    name=st.just("Robin"),
    lives_with_pupil=st.booleans(),
    no_fixed_abode=st.booleans(),
    do_not_contact=st.booleans(),
    address=st.sampled_from(
        [None, Address(["1 High Street"]), Address(["1, HIGH STREET"]), Address(["2 High Street"])]
    ),
    contact_barred=bars,
    from_=days,
    to=days,
)
children = st.lists(st.lists(contacts, max_size=3), min_size=2, max_size=2)
said = st.lists(st.booleans(), max_size=2)


def lives_there(contact: SentContact, day: date) -> str | None:
    """At which address a contact lives with the child on a day, told plainly."""
    bar = contact.contact_barred
    if bar is not None and bar.from_ <= day and (bar.to is None or day <= bar.to):
        return None
    if (contact.from_ or day) > day or (contact.to or day) < day:
        return None
    return household(contact)


def held(fact: events.PupilFacts, day: date) -> set[str]:
    on = day.isoformat()
    return {one.code for one in fact.households if (one.from_ or on) <= on <= (one.to or on)}


def told(child: list[SentContact], pairs: list[Pair]) -> events.PupilFacts:
    made = codes(KEY, [home for contact in child for home in homes_of(contact)], pairs)
    return events.PupilFacts(
        pupil_id="x", pupil_version=1, date_of_birth=None, year_group=None, flags=[],
        households=as_events(made.households), not_siblings=list(made.not_siblings),
    )  # fmt: skip


@given(children, said, st.sampled_from(DAYS))
def test_two_facts_say_of_each_day_who_is_a_sibling(both: list[list[SentContact]], said: list[bool], day: date) -> None:
    pairs = [Pair(f"a{n}", f"b{n}", is_sibling) for n, is_sibling in enumerate(said)]
    mine, other = (told(child, pairs) for child in both)
    homes, others = ({lives_there(one, day) for one in child} - {None} for child in both)
    expected = all(said) and (bool(homes & others) or any(said))
    assert (
        bool(held(mine, day) & held(other, day)) and not set(mine.not_siblings) & set(other.not_siblings)
    ) == expected


def test_codes_are_of_the_key_alone_and_say_nothing_without_it() -> None:
    contact = SentContact("c", "Robin", lives_with_pupil=True, address=Address(["1 High Street"], "B1 1AA"))
    pairs = [Pair("a", "b", True), Pair("a", "c", False)]
    made, other = (codes(key, homes_of(contact), pairs) for key in (KEY, b"q" * 32))
    assert made == codes(KEY, homes_of(contact), pairs)
    assert len(made.households) == 2
    assert not {*made.households, *made.not_siblings} & {*other.households, *other.not_siblings}
    assert (household(contact) or "") not in str(made)
    assert codes(None, homes_of(contact), pairs) == NOBODY
    assert len({fingerprint(KEY), fingerprint(b"q" * 32), fingerprint(None)}) == 3


@pytest.mark.parametrize("entry", [b'{"data": {"pupils": [{"pupil_id": "x"}]}}', b'{"data": {"marks": []}}'])
def test_an_event_without_codes_is_handed_out_as_it_is(entry: bytes) -> None:
    assert without_codes(entry) is entry


def test_codes_are_taken_out_of_an_event_that_is_handed_out() -> None:
    fact = told([SentContact("c", "Robin", lives_with_pupil=True, address=Address(["1"]))], [Pair("a", "b", False)])
    event = {"id": "1", "data": {"previous": None, "pupils": [fact]}}
    found = msgspec.json.decode(without_codes(msgspec.json.encode(event)))
    assert found == {
        "id": "1",
        "data": {
            "previous": None,
            "pupils": [{"pupil_id": "x", "pupil_version": 1, "date_of_birth": None, "year_group": None, "flags": []}],
        },
    }
