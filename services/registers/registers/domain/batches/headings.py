"""What the columns of a CSV file mean: the headings that schools' systems write, in `headings.csv`.

A column's own name is always one of its headings; case, spaces and punctuation do not matter. Columns with other
headings (names, classes, years) are not read.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

COLUMNS = (
    "school_urn", "date", "session", "upn", "local_id", "admission_number", "pupil_id", "code", "am_code", "pm_code",
    "minutes_late", "comment", "reason", "amended_by", "taken_by", "taken_at", "source_version",
)  # fmt: skip
KEYS = ("local_id", "admission_number", "upn", "pupil_id")
DELIMITERS = ",;\t"

_NOT_IN_A_WORD = re.compile(r"[^a-z0-9]+")


class HeadingError(Exception):
    """A header that does not say what is needed. `code` is stable."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


class Heading(NamedTuple):
    """One line of the table of headings."""

    column: str
    heading: str
    products: tuple[str, ...]


@cache
def table() -> tuple[Heading, ...]:
    """Every heading that is known, with the products whose exports have it."""
    text = files("registers.domain.batches").joinpath("headings.csv").read_text(encoding="utf-8")
    return tuple(
        Heading(row["column"], row["heading"], tuple(filter(None, row["products"].split(";"))))
        for row in csv.DictReader(text.splitlines())
    )


@cache
def _columns() -> dict[str, str]:
    known = {_plain(column): column for column in COLUMNS}
    return known | {_plain(one.heading): one.column for one in table()}


def delimiter(header: str) -> str:
    """The character that separates the columns: of comma, semicolon and tab the one that the header has most of."""
    return max(DELIMITERS, key=header.count)


def read(cells: Sequence[str], school_urn: int | None) -> tuple[dict[str, int], list[str]]:
    """Where each column is, and the headings that mean nothing here. `school_urn` stands for a column of its own.

    HeadingError when two headings mean the same column, or one that is needed is missing.
    """
    found: dict[str, int] = {}
    ignored: list[str] = []
    for place, cell in enumerate(cells):
        column = _columns().get(_plain(cell))
        if column is None:
            ignored.append(cell.strip())
        elif column in found:
            raise HeadingError("heading-twice", f"Two columns mean {column}: the heading of one is {cell.strip()!r}.")
        else:
            found[column] = place
    _check(found, school_urn)
    return found, [heading for heading in ignored if heading]


def _check(found: Mapping[str, int], school_urn: int | None) -> None:
    if "date" not in found:
        raise HeadingError("no-date", "There is no column with the date.")
    if school_urn is None and "school_urn" not in found:
        raise HeadingError("no-school", "There is no column with the school's URN; give ?school_urn= for one school.")
    if not any(key in found for key in KEYS):
        raise HeadingError("no-key", "There is no column that names the pupil: local id, admission number or UPN.")
    if "code" in found:
        if "session" not in found:
            raise HeadingError("no-session", "There is a column with codes, but none with the session.")
        if "am_code" in found or "pm_code" in found:
            raise HeadingError("heading-twice", "There are both a column with codes and columns for AM and PM.")
    elif "am_code" not in found and "pm_code" not in found:
        raise HeadingError("no-code", "There is no column with codes: code, or AM and PM.")


def _plain(heading: str) -> str:
    return _NOT_IN_A_WORD.sub(" ", heading.lower()).strip()
