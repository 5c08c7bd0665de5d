"""Why an episode was taken back, in plain English: which marks were changed by which entry, and when."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from common.codes import code_table

from absence_engine.domain.history import MarkChange, moment_of
from absence_engine.domain.ticks import day_of

LONDON = ZoneInfo("Europe/London")
NAMED = 5
"""How many changes a sentence names."""
CODES = [None, *code_table()]
"""The code of each number; None for no mark."""

NO_MARK_DID = (
    "No change of a mark took it back, but one of roll, calendar, date of birth, policy, or of who the child is."
)


def sentence(at: int | None, changes: Sequence[MarkChange]) -> str:
    """What took an episode back, at a moment (milliseconds since 1970)."""
    if at is None or not changes:
        return NO_MARK_DID
    parts: list[str] = []
    for (urn, number), its in groupby(changes, key=lambda change: (change.urn, change.number)):
        told = list(its)
        named = [_change(one) for one in told[:NAMED]]
        if len(told) > NAMED:
            named.append(f"{len(told) - NAMED} more")
        parts.append(f"entry {number} of the ledger of school {urn} changed {_listed(named)}")
    return (
        f"{_spell(moment_of(at))}, {'; '.join(parts)}. As the marks are known since, the threshold was never crossed."
    )


def _change(one: MarkChange) -> str:
    half = "afternoon" if one.tick % 2 else "morning"
    return f"the {half} of {_day(day_of(one.tick))} from {_code(one.before)} to {_code(one.after)}"


def _code(number: int) -> str:
    return CODES[number] or "no mark"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _spell(moment: datetime) -> str:
    local = moment.astimezone(LONDON)
    return f"On {_day(local)} at {local:%H:%M}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
