"""Who is written to: parents in the law on education, each once, and nobody who is not to be contacted.

These are people with parental responsibility or with care of the child (rule book 4.9). A parent whom two schools name
is one person when name and address agree (letter case, spaces and punctuation aside). If either school says that this
person is not to be contacted, nobody writes (invariant 6). A court order that bars contact goes further (`orders`):
who may be the barred person is not written to either before somebody has looked.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from notifications.domain.orders import under_order
from notifications.domain.plain import address_of, plain
from notifications.domain.values import ChannelName, Contact, Way, Withholding

Person = tuple[str, str]

EMAIL = re.compile(r"""[^\s@<>()\[\],;:"\\]+@[^\s@<>()\[\],;:"\\]+""")
"""What can be the address of one mailbox; schools also write "none" or two addresses there."""


def person(contact: Contact) -> Person:
    """What tells whether two contacts are one person: name and address, put in one form."""
    return plain(contact.name), address_of(contact)


def on(contacts: Iterable[Contact], day: date) -> list[Contact]:
    """The contacts as they are on a day: an order that does not hold then is none, and who is no contact then is gone,
    save somebody barred: an order is not lifted by a contact that ends.
    """
    found = [
        replace(contact, barred=contact.barred if contact.barred is not None and contact.barred.holds(day) else None)
        for contact in contacts
    ]
    return [contact for contact in found if contact.known.holds(day) or contact.barred is not None]


def recipients(contacts: Iterable[Contact], school_urn: int) -> list[Contact]:
    """One contact for each person to be written to: of the letter's school if it names the person, else of another.

    Who may be barred is among them: see `ways`.
    """
    known = list(contacts)
    people: dict[Person, list[Contact]] = {}
    for contact in known:
        people.setdefault(person(contact), []).append(contact)
    chosen = [
        min(
            (contact for contact in named if contact.is_parent),
            key=lambda contact: (contact.school_urn != school_urn, contact.priority, contact.contact_id),
            default=None,
        )
        for named in people.values()
        if under_order(known, named) != "barred" and not any(contact.do_not_contact for contact in named)
    ]
    return [contact for contact in chosen if contact is not None]


def find(contacts: Sequence[Contact], recipient_id: str) -> Contact | None:
    """The contact that a letter is for, if registers still knows it."""
    return next((contact for contact in contacts if contact.contact_id == recipient_id), None)


def may_be_written_to(contacts: Sequence[Contact], contact: Contact) -> bool:
    """Whether this person may be written to as registers knows it now."""
    return why_not(contacts, contact) is None


def why_not(contacts: Sequence[Contact], contact: Contact | None) -> Withholding | None:
    """Why a person may not be written to as registers knows it now, None being somebody whom it does not know (any
    more); None when the person may be.
    """
    if contact is None:
        return "gone"
    same = [other for other in contacts if person(other) == person(contact)]
    if order := under_order(contacts, same):
        return order
    if not contact.is_parent or any(other.do_not_contact for other in same):
        return "not-to-be-written-to"
    return None


def channel_for(contact: Contact, *, can_email: bool) -> ChannelName | None:
    """E-mail if the person has an address that can be one and we can send it; else a letter; None without either
    address.
    """
    if can_email and contact.email and _is_mailbox(contact.email):
        return "email"
    return "letter" if contact.address is not None else None


def ways(contacts: Sequence[Contact], chosen: Sequence[Contact], *, can_email: bool) -> list[tuple[Contact, Way]]:
    """Each recipient among the child's contacts with its channel, or with why it has none.

    One who can't be reached is left out where another record of the same name can be: it is the record that lacks an
    address, not the person.
    """
    found: list[tuple[Contact, Way]] = [
        (contact, why_not(contacts, contact) or channel_for(contact, can_email=can_email) or "no-address")
        for contact in chosen
    ]
    reached = {plain(contact.name) for contact, way in found if way != "no-address"}
    return [(contact, way) for contact, way in found if way != "no-address" or plain(contact.name) not in reached]


def _is_mailbox(email: str) -> bool:
    return email.isascii() and EMAIL.fullmatch(email) is not None
