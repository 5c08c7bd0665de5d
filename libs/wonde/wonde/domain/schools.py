"""A school as Wonde has it, and as Rollcall takes it."""

from typing import Any

from wonde.domain.reading import Row, UnreadableError, included, needed, number, text

_HIGHEST_URN = 9_999_999
_PHASES = (
    # The first of these that the phase's name holds decides: of a middle school DfE says which it is deemed to be.
    ("alternative", "ap"),
    ("referral", "ap"),
    ("special", "special"),
    ("deemed primary", "primary"),
    ("deemed secondary", "secondary"),
    ("all-through", "secondary"),
    ("all through", "secondary"),
    ("secondary", "secondary"),
    ("16 plus", "secondary"),
    ("middle", "secondary"),
    ("primary", "primary"),
    ("nursery", "primary"),
)


class OtherSchoolError(Exception):
    """Wonde's school has another URN than the one that it was to be: its children must not go there."""


def check_urn(row: Row, urn: int) -> None:
    """OtherSchoolError when the school says that it has another URN; not every school says one."""
    said = number(row, "urn", _HIGHEST_URN)
    if said is not None and said != urn:
        raise OtherSchoolError(f"Wonde's school has the URN {said}, not {urn}")


def read_school(row: Row) -> dict[str, Any]:
    """The body of the school's `PUT`; UnreadableError when something that it needs is missing."""
    la_code, number_there = _digits(row, "la_code", 3), _digits(row, "establishment_number", 4)
    return {
        "name": needed(row, "name")[:200],
        "la_code": la_code,
        "laestab": la_code + number_there,
        "phase": _phase(row),
    }


def _digits(row: Row, name: str, length: int) -> str:
    value = needed(row, name).zfill(length)
    if not value.isascii() or not value.isdigit() or len(value) != length:
        raise UnreadableError(name)
    return value


def _phase(row: Row) -> str:
    inner = included(row, "phase_of_education")
    said = (text(row, "phase_of_education") if inner is None else text(inner, "name")) or ""
    said = said.lower().replace("_", " ")
    for word, phase in _PHASES:
        if word in said:
            return phase
    raise UnreadableError("phase_of_education")
