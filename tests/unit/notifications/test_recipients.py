"""Who is written to."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications.domain.recipients import channel_for, may_be_written_to, on, recipients, ways, why_not
from notifications.domain.values import Address, Contact, Span

HOME = Address(("1 High Street", "Birmingham"), "B1 1AA")
ROBIN = Contact(
    contact_id="a", school_urn=100001, name="Robin Parent", parental_responsibility=True, do_not_contact=False,
    priority=1, email=None, address=HOME,
)  # fmt: skip


def ids(*contacts: Contact, school: int = 100001) -> list[str]:
    return sorted(contact.contact_id for contact in recipients(contacts, school))


def test_only_people_with_parental_responsibility_are_written_to() -> None:
    assert ids(ROBIN, replace(ROBIN, contact_id="b", name="Gran", parental_responsibility=False)) == ["a"]


def test_nobody_who_is_not_to_be_contacted_is_written_to() -> None:
    assert ids(replace(ROBIN, do_not_contact=True)) == []


def test_a_parent_named_by_two_schools_is_one_recipient_when_name_and_address_agree() -> None:
    written_otherwise = Address(("1, High Street,", "BIRMINGHAM"), "b11aa")
    again = replace(ROBIN, contact_id="b", school_urn=100002, name=" robin  PARENT ", address=written_otherwise)
    assert ids(ROBIN, again) == ["a"]
    assert ids(ROBIN, again, school=100002) == ["b"]


def test_two_parents_of_one_name_at_two_addresses_are_two_recipients() -> None:
    elsewhere = replace(ROBIN, contact_id="b", address=Address(("2 Low Road",), "B2 2BB"))
    assert ids(ROBIN, elsewhere) == ["a", "b"]


def test_one_school_that_says_do_not_contact_speaks_for_all() -> None:
    flagged = replace(ROBIN, contact_id="b", school_urn=100002, do_not_contact=True)
    assert ids(ROBIN, flagged) == []
    assert not may_be_written_to([ROBIN, flagged], ROBIN)


def test_a_record_without_parental_responsibility_is_not_chosen_for_a_person_who_has_it() -> None:
    lacking = replace(ROBIN, contact_id="b", priority=0, parental_responsibility=False)
    assert ids(ROBIN, lacking) == ["a"]


FULL = replace(ROBIN, email="robin@example.org", phone="0121 496 0001")
ELSEWHERE = Address(("2 Low Road",), "B2 2BB")


@pytest.mark.parametrize(
    "barred",
    [
        replace(FULL, phone=None, address=None, email=" Robin@Example.org"),
        replace(FULL, email=None, address=None, phone="+44 121 4960001"),
        replace(FULL, email=None, phone=None, address=Address(("1, High Street",), "b11aa")),
        replace(FULL, name="Mr ROBIN Parent", email=None, phone=None),
    ],
)
def test_a_court_order_bars_who_has_the_name_and_one_thing_more(barred: Contact) -> None:
    barred = replace(barred, contact_id="b", school_urn=100002, barred=Span())
    kim = replace(FULL, contact_id="c", name="Kim Parent", email=None)
    assert ids(FULL, barred, kim) == ["c"]
    assert why_not([FULL, barred], FULL) == why_not([FULL, barred], barred) == "barred"


def test_a_court_order_bars_a_record_by_way_of_another_school_s_of_the_same_person() -> None:
    again = replace(FULL, contact_id="b", school_urn=100002, email=None, phone=None)
    barred = replace(FULL, contact_id="c", address=ELSEWHERE, barred=Span())
    assert ids(FULL, again, barred) == []


@pytest.mark.parametrize(
    "barred",
    [
        replace(ROBIN, address=None),
        replace(FULL, email="other@example.org", phone="0121 496 0002", address=ELSEWHERE),
        replace(FULL, name="Kim Parent", phone=None, address=None),
        replace(FULL, name="R. Parent", email=None, address=None),
    ],
)
def test_who_may_be_the_barred_person_is_not_written_to_before_somebody_looked(barred: Contact) -> None:
    barred = replace(barred, contact_id="b", school_urn=100002, barred=Span())
    known = [FULL, barred]
    assert why_not(known, FULL) == "perhaps-barred"
    assert ways(known, recipients(known, 100001), can_email=True) == [(FULL, "perhaps-barred")]


@pytest.mark.parametrize(
    "barred",
    [
        replace(FULL, name="Kim Parent", email=None),
        replace(FULL, name="Kim Parent", email="none", phone="-", address=None),
        replace(FULL, name="R. Parent", email=None, phone=None, address=None),
    ],
)
def test_who_shares_a_home_or_a_telephone_with_a_barred_person_is_another_one(barred: Contact) -> None:
    barred = replace(barred, contact_id="b", barred=Span())
    unclear = replace(FULL, email="none")
    assert ids(FULL, barred) == ids(unclear, barred) == ["a"]
    assert why_not([FULL, barred], FULL) is None


def test_an_order_holds_from_its_first_day_to_its_last() -> None:
    first, last = date(2025, 9, 10), date(2025, 9, 20)
    barred = replace(ROBIN, barred=Span(first, last))
    for day, chosen in ((date(2025, 9, 9), ["a"]), (first, []), (last, []), (date(2025, 9, 21), ["a"])):
        assert ids(*on([barred], day)) == chosen


def test_who_is_no_contact_on_the_day_is_not_written_to_and_yet_stays_barred() -> None:
    ended = replace(ROBIN, known=Span(None, date(2025, 9, 1)))
    again = replace(ROBIN, contact_id="b", school_urn=100002)
    day = date(2025, 9, 2)
    assert ids(*on([ended], day)) == []
    assert ids(*on([ended, again], day)) == ["b"]
    assert ids(*on([replace(ended, barred=Span()), again], day)) == []


def test_who_has_care_of_the_child_is_a_parent_in_the_law_on_education() -> None:
    carer = replace(ROBIN, parental_responsibility=False, care_of_child=True)
    assert ids(carer) == ["a"]
    assert why_not([carer], carer) is None
    assert why_not([carer], replace(carer, care_of_child=False)) == "not-to-be-written-to"


def test_without_any_address_there_is_no_way_to_a_person() -> None:
    nowhere = replace(ROBIN, address=None, email="robin@example.org")
    assert channel_for(nowhere, can_email=False) is None
    assert channel_for(nowhere, can_email=True) == "email"


def test_a_record_without_an_address_asks_for_nobody_while_another_of_that_name_can_be_reached() -> None:
    nowhere = replace(ROBIN, contact_id="b", school_urn=100002, address=None)
    assert ways([ROBIN, nowhere], [ROBIN, nowhere], can_email=False) == [(ROBIN, "letter")]
    assert ways([nowhere], [nowhere], can_email=False) == [(nowhere, "no-address")]


def test_email_needs_an_address_and_a_server() -> None:
    with_email = replace(ROBIN, email="robin@example.org")
    assert channel_for(with_email, can_email=True) == "email"
    assert channel_for(with_email, can_email=False) == "letter"
    assert channel_for(ROBIN, can_email=True) == "letter"


@pytest.mark.parametrize(
    "email", ["none", "n/a", "a@b.org, c@d.org", "a@b.org\nBcc: c@d.org", "Robin <a@b.org>", "ö@b.org"]
)
def test_what_can_not_be_an_email_address_gets_a_letter(email: str) -> None:
    assert channel_for(replace(ROBIN, email=email), can_email=True) == "letter"


@given(
    st.lists(
        st.builds(
            Contact,
            contact_id=st.uuids().map(str),
            school_urn=st.sampled_from([100001, 100002]),
            name=st.sampled_from(["Robin Parent", "robin parent", "Kim O'Other", "Kim OOther"]),
            parental_responsibility=st.booleans(),
            do_not_contact=st.booleans(),
            priority=st.integers(1, 3),
            barred=st.sampled_from([None, None, Span()]),
            email=st.none(),
            address=st.sampled_from([HOME, None]),
        ),
        max_size=6,
        unique_by=lambda contact: contact.contact_id,
    ),
    st.randoms(),
)
def test_the_order_of_contacts_does_not_matter_and_every_recipient_may_be_written_to(contacts, random) -> None:  # type: ignore[no-untyped-def]
    chosen = recipients(contacts, 100001)
    shuffled = random.sample(contacts, len(contacts))
    assert {one.contact_id for one in recipients(shuffled, 100001)} == {one.contact_id for one in chosen}
    assert all(why_not(contacts, one) in (None, "perhaps-barred") for one in chosen)
