"""Whom a court order keeps from contact: which of a child's contacts is the person that a school calls barred.

Schools write one person in several ways, and the order is often told by one school alone. A name that agrees, and an
e-mail address, telephone or postal address that does, make one person. A name by itself does not, nor a mailbox by
itself, nor another form of the name ("R. Parent") with one of these: then nobody is written to before a person has
looked.
"""

import re
from collections.abc import Iterable
from typing import Literal

from notifications.domain.plain import address_of, plain
from notifications.domain.values import Contact

TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "sir"})
PHONE_DIGITS = 10
"""What two telephone numbers are compared by: their last digits, with or without the country's code."""


def under_order(contacts: Iterable[Contact], same: Iterable[Contact]) -> Literal["barred", "perhaps-barred"] | None:
    """Whether a person is barred, `same` being the person's records among the child's `contacts`; None when not."""
    barred = [contact for contact in contacts if contact.barred is not None]
    pairs = [(one, other) for one in same for other in barred]
    if any(_is_same(one, other) for one, other in pairs):
        return "barred"
    return "perhaps-barred" if any(_may_be_same(one, other) for one, other in pairs) else None


def _is_same(one: Contact, other: Contact) -> bool:
    return one.contact_id == other.contact_id or (_name(one) == _name(other) and _agree(one, other))


def _may_be_same(one: Contact, other: Contact) -> bool:
    mailbox = _email(one)
    return (
        _name(one) == _name(other)
        or (mailbox is not None and mailbox == _email(other))
        or (_short(one) == _short(other) and _agree(one, other))
    )


def _agree(one: Contact, other: Contact) -> bool:
    """Whether something besides the name is told of both and is the same."""
    return any((told := of(one)) and told == of(other) for of in (_email, _phone, _postcode, address_of))


def _name(contact: Contact) -> list[str]:
    words = plain(contact.name).split()
    return [word for word in words if word not in TITLES] or words


def _short(contact: Contact) -> tuple[str, str]:
    """The first letter of the first name and the last name."""
    words = _name(contact) or [""]
    return words[0][:1], words[-1]


def _email(contact: Contact) -> str | None:
    return contact.email.strip().casefold() if contact.email and "@" in contact.email else None


def _phone(contact: Contact) -> str | None:
    digits = re.sub(r"\D", "", contact.phone or "")[-PHONE_DIGITS:]
    return digits if len(digits) == PHONE_DIGITS else None


def _postcode(contact: Contact) -> str | None:
    return plain(contact.address.postcode).replace(" ", "") or None if contact.address else None
