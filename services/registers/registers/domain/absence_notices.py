"""Parents' notices that a child is or will be absent (rule book 2.5; what a school's policy asks of parents): who gave
one, how and when, which sessions it covers, and how what stands goes with it.

A notice never changes a mark: a school decides which code its reason deserves. One without a last day covers its first
day alone, for nobody has said more; each further day wants a notice of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from common.academic import Session
from common.codes import Code
from common.errors import Fault

from registers.domain.expected import Place
from registers.domain.reasons import NOT_ESTABLISHED

UNKNOWN_REASON = "O"
"""Absent in other or unknown circumstances: without an explanation beside it, nobody has judged yet."""

LONGEST_DAYS = 100
"""How many days a notice may cover: an absence that is to last longer is not an unexpected one."""

State = Literal["given", "withdrawn"]
Channel = Literal["app", "telephone", "email", "text", "in-person", "other"]
Match = Literal["awaited", "agrees", "to-settle", "unexplained", "present"]
"""How a covered session goes with the notice: no mark stands yet; absent and explained; N, or O that nobody has
explained, though a notice is there; or the child was seen though an absence was announced.
"""


class Giver(NamedTuple):
    """Who gave a notice, as called then; `contact_id` where it was one of the child's contacts."""

    contact_id: str | None
    name: str
    relation: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a notice says. `last` None: nobody knows yet until when. `reason` is sensitive: it goes into no log and no
    event.
    """

    giver: Giver
    channel: str
    given_at: datetime
    first: Place
    last: Place | None
    reason: str | None = None
    suggested_code: str | None = None

    @property
    def end(self) -> Place:
        """The last session that the notice covers."""
        return self.last or Place(self.first.on, Session.PM)

    def covers(self, place: Place) -> bool:
        """Whether a session is one of those that the notice is about."""
        return self.first <= place <= self.end


@dataclass(frozen=True, slots=True)
class Version:
    """A notice as it was at a time: who noted it so, when, and why it was changed."""

    version: int
    state: State
    content: Content
    noted_at: datetime
    noted_by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is now. `pupil_id`: the living child whom it means now, `urn` the school that it was given to.
    `barred`: a court order barred the contact who gave it, on the day when it was given.
    """

    notice_id: str
    urn: int
    pupil_id: str
    now: Version
    local_id: str | None = None
    barred: bool = False

    @property
    def holds(self) -> bool:
        """Whether it counts: it was not withdrawn."""
        return self.now.state == "given"


class Sender(NamedTuple):
    """Who sends a notice: the token's subject, its idempotency key, and what it sent, as a digest."""

    subject: str
    key: str | None
    fingerprint: str


class Standing(NamedTuple):
    """A session that a child should have been at, and the mark that stands, if one does. `explained`: the entry says
    why.
    """

    urn: int
    place: Place
    code: str | None
    explained: bool = False


def match(standing: Standing, codes: Mapping[str, Code]) -> Match:
    """How what stands goes with a notice that covers the session."""
    if standing.code is None:
        return "awaited"
    if standing.code == NOT_ESTABLISHED:
        return "to-settle"
    code = codes[standing.code]
    if code.on_site or code.attended:
        return "present"
    return "unexplained" if standing.code == UNKNOWN_REASON and not standing.explained else "agrees"


def unsettled(codes: Mapping[str, Code]) -> set[str]:
    """The codes that do not go with a notice, unless the entry explains them (`match`)."""
    return {code for code in codes if match(Standing(0, Place(date.min, Session.AM), code), codes) != "agrees"}


def fault_of_span(first: Place, last: Place | None) -> Fault | None:
    """What is wrong with the sessions that a notice is to cover."""
    if last is None:
        return None
    if last < first:
        return Fault("/to", "ends-before-it-starts", "The notice ends before it begins.")
    if (last.on - first.on).days >= LONGEST_DAYS:
        return Fault("/to", "too-long", f"A notice covers {LONGEST_DAYS} days at most.")
    return None


def fault_of_code(code: str | None, on: date, codes: Mapping[str, Code]) -> Fault | None:
    """What is wrong with a suggested code: it must be in force on the first day, and explain an absence."""
    if code is None:
        return None
    known = codes.get(code)
    if known is None:
        return Fault("/suggested_code", "unknown-code", "Not an attendance code of the national table.")
    if not known.in_force(on):
        return Fault("/suggested_code", "retired-code", "Not in force on the first day of the notice.")
    if known.on_site or known.attended or code == NOT_ESTABLISHED:
        return Fault("/suggested_code", "not-an-absence", "Not a code that explains an absence.")
    return None
