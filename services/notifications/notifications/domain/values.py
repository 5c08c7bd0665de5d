"""What notifications knows of episodes, what it keeps of letters, and what registers tells it about people."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from common.events import Revision
from common.events.absence_engine import Explanation

Status = Literal["queued", "sending", "sent", "delivered", "returned", "recalled", "failed"]
ChannelName = Literal["letter", "email", "text"]

Withholding = Literal["barred", "gone", "no-address", "nobody", "not-to-be-written-to", "perhaps-barred"]
"""Why a letter is not sent to its recipient: a court order, the school no longer names the person, there is no way to
reach the person, there is nobody to be written to, the school says that nobody writes there, or a court order may be
about the person.
"""

Way = ChannelName | Withholding
"""How a letter goes to somebody, or why it does not."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The recipient of a letter while there is nobody to be written to: the nil UUID."""

UNSENT: tuple[Status, ...] = ("queued", "recalled")
"""The states of a letter that has not reached `sending`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode as the absence engine last told it: of `told_as`, which means the living child `pupil_id`."""

    episode_id: str
    pupil_id: str
    kind: str
    academic_year: str | None
    state: Literal["open", "ended", "reversed"]
    provisional: bool
    firm_on: str | None
    school_urn: int
    revision: Revision
    told_as: str | None = None

    @property
    def is_firm(self) -> bool:
        """It stands, whether open or ended, and is not provisional."""
        return self.state != "reversed" and not self.provisional


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEpisode(Episode):
    """An episode with its evidence: what a letter about it is written from."""

    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter to one recipient about one episode. It holds no name: those are asked for when it is written out.

    `withheld`: recalled because the recipient can't or may not be written to, not because its reason went;
    `withheld_why` says which (unknown for letters withheld before it was kept). The recipient is `NOBODY` until
    somebody may be written to. `due_at`: when the sender looks at it (again), never before `hold_until`. `made_at`
    never changes.
    """

    letter_id: str
    kind: str
    pupil_id: str
    school_urn: int
    episode_id: str
    recipient_id: str
    channel: ChannelName
    status: Status
    overtaken: bool
    withheld: bool
    template_version: str
    made_at: datetime
    queued_at: datetime
    hold_until: datetime
    due_at: datetime
    sent_at: datetime | None
    revision: Revision
    withheld_why: Withholding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Whether the recipients of an episode's letter have been found; once they are, they stay.

    While `due`, a worker asks registers for them at `due_at`; `attempts` counts the askings. It stays so while there is
    nobody to be written to and the episode is open.
    """

    episode_id: str
    letter_kind: str
    state: Literal["due", "settled"]
    due_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address."""

    lines: tuple[str, ...]
    postcode: str


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both inclusive; None where it is open."""

    start: date | None = None
    end: date | None = None

    def holds(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


EVER = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person whom a school named as a contact of the child.

    `known`: when the person is one. `barred`: when a court order keeps the person from contact; None without an order.
    """

    contact_id: str
    school_urn: int
    name: str
    parental_responsibility: bool
    do_not_contact: bool
    priority: int
    email: str | None
    address: Address | None
    phone: str | None = None
    care_of_child: bool = False
    known: Span = EVER
    barred: Span | None = None

    @property
    def is_parent(self) -> bool:
        """A parent in the law on education: with parental responsibility, or with care of the child (rule book 4.9)."""
        return self.parental_responsibility or self.care_of_child


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What registers says of a child when a letter is written out: never kept."""

    pupil_id: str
    given_name: str
    family_name: str
    schools: dict[int, str]
    contacts: tuple[Contact, ...]


def revised(old: Letter, new: Letter) -> Letter:
    """`new` with the next revision when it differs from `old`; else `old` itself."""
    if new == old:
        return old
    return replace(new, revision=Revision(old.revision.epoch, old.revision.count + 1))
