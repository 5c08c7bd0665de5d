"""A school, as it is known: from when to when it is open, which authority it belongs to, who was there before and after
it (rule book 9).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from common.events import registers as events
from common.preconditions import state_of

from registers.domain.leaving import CLOSED, CONVERTED


class Belongs(NamedTuple):
    """The authority of a school from a day on; `start` is `date.min` for its first."""

    start: date
    la_code: str


@dataclass(frozen=True, slots=True)
class School:
    """What a school is called and where it belongs (rule book 9); `sequence`: the number of its last ledger entry.
    `recalculating`: marks that a large change concerns are still being judged. `opened_on`, `closed_on`: first and last
    day; `converted`: its pupils have gone on at its successor; `la_history`: the authorities in order, empty for a
    school that never moved. `trust`, `locality`: who runs it and where it lies, as the authority calls them.
    """

    urn: int
    name: str
    la_code: str
    laestab: str
    phase: str
    sequence: int = 0
    recalculating: bool = field(default=False, compare=False)
    opened_on: date | None = None
    closed_on: date | None = None
    predecessor_urn: int | None = None
    successor_urn: int | None = None
    converted: bool = False
    la_history: tuple[Belongs, ...] = ()
    trust: str | None = None
    locality: str | None = None

    @property
    def state(self) -> str:
        """Stands for what is known of the school, whatever number its ledger has come to."""
        return state_of(replace(self, sequence=0, recalculating=False))

    @property
    def closure(self) -> "Closure | None":
        """When the school closes, if it is known to."""
        return None if self.closed_on is None else Closure(self.closed_on, self.successor_urn)

    def is_open_on(self, day: date) -> bool:
        """Whether the school exists on a day; its calendar says the rest."""
        return (self.opened_on or day) <= day <= (self.closed_on or day)


class Closure(NamedTuple):
    """The last day of a school that closes, and the school that takes over its pupils, if one does."""

    on: date
    successor: int | None

    @property
    def reason(self) -> str:
        """Why stays at the school end (`leaving`)."""
        return CLOSED if self.successor is None else CONVERTED

    def sentence(self) -> str:
        """What is told of it to whoever sends to the school that closed."""
        told = f"The school closed on {self.on.isoformat()}"
        return f"{told}." if self.successor is None else f"{told}; its successor is {self.successor}."


def belonging(known: School | None, la_code: str, since: date | None) -> tuple[Belongs, ...]:
    """The authorities of a school that is now said to belong to one: `since` a day, or, without one, wherever it was
    said to belong last, which was wrong then.
    """
    if known is None:
        return ()
    before: Sequence[Belongs] = known.la_history or (Belongs(date.min, known.la_code),)
    if since is None:
        told = [*before[:-1], before[-1]._replace(la_code=la_code)]
    else:
        told = [*(one for one in before if one.start < since), Belongs(since, la_code)]
    history = [one for at, one in enumerate(told) if at == 0 or one.la_code != told[at - 1].la_code]
    return tuple(history) if len(history) > 1 else ()


def as_event(school: School) -> dict[str, Any]:
    """The school as it is announced."""
    return {
        "urn": school.urn,
        "name": school.name,
        "la_code": school.la_code,
        "laestab": school.laestab,
        "phase": school.phase,
        "opened_on": school.opened_on.isoformat() if school.opened_on else None,
        "closed_on": school.closed_on.isoformat() if school.closed_on else None,
        "predecessor_urn": school.predecessor_urn,
        "successor_urn": school.successor_urn,
        "la_history": [
            events.SchoolLa(one.la_code, None if one.start == date.min else one.start.isoformat())
            for one in school.la_history
        ],
        "trust": school.trust,
        "locality": school.locality,
    }


def last_day_before(on: date) -> date:
    """The last day of a school whose successor begins on a day."""
    return on - timedelta(days=1)
