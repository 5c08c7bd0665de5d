"""The bearer of a token."""

from dataclasses import dataclass
from datetime import date

from common.access.reach import EVERYTHING, Reach


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, what for, and how far that goes. `client_id`: the client that the token was given to, which is the
    subject where the token names no other. `on`: the day that the agreement with it was judged by, and the cohorts of
    children are. `redactions`: fields that are left out of what is answered.
    """

    subject: str
    scopes: frozenset[str]
    reach: Reach = EVERYTHING
    client_id: str = ""
    purpose: str | None = None
    redactions: frozenset[str] = frozenset()
    on: date = date.min
