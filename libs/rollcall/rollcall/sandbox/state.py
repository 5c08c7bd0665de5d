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
CLIENT = "sandbox-vendor"
SCOPES = ("registers:write", "registers:read", "absences:write", "pupils:write", "pupils:read", "totals:read")
"""Who the vendor is to the issuer, and what its tokens open."""
FIRST, LAST = date(2025, 9, 1), date(2026, 8, 31)
"""The days on which its clock may stand: those of the academic year whose calendars it has."""


@dataclass(frozen=True, slots=True)
class State:
    """`secret` is the vendor's: there is nothing here that it would have to protect. `today` as YYYY-MM-DD; `pupils`
    has the ids that cannot be looked up, by the name of what they show.
    """

    secret: str
    today: str = START.isoformat()
    seeded: bool = False
    pupils: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def day(self) -> date:
        """Today's date."""
        return date.fromisoformat(self.today)


def load(path: Path) -> State:
    """What was written last."""
    return State(**json.loads(path.read_text()))


def save(path: Path, state: State) -> None:
    """Writes it down."""
    write_whole(path, asdict(state))
