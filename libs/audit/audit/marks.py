"""What was sent for one session of one child at one school, and which of it stands.

Everything that was sent is kept. It is ranked by the number that the sender gave (`source_version`), equal ones by the
order in which they were committed; what carries no number takes the highest number so far. The standing mark is the
highest-ranked one that today's roll, calendar and code table allow. What they do not allow, and what ranks above the
standing mark, waits in quarantine. A deletion is a mark whose code is None: it is always allowed, and then none stands.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from audit.child import Enrolment, Session, year_of
from audit.codes import Code


class Sent(NamedTuple):
    """One entry, as it came. `order` rises in commit order: the submission and the place in it; `version` is the
    sender's.
    """

    order: tuple[int, int]
    pupil_id: str
    version: int | None
    code: str | None


@dataclass(frozen=True)
class Roll:
    """What the answer depends on beside what was sent: one school as it is known today.

    `first`, `last`: its first and last day. `groups`: the sessions that are open for these year groups only;
    `year_groups`: by child, what the school said of some academic years.
    """

    calendar: set[Session]
    enrolments: dict[str, list[Enrolment]]  # by the child's own id, at this school
    codes: dict[str, Code]
    today: date
    first: date = date.min
    last: date = date.max
    groups: dict[Session, frozenset[int]] = field(default_factory=dict)
    year_groups: dict[str, dict[int, int | None]] = field(default_factory=dict)

    def is_open(self, child_id: str, session: Session) -> bool:
        """Whether the school has the session for a child; one whose year group nobody knows is not kept out."""
        if session not in self.calendar or not self.first <= session[0] <= self.last:
            return False
        groups = self.groups.get(session)
        group = year_group(self.year_groups.get(child_id, {}), year_of(session[0]))
        return groups is None or group is None or group in groups


def year_group(said: dict[int, int | None], year: int) -> int | None:
    """A child's year group in an academic year: what was last said of it by then, else what was first said later,
    counted on or back by a group a year (rule book 8.8).
    """
    if not said:
        return None
    by_then = [known for known in said if known <= year]
    known = max(by_then) if by_then else min(said)
    group = said[known]
    return None if group is None else group + (year - known)


@dataclass(frozen=True)
class Slot:
    """The answer for one (school, child, session).

    `ranks`: the effective rank of each entry, by its `order`. `standing`: the entry that stands, or the deletion
    because of which nothing does, or None. `waiting`: by `order`, why an entry is in quarantine.
    """

    ranks: dict[tuple[int, int], int]
    standing: Sent | None
    waiting: dict[tuple[int, int], str]

    @property
    def code(self) -> str | None:
        return self.standing.code if self.standing else None


def effective_ranks(entries: list[Sent]) -> dict[tuple[int, int], int]:
    """Each entry's rank, by its `order`: its own version, or else the highest rank so far, 0 at first."""
    ranks: dict[tuple[int, int], int] = {}
    highest = 0
    for entry in sorted(entries, key=lambda entry: entry.order):
        rank = highest if entry.version is None else entry.version
        ranks[entry.order] = rank
        highest = max(highest, rank)
    return ranks


def problem(code: str | None, child_id: str, session: Session, roll: Roll) -> str | None:
    """Why a code may not stand for a child's session today, the first reason that applies; None if it may."""
    if code is None:
        return None
    if code.strip() in ("", "-"):
        return "no-mark"
    known = roll.codes.get(code)
    if known is None:
        return "unknown-code"
    day = session[0]
    if day < known.valid_from or (known.valid_to is not None and day > known.valid_to):
        return "retired-code"
    if day > roll.today:
        return "future-date"
    if not roll.is_open(child_id, session):
        return "closed-session"
    if not any(enrolment.covers(day) for enrolment in roll.enrolments.get(child_id, [])):
        return "not-enrolled"
    return None


def slot(entries: list[Sent], child_id: str, session: Session, roll: Roll) -> Slot:
    """What stands and what waits, of all that was sent for one session under any id of one child."""
    ranks = effective_ranks(entries)
    downwards = sorted(entries, key=lambda entry: (ranks[entry.order], entry.order), reverse=True)
    waiting: dict[tuple[int, int], str] = {}
    for entry in downwards:
        reason = problem(entry.code, child_id, session, roll)
        if reason is None:
            return Slot(ranks, entry, waiting)
        waiting[entry.order] = reason
    return Slot(ranks, None, waiting)
