"""A school, as it is known."""

from dataclasses import dataclass, field


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
