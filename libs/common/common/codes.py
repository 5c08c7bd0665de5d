"""The attendance codes, as dated data (rule book 1a, 1b; invariant 9).

`attendance_codes.csv` is the table; a code's number is its line there, so that a session fits a byte on a sheet. Lines
are appended, never moved: the numbers are stored.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Code:
    """One code: what it counts as, and the session dates on which it may be used (inclusive)."""

    number: int
    code: str
    meaning: str
    category: str
    possible: bool
    attended: bool
    absence: str | None  # authorised | unauthorised | None
    on_site: bool
    late: str | None  # before-close | after-close | None
    counts_to_penalty: bool
    valid_from: date
    valid_to: date | None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@cache
def code_table() -> dict[str, Code]:
    """Every code ever, by the code itself, in the order of the table. Numbers start at 1; 0 means no mark."""
    text = files("common").joinpath("attendance_codes.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Code(
            number=number,
            code=row["code"],
            meaning=row["meaning"],
            category=row["category"],
            possible=row["possible"] == "1",
            attended=row["attended"] == "1",
            absence=row["absence"] or None,
            on_site=row["on_site"] == "1",
            late=row["late"] or None,
            counts_to_penalty=row["counts_to_penalty"] == "1",
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )
        for number, row in enumerate(csv.DictReader(text.splitlines()), start=1)
    }
