"""The attendance codes: the table that ships as data, read as data (rule book 1a, 1b)."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """One code. `number` is its line in the table, from 1: what a sheet holds in the place of a session."""

    number: int
    code: str
    possible: bool
    attended: bool
    authorised: bool
    unauthorised: bool
    late_before_close: bool
    late_after_close: bool
    penalty: bool
    valid_from: date
    valid_to: date | None

    @property
    def absent(self) -> bool:
        return self.authorised or self.unauthorised


def data_file(package: str, *names: str) -> Path:
    """A file that a package ships, found without importing the package; FileNotFoundError if it is not there."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder).joinpath(*names)
        if path.exists():
            return path
    raise FileNotFoundError(f"{package} has no file {'/'.join(names)}")


@cache
def code_table() -> dict[str, Code]:
    """Every code, by itself, in the order of the table."""
    table: dict[str, Code] = {}
    with data_file("common", "attendance_codes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            table[row["code"]] = Code(
                number=len(table) + 1,
                code=row["code"],
                possible=row["possible"] == "1",
                attended=row["attended"] == "1",
                authorised=row["absence"] == "authorised",
                unauthorised=row["absence"] == "unauthorised",
                late_before_close=row["late"] == "before-close",
                late_after_close=row["late"] == "after-close",
                penalty=row["counts_to_penalty"] == "1",
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            )
    return table
