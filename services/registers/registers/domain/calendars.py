"""School calendars (rule book 2.3, 8.2, 8.5, 12.21): the open sessions of an academic year, for everybody or for some
year groups; what closed days are; terms; and when registers open and close. Every other session is closed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import NamedTuple

from common.academic import Session, year_of
from common.events.registers import OpenDay
from common.preconditions import state_of

Groups = frozenset[int] | None
"""The year groups for which a session is open; None: all of them."""
Opening = Mapping[Session, Groups]
"""The open sessions of one day."""
Days = Mapping[date, Opening]

SCHOOL = "school"


class Named(NamedTuple):
    """What a day is: school, inset, closure, holiday; and why, where that is worth a word."""

    kind: str
    reason: str | None = None


class Term(NamedTuple):
    """A term or half term, both days inclusive."""

    name: str
    first: date
    last: date


class RegisterTime(NamedTuple):
    """When the register of a session opens and closes, and when the session ends, for one year group; `year_group`
    None: for all that have no line of their own.
    """

    session: Session
    year_group: int | None
    opens: time
    closes: time
    ends: time | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """A school's academic year. `named`: the days that are more than open or closed."""

    days: Days = field(default_factory=dict[date, Opening])
    named: Mapping[date, Named] = field(default_factory=dict[date, Named])
    terms: Sequence[Term] = ()
    times: Sequence[RegisterTime] = ()

    @property
    def state(self) -> str:
        """Stands for all that the calendar says."""
        return state_of(as_event(self.days), sorted(self.named.items()), [*self.terms], [*self.times])


class Listed(NamedTuple):
    """A day as it is told: the sessions that are open for the same year groups. A staggered day may take several."""

    on: date
    sessions: Sequence[Session]
    groups: Groups


def changed_sessions(before: Days, after: Days) -> list[tuple[date, Session]]:
    """The sessions that are open in one of the two calendars only, or for others, in order."""
    nothing: Opening = {}
    return sorted(
        {
            (day, session)
            for day in before.keys() | after.keys()
            for session, _ in before.get(day, nothing).items() ^ after.get(day, nothing).items()
        }
    )


def listed(days: Days) -> Iterator[Listed]:
    """The open days, in order, each once unless its sessions are open for different year groups."""
    for day in sorted(days):
        sessions = sorted(days[day].items())
        if len({groups for _, groups in sessions}) <= 1:
            yield Listed(day, [session for session, _ in sessions], sessions[0][1])
            continue
        attending: dict[tuple[Session, ...], set[int]] = {}
        for group in frozenset[int]().union(*(groups or () for _, groups in sessions)):
            theirs = tuple(session for session, groups in sessions if group in (groups or ()))
            attending.setdefault(theirs, set()).add(group)
        for theirs, of in sorted(attending.items(), key=lambda one: sorted(one[1])):
            yield Listed(day, theirs, frozenset(of))


def as_event(days: Days) -> list[OpenDay]:
    """The calendar as it is announced: the open days, in order."""
    return [
        OpenDay(
            one.on.isoformat(),
            [session.name for session in one.sessions],
            None if one.groups is None else sorted(one.groups),
        )
        for one in listed(days)
    ]


def admits(groups: Collection[int] | None, said: Mapping[int, int | None], on: date) -> bool:
    """Whether a session is open for a child of whom `said` is known (see `year_group_in`). One whose year group nobody
    knows is not kept out.
    """
    if groups is None:
        return True
    group = year_group_in(said, year_of(on))
    return group is None or group in groups


def year_group_in(known: Mapping[int, int | None], year: int) -> int | None:
    """The year group of a child in an academic year, by what its school said of some years: the latest said by then,
    or else the first said after it, a group a year further on or back (8.8). None when nothing was said.
    """
    if not known:
        return None
    nearest = max((said for said in known if said <= year), default=min(known))
    group = known[nearest]
    return None if group is None else group + year - nearest
