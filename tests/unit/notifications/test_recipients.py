"""Who is written to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications.domain.recipients import channel_for, may_be_written_to, recipients
from notifications.domain.values import Address, Contact

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
    assert all(may_be_written_to(contacts, one) for one in chosen)
