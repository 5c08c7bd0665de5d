"""What is wrong with a value that does not fit its shape, in the API's own words: the library's are its own business,
and change with it.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

LIBRARYS = frozenset(get_args(ErrorType))
"""Every kind of error that the library knows; others are our own, with our own words."""
OTHERWISE = "This is not of the right form."
_MOMENT = "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."
_NUMBER = "This must be a number."
_OBJECT = "This must be a JSON object."
_LIST = "This must be a list."

_BY_KIND: Mapping[str, str] = {
    "missing": "This is needed.",
    "extra_forbidden": "There is no such member here.",
    "greater_than": "It must be more than {gt}.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than": "It must be less than {lt}.",
    "less_than_equal": "It must be at most {le}.",
    "multiple_of": "It must be a multiple of {multiple_of}.",
    "too_short": "There must be at least {min_length} of them.",
    "too_long": "There may be at most {max_length} of them.",
    "string_too_short": "It must have at least {min_length} character(s).",
    "string_too_long": "It may have at most {max_length} characters.",
    "string_pattern_mismatch": "It must be written like this: {pattern}",
    "literal_error": "It must be {expected}.",
    "enum": "It must be {expected}.",
    "int_parsing_size": "This number is too large.",
}
_BY_BEGINNING: Mapping[str, str] = {
    "string": "This must be text.",
    "int": "This must be a whole number.",
    "float": _NUMBER,
    "decimal": _NUMBER,
    "finite": _NUMBER,
    "bool": "This must be true or false.",
    "date": "Write a date like 2025-09-15.",
    "datetime": _MOMENT,
    "timezone": _MOMENT,
    "uuid": "This is no id: ids are UUIDs.",
    "none": "This must be null.",
    "model": _OBJECT,
    "dataclass": _OBJECT,
    "dict": _OBJECT,
    "mapping": _OBJECT,
    "list": _LIST,
    "tuple": _LIST,
    "set": _LIST,
}


def words(error: Mapping[str, Any]) -> str:
    """What one error of pydantic's says: what our own checks raise is said as they say it."""
    kind = str(error["type"])
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind in ("value_error", "assertion_error"):
        return _sentence(str(context.get("error", "")) or OTHERWISE)
    if kind not in LIBRARYS:
        return _sentence(str(error["msg"]))
    found = _BY_KIND.get(kind) or _BY_BEGINNING.get(kind.partition("_")[0], OTHERWISE)
    try:
        return found.format(**context)
    except KeyError:
        return OTHERWISE


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
