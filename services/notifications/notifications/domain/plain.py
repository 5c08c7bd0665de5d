"""What schools write by hand, in one form: by it two spellings of one name or address agree."""

import unicodedata

from notifications.domain.values import Contact


def plain(text: str) -> str:
    """Lower case, no accents, only letters and digits, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c) and c not in "'’.")
    return " ".join(kept.split())


def address_of(contact: Contact) -> str:
    """A contact's address; empty without one."""
    if contact.address is None:
        return ""
    postcode = plain(contact.address.postcode).replace(" ", "")
    return f"{plain(' '.join(contact.address.lines))} {postcode}".strip()
