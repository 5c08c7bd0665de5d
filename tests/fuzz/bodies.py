"""Loaded by schemathesis: what it does not know by itself of the product's bodies and clients."""

from typing import Any

import schemathesis

OWN, OTHER = "rollcall-token", "elm-mis"
"""The client that asks, as its token names it, and one with whom agreements are made."""


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: Any, value: Any) -> bytes:
    """How a body of NDJSON goes over the wire: texts as they are; anything else as one line of its own."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else repr(value).encode()


@schemathesis.hook
def before_call(_: Any, case: Any, __: dict[str, Any]) -> None:
    """Has the fuzzer agree with others: soon it would have left itself nothing that it may see."""
    if case.path_parameters and case.path_parameters.get("client_id") == OWN:
        case.path_parameters["client_id"] = OTHER
