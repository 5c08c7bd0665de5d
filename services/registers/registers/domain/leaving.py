"""Why a stay on a roll ends (rule book 6.2, 6.5, 6.9), as dated data: `leaving_reasons.csv`."""

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple

CLOSED, CONVERTED = "closed", "converted"
"""The reasons that a closure and a conversion give by themselves."""


class LeavingReason(NamedTuple):
    """One reason; `rule` is its number in the rule book. It may be given for stays that end between two days, both
    inclusive.
    """

    code: str
    meaning: str
    rule: str | None
    valid_from: date
    valid_to: date

    def in_force(self, on: date) -> bool:
        """Whether a stay may end for this reason on a day."""
        return self.valid_from <= on <= self.valid_to


@cache
def leaving_reasons() -> dict[str, LeavingReason]:
    """Every reason ever, by its code, in the order of the table."""
    text = files("registers.domain").joinpath("leaving_reasons.csv").read_text(encoding="utf-8")
    return {
        row["code"]: LeavingReason(
            code=row["code"],
            meaning=row["meaning"],
            rule=row["rule"] or None,
            valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else date.min,
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
        )
        for row in csv.DictReader(text.splitlines())
    }
