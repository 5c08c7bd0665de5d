"""Loaded by schemathesis: how a body of NDJSON goes over the wire, which it does not know by itself."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: Any, value: Any) -> bytes:
    """Texts as they are; anything else as one line of its own."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else repr(value).encode()
