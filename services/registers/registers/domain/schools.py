"""A school, as it is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class School:
    """What a school is called and where it belongs (rule book 9); `sequence`: the number of its last ledger entry."""

    urn: int
    name: str
    la_code: str
    laestab: str
    phase: str
    sequence: int = 0
