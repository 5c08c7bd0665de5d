"""What a person sees: letters, and what they say."""

from common.db import Transaction
from common.errors import NotFoundError, UnavailableError

from notifications.actions.office import Office
from notifications.domain import recipients
from notifications.domain.page import Rendered, page
from notifications.domain.values import UNSENT, Letter
from notifications.store import heard, look
from notifications.store.look import LetterFilter

__all__ = ["LetterFilter", "content", "letter", "letters"]


async def letters(tx: Transaction, which: LetterFilter, limit: int) -> list[Letter]:
    """Letters in the order in which they were made, at most `limit`."""
    return await look.letters(tx, which, limit)


async def letter(tx: Transaction, letter_id: str, schools: frozenset[int] | None) -> Letter:
    """One letter; NotFoundError when there is none that the caller may see."""
    found = await look.letter(tx, letter_id, schools)
    if found is None:
        raise NotFoundError("There is no such letter.")
    return found


async def content(office: Office, letter_id: str, schools: frozenset[int] | None) -> Rendered:
    """What a letter says: what left, if it has; else what it would say now, written from what registers knows.

    NotFoundError when there is none that the caller may see, or nobody who may be written to; UnavailableError while
    registers, or the copy of what left, can't be reached.
    """
    async with office.database.connection() as tx:
        found = await letter(tx, letter_id, schools)
        episode = await heard.explained(tx, found.episode_id)
    if found.status not in UNSENT:
        copy = await office.copies.content(letter_id)
        if copy is not None:
            return copy
        if found.status != "sending":
            raise UnavailableError("The copy of what was handed over can't be read here at the moment.")
    child = await office.people.child(found.pupil_id)
    known = recipients.on(child.contacts, office.clock.today())
    contact = recipients.find(known, found.recipient_id)
    if contact is None or episode is None:
        raise NotFoundError("The recipient of this letter is no longer known.")
    if recipients.why_not(known, contact) in ("barred", "perhaps-barred"):
        raise NotFoundError("A court order keeps the recipient of this letter from contact, or may do so.")
    return office.render(found.kind, found.template_version, page(episode, child, contact, office.clock.today()))
