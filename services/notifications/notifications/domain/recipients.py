"""Who is written to: people with parental responsibility, each once, and nobody who is not to be contacted.

A parent whom two schools name is one person when name and address agree (letter case, spaces and punctuation aside). If
either school says that this person is not to be contacted, nobody writes (invariant 6).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from notifications.domain.values import ChannelName, Contact

Person = tuple[str, str]

EMAIL = re.compile(r"""[^\s@<>()\[\],;:"\\]+@[^\s@<>()\[\],;:"\\]+""")
"""What can be the address of one mailbox; schools also write "none" or two addresses there."""


def person(contact: Contact) -> Person:
    """What tells whether two contacts are one person: name and address, put in one form."""
    if contact.address is None:
        return _plain(contact.name), ""
    postcode = _plain(contact.address.postcode).replace(" ", "")
    return _plain(contact.name), f"{_plain(' '.join(contact.address.lines))} {postcode}".strip()


def recipients(contacts: Iterable[Contact], school_urn: int) -> list[Contact]:
    """One contact for each person to be written to: of the letter's school if it names the person, else of another."""
    people: dict[Person, list[Contact]] = {}
    for contact in contacts:
        people.setdefault(person(contact), []).append(contact)
    chosen = [
        min(
            (contact for contact in named if contact.parental_responsibility),
            key=lambda contact: (contact.school_urn != school_urn, contact.priority, contact.contact_id),
            default=None,
        )
        for named in people.values()
        if not any(contact.do_not_contact for contact in named)
    ]
    return [contact for contact in chosen if contact is not None]


def find(contacts: Sequence[Contact], recipient_id: str) -> Contact | None:
    """The contact that a letter is for, if registers still knows it."""
    return next((contact for contact in contacts if contact.contact_id == recipient_id), None)


def may_be_written_to(contacts: Sequence[Contact], contact: Contact) -> bool:
    """Whether this person may be written to as registers knows it now."""
    same = [other for other in contacts if person(other) == person(contact)]
    return contact.parental_responsibility and not any(other.do_not_contact for other in same)


def channel_for(contact: Contact, *, can_email: bool) -> ChannelName:
    """E-mail if the person has an address that can be one and we can send it; else a letter."""
    return "email" if can_email and contact.email and _is_mailbox(contact.email) else "letter"


def _is_mailbox(email: str) -> bool:
    return email.isascii() and EMAIL.fullmatch(email) is not None


def _plain(text: str) -> str:
    """Lower case, no accents, only letters and digits, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c) and c not in "'’.")
    return " ".join(kept.split())
