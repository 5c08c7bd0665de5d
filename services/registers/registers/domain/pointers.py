"""What msgspec says of a body that is not of the right form, as a message and a JSON pointer (RFC 6901)."""

import re

import msgspec

_PLACE = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def told(error: msgspec.ValidationError) -> tuple[str, str]:
    """The message, and the JSON pointer, in msgspec's words `Expected … - at `$.marks[0].code``."""
    text = str(error)
    found = _PLACE.search(text)
    steps = [name or index for name, index in _STEP.findall(found[1])] if found else []
    if missing := _MISSING.search(text):
        steps.append(missing[1])
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return _PLACE.sub("", text), pointer
