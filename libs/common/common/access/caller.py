"""The bearer of a token."""

from dataclasses import dataclass
from datetime import date

from common.access.reach import EVERYTHING, Reach
from common.errors import RedactionError


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, what for, and how far that goes. `client_id`: the client that the token was given to, which is the
    subject where the token names no other. `on`: the day that the agreement with it was judged by, and the cohorts of
    children are. `redactions`: fields that are left out of what is answered. `bearer_reach`: the token's own, where an
    agreement has cut it down.
    """

    subject: str
    scopes: frozenset[str]
    reach: Reach = EVERYTHING
    client_id: str = ""
    purpose: str | None = None
    redactions: frozenset[str] = frozenset()
    on: date = date.min
    bearer_reach: Reach | None = None

    @property
    def token_reach(self) -> Reach:
        """How far the token itself goes: it stays as it is when schools join an agreement, or leave it."""
        return self.bearer_reach or self.reach

    def check_shown(self, *fields: str) -> None:
        """RedactionError when one of these is left out: for answers that tell it by who is in them."""
        if left_out := self.redactions.intersection(fields):
            raise RedactionError(f"Left out for this client: {', '.join(sorted(left_out))}.")
