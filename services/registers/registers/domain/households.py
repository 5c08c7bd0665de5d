"""Households of a child as they are told: codes by which readers find siblings, and nothing else.

A child's own fact carries a code for each address at which it lives with a contact, and one for each pair in which it
was said to be a sibling, or none. A change of one child's contacts so changes no fact of another child. A code is a
keyed hash: without the key nobody can try addresses, or pairs of pupils, until one fits.

In a child's row a household is `code/first day/last day`; a day that is left out is open.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from common.events import registers as events

from registers.domain.contacts import Barred, SentContact, household

SHORTEST_KEY = 32
"""Characters: what a generated key has in any case."""

_RULE = "1"
"""Another one when codes are made otherwise: then everybody is told again."""


class Home(NamedTuple):
    """That a contact lives with a child at an address (`contacts.household`), both days inclusive; None: open."""

    household: str
    first: date | None = None
    last: date | None = None


class Pair(NamedTuple):
    """Two ids of which somebody said that they are siblings, or are not; the lower id comes first."""

    pupil_id: str
    other: str
    is_sibling: bool


class Made(NamedTuple):
    """Of what a child's codes are made."""

    homes: list[Home]
    pairs: list[Pair]


class Codes(NamedTuple):
    """What is told of a child: its households as its row has them, and codes of pairs that are no siblings."""

    households: tuple[str, ...] = ()
    not_siblings: tuple[str, ...] = ()


NOBODY = Codes()


def homes_of(contact: SentContact) -> list[Home]:
    """Where a contact lives with the child. Whom a court order bars is taken not to live there while it holds; whether
    the school writes to somebody does not matter.
    """
    where = household(contact)
    return [] if where is None else at_home(where, contact.from_, contact.to, contact.contact_barred)


def at_home(where: str, first: date | None, last: date | None, bar: Barred | None) -> list[Home]:
    """A contact's days at an address, without those on which an order bars it."""
    if bar is None:
        return [Home(where, first, last)]
    day = timedelta(days=1)
    before = Home(where, first, min(last or date.max, bar.from_ - day))
    after = [] if bar.to is None else [Home(where, max(first or date.min, bar.to + day), last)]
    return [home for home in (before, *after) if (home.first or date.min) <= (home.last or date.max)]


def codes(key: bytes | None, homes: Iterable[Home], pairs: Iterable[Pair]) -> Codes:
    """What is told of a child who lives in these homes, and of whom these pairs are said; nothing without a key."""
    if key is None:
        return NOBODY
    told = {f"{_code(key, f'household/{home.household}')}/{_day(home.first)}/{_day(home.last)}" for home in homes}
    said = [(f"pair/{pair.pupil_id}/{pair.other}", pair.is_sibling) for pair in pairs]
    told |= {f"{_code(key, what)}//" for what, is_sibling in said if is_sibling}
    return Codes(tuple(sorted(told)), tuple(sorted({_code(key, what) for what, is_sibling in said if not is_sibling})))


def fingerprint(key: bytes | None) -> str:
    """By what codes are made: equal for equal keys, and no key."""
    return "none" if key is None else _code(key, f"fingerprint/{_RULE}")


def as_events(households: Iterable[str]) -> list[events.Household]:
    """Households as they are announced."""
    return [events.Household(code, first or None, last or None) for code, first, last in map(_taken_apart, households)]


def without_codes(body: bytes) -> bytes:
    """An encoded event as others than Rollcall's own services may read it."""
    if b'"households"' not in body and b'"not_siblings"' not in body:
        return body
    event = msgspec.json.decode(body)
    for pupil in event["data"].get("pupils", ()):
        pupil.pop("households", None)
        pupil.pop("not_siblings", None)
    return msgspec.json.encode(event)


def _taken_apart(written: str) -> tuple[str, str, str]:
    code, first, last = written.split("/")
    return code, first, last


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _code(key: bytes, what: str) -> str:
    return hmac.new(key, what.encode(), hashlib.sha256).hexdigest()[:32]
