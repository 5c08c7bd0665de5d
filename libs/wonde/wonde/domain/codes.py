"""A school's own list of attendance codes against the national table.

A code that the table has goes as the table writes it. One that it does not have goes as it is: Rollcall keeps the mark
in quarantine with its reason, so nothing is lost, and the run's report names it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

from common.codes import Code

from wonde.domain.reading import Row, UnreadableError, included, needed, text

NO_MARK = ("", "-")
"""What schools' systems write where no mark was taken."""


class SchoolCode(NamedTuple):
    """One code of a school's list."""

    code_id: str
    letter: str
    description: str | None


def read_code(row: Row) -> SchoolCode:
    """A code; UnreadableError without an id or a letter."""
    return SchoolCode(needed(row, "id"), needed(row, "code"), text(row, "description"))


class CodeList:
    """How one school's codes are sent. `own` are the operator's translations, by the school's letter."""

    def __init__(self, codes: Collection[SchoolCode], table: Mapping[str, Code], own: Mapping[str, str]) -> None:
        self._by_id = {code.code_id: code for code in codes}
        self._table = table
        self._own = own

    def letter(self, row: Row) -> str:
        """The code of an attendance record as it is to be sent: by its id in the school's list, else as the record has
        it included, else the id itself; empty where it has none. UnreadableError for a bare id where there is no list.
        """
        inside = included(row, "attendance_code")
        code_id = text(row, "attendance_code") if inside is None else text(inside, "id")
        if code_id is not None and (code := self._by_id.get(code_id)) is not None:
            return self._translated(code.letter)
        said = text(inside, "code") if inside is not None else None
        if said is None and code_id is not None and not self._by_id:
            raise UnreadableError("attendance_code")
        return self._translated(said or code_id or "")

    def problem(self, letter: str, on: date) -> str | None:
        """Why a mark with this code will wait on that day, in Rollcall's words; None when it will not."""
        if letter in NO_MARK:
            return "no-mark"
        code = self._table.get(letter)
        if code is None:
            return "unknown-code"
        return None if code.in_force(on) else "retired-code"

    def description(self, letter: str) -> str | None:
        """What the school calls a letter."""
        return next((code.description for code in self._by_id.values() if code.letter == letter), None)

    def print(self) -> str:
        """Changes when anything about the list does that may change how a mark is sent."""
        said = [sorted(self._by_id.values(), key=lambda code: code.code_id), sorted(self._own.items())]
        table = [(code.code, str(code.valid_to)) for code in self._table.values()]
        return hashlib.sha256(json.dumps([said, table]).encode()).hexdigest()[:32]

    def _translated(self, letter: str) -> str:
        letter = self._own.get(letter, letter)
        return letter.upper() if letter not in self._table and letter.upper() in self._table else letter
