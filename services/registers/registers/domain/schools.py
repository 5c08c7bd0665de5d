"""A school, as it is known."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from registers.domain.leaving import CLOSED, CONVERTED


@dataclass(frozen=True, slots=True)
class School:
    """What a school is called and where it belongs (rule book 9); `sequence`: the number of its last ledger entry.
    `recalculating`: marks that a large change concerns are still being judged.
    """

    urn: int
    name: str
    la_code: str
    laestab: str
    phase: str
    sequence: int = 0
    recalculating: bool = field(default=False, compare=False)


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
