"""What a write asks of the present state of what it changes (RFC 9110, 13.1): that it is as the caller read it."""

import hashlib
from dataclasses import dataclass

from common.errors import StaleError

ANY = "*"
"""In a precondition: whatever there is."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """`match`: states of which one must be the present one. `none_match`: states of which none may be it. None: nothing
    is asked.
    """

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    def check(self, state: str | None) -> None:
        """StaleError unless it holds of the present state: None while there is nothing. Called inside the write."""
        if self.match is not None and not _is_among(state, self.match):
            raise StaleError("It is not as `If-Match` says: read it again.")
        if self.none_match is not None and _is_among(state, self.none_match):
            raise StaleError("There is already what `If-None-Match` says must not be there.")


NOTHING_ASKED = Precondition()


def state_of(*facts: object) -> str:
    """A short text for facts, by their `repr`: another one as soon as one of them changes."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _is_among(state: str | None, states: frozenset[str]) -> bool:
    return state is not None and (state in states or ANY in states)
