"""Whom a school may tell about a pupil: contacts as a roll sends them, and what a row changes among those that are
kept.

`parental_responsibility` and `care_of_child` make a parent in the law on education (rule book 4.9). `contact_barred` is
a court order: nobody writes to that person while it holds. A household is an address at which a contact lives with the
pupil; it is found by what its letters and digits are, so that two schools may write it differently.

Values of which a roll has thousands can't be part of a cycle and are none of the garbage collector's business
(`gc=False`): looking through them again and again would cost as much as reading them.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from registers.domain.problems import Problem

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Days outside are slips of the pen, such as 0214-03-09."""

PARENTS = frozenset({"mother", "father", "parent", "step-mother", "step-father", "stepmother", "stepfather"})
"""Relationships that make a parent by themselves, in lower case."""

_Key = Annotated[str, Meta(min_length=1, max_length=64)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Text = Annotated[str, Meta(max_length=320)]

_NEITHER_LETTER_NOR_DIGIT = re.compile("[^A-Za-z0-9]+")


class Address(msgspec.Struct, frozen=True, gc=False):
    """A postal address."""

    lines: Annotated[list[_Text], Meta(max_length=10)]
    postcode: Annotated[str, Meta(max_length=16)] | None = None


class Barred(msgspec.Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """A court order that bars contact, both dates inclusive; `to` is null while nobody knows its end."""

    from_: date
    to: date | None = None
    order: Annotated[_Text, Meta(description="The court's reference.")] | None = None


class SentContact(msgspec.Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """Somebody to be told about the pupil; `local_id` is the school's name for this contact of this pupil."""

    local_id: _Key
    name: _Name
    relationship: _Text | None = None
    parental_responsibility: bool = False
    lives_with_pupil: bool = False
    priority: Annotated[int, Meta(ge=0, le=1000)] | None = None
    email: _Text | None = None
    phone: _Text | None = None
    address: Address | None = None
    language: Annotated[str, Meta(max_length=35)] | None = "en"
    do_not_contact: bool = False
    care_of_child: Annotated[bool, Meta(description="Has care of the child without being a parent.")] = False
    no_fixed_abode: Annotated[bool, Meta(description="An address is then only where post reaches the person.")] = False
    contact_barred: Barred | None = None
    from_: Annotated[date, Meta(description="The first day as a contact.")] | None = None
    to: Annotated[date, Meta(description="The last day as a contact.")] | None = None


class Contact(NamedTuple):
    """One contact of a pupil at a school, as it is kept."""

    contact_id: str
    pupil_id: str
    sent: SentContact


class ContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """The id that letters use for a contact."""

    local_id: str
    contact_id: str


class ContactChanges(NamedTuple):
    """What a row changes among a school's contacts of a child: those to keep, the ids of those to drop."""

    kept: list[Contact]
    gone: list[str]


NONE = ContactChanges([], [])


def problem_of(contacts: Sequence[SentContact], pointer: str) -> Problem | None:
    """What is wrong with the contacts of a row; `pointer` is the row's."""
    seen: set[str] = set()
    for at, contact in enumerate(contacts):
        here = f"{pointer}/contacts/{at}"
        if contact.local_id in seen:
            return Problem("duplicate-contact", "Two contacts with this local id.", f"{here}/local_id")
        seen.add(contact.local_id)
        bar = contact.contact_barred
        if bar is not None and (problem := problem_of_days(bar.from_, bar.to, f"{here}/contact_barred")):
            return problem
        if (contact.from_ or contact.to) and (problem := problem_of_days(contact.from_, contact.to, here)):
            return problem
    return None


def problem_of_days(first: date | None, last: date | None, pointer: str) -> Problem | None:
    """What is wrong with a span of days, both inclusive."""
    if first is not None and last is not None and last < first:
        return Problem("ends-before-it-starts", "`to` lies before `from`.", f"{pointer}/to")
    for name, day in (("from", first), ("to", last)):
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            return Problem("bad-date", f"Not between {FIRST_YEAR} and {LAST_YEAR}.", f"{pointer}/{name}")
    return None


def decide(
    sent: Sequence[SentContact] | None,
    child: str,
    kept: Mapping[str, Contact],
    contact_id: Callable[[str, str], str],
) -> tuple[list[ContactAnswer], ContactChanges]:
    """All contacts of a child with their ids, and what changes; a row without contacts changes none."""
    if sent is None:
        return [ContactAnswer(key, contact.contact_id) for key, contact in sorted(kept.items())], NONE
    answer: list[ContactAnswer] = []
    changed: list[Contact] = []
    for contact in sent:
        before = kept.get(contact.local_id)
        named = before.contact_id if before else contact_id(child, contact.local_id)
        answer.append(ContactAnswer(contact.local_id, named))
        if before is None or before.sent != contact:
            changed.append(Contact(named, child, contact))
    gone = kept.keys() - {contact.local_id for contact in sent} if kept else ()
    return answer, ContactChanges(changed, [kept[key].contact_id for key in sorted(gone)])


def household(contact: SentContact) -> str | None:
    """The household that a contact makes with the pupil, 32 hexadecimal digits; None for one who lives elsewhere, whose
    address is not known, or who has no fixed abode.
    """
    where = contact.address
    if where is None or not contact.lives_with_pupil or contact.no_fixed_abode:
        return None
    return household_at(where)


def household_at(where: Address) -> str | None:
    """The household of an address, 32 hexadecimal digits; None where it has neither letters nor digits."""
    plain = _NEITHER_LETTER_NOR_DIGIT.sub("", f"{where.postcode or ''}{''.join(where.lines)}").lower()
    return hashlib.md5(plain.encode(), usedforsecurity=False).hexdigest() if plain else None


def why_parent(relationship: str | None, parental_responsibility: bool, care_of_child: bool) -> list[str]:
    """What makes somebody a parent in the law on education (rule book 4.9); empty for everybody else."""
    reasons = {
        "parent": (relationship or "").strip().lower() in PARENTS,
        "parental_responsibility": parental_responsibility,
        "care_of_child": care_of_child,
    }
    return [reason for reason, holds in reasons.items() if holds]
