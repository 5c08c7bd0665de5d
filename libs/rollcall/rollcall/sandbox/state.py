"""What a sandbox remembers beside its databases: which day it is, and whether the authority has been made."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from rollcall.folder import write_whole

START = date(2026, 1, 12)
"""The day on which a sandbox begins: a Monday in the spring term, before its first register."""
PRIMARY, HIGH, ELSEWHERE = 900101, 900102, 900103
VENDORS = (PRIMARY, HIGH)
"""The schools that the vendor's token opens; the third belongs to another authority."""
FIRST, LAST = date(2025, 9, 1), date(2026, 8, 31)
"""The days on which its clock may stand: those of the academic year whose calendars it has."""


@dataclass(frozen=True, slots=True)
class State:
    """`today` as YYYY-MM-DD; `pupils` has the ids that cannot be looked up, by the name of what they show."""

    today: str = START.isoformat()
    seeded: bool = False
    pupils: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def day(self) -> date:
        """Today's date."""
        return date.fromisoformat(self.today)


def load(path: Path) -> State:
    """What was written last; the beginning where there is no such file."""
    return State(**json.loads(path.read_text())) if path.exists() else State()


def save(path: Path, state: State) -> None:
    """Writes it down."""
    write_whole(path, asdict(state))
