"""What is wrong with a body that is not of the right form: in the API's own words, with a JSON pointer (RFC 6901).

msgspec tells one fault, in words for who writes Python; which values were allowed is asked of the shape.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import inspect

_PLACE = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_MOMENT = "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."
_SAID: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), words)
    for pattern, words in (
        ("^Object missing", "This is needed."),
        ("^Invalid RFC3339 encoded date$", "Write a date like 2025-09-15."),
        ("RFC3339|timezone", _MOMENT),
        ("^Integer value out of range|^Number out of range", "This number is too large."),
        ("^Expected `int` >= (.+)$", "It must be at least {0}."),
        ("^Expected `int` <= (.+)$", "It must be at most {0}."),
        ("^Expected `str` of length >= (.+)$", "It must have at least {0} character(s)."),
        ("^Expected `str` of length <= (.+)$", "It may have at most {0} characters."),
        ("^Expected `array` of length <= (.+)$", "There may be at most {0} of them."),
        ("^Expected `str` matching regex '(.+)'$", "It must be written like this: {0}"),
        ("^Expected `(?:str|date|datetime|uuid)\\b.*, got", "This must be text."),
        ("^Expected `int\\b.*, got", "This must be a whole number."),
        ("^Expected `bool\\b.*, got", "This must be true or false."),
        ("^Expected `array\\b.*, got", "This must be a list."),
        ("^Expected `object\\b.*, got", "This must be a JSON object."),
    )
]
_OTHERWISE = "This is not of the right form."


def told(error: msgspec.ValidationError, kind: Any) -> tuple[str, str]:
    """The message, and the JSON pointer, of what was to be a `kind`."""
    text = str(error)
    place = _PLACE.search(text)
    steps = [name or index for name, index in _STEP.findall(place[1])] if place else []
    if missing := _MISSING.search(text):
        steps.append(missing[1])
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    text = _PLACE.sub("", text)
    if text.startswith("Invalid enum value"):
        return _one_of(_allowed(inspect.type_info(kind), steps)), pointer
    for pattern, words in _SAID:
        if found := pattern.search(text):
            return words.format(*found.groups()), pointer
    return _OTHERWISE, pointer


def _one_of(values: Sequence[object]) -> str:
    *others, last = [repr(value) for value in values] or [""]
    return f"It must be {', '.join(others)}{' or ' if others else ''}{last}." if last else _OTHERWISE


def _allowed(shape: inspect.Type, steps: Sequence[str]) -> list[object]:
    """The values that are allowed at a place within a shape; none where there is no such list."""
    if isinstance(shape, inspect.UnionType):
        return [value for one in shape.types for value in _allowed(one, steps)]
    if isinstance(shape, inspect.Metadata):
        return _allowed(shape.type, steps)
    if not steps:
        return sorted(shape.values, key=str) if isinstance(shape, inspect.LiteralType) else []
    if isinstance(shape, inspect.StructType):
        return [value for one in shape.fields if one.encode_name == steps[0] for value in _allowed(one.type, steps[1:])]
    return _allowed(shape.item_type, steps[1:]) if isinstance(shape, inspect.ListType) else []
