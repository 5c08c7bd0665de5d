"""Answers without a body (RFC 9110). HEAD is answered wherever GET is, with the same status and headers (9.1, 9.3.2);
what a caller has already, by its ETag, is answered 304 (13.1.2, 15.4.5).
"""

from collections.abc import Collection, Iterable

from starlette.types import Message, Scope, Send

from common.preconditions import ANY
from common.web.conditions import offered

_OF_BODY = frozenset({b"content-length", b"content-type"})


def asked(scope: Scope) -> Scope:
    """The request that the application answers: for HEAD the GET whose headers it asks for."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def bare(scope: Scope, send: Send) -> Send:
    """A `send` for the application that leaves out the body where the request, in `scope`, wants none: it has the
    method HEAD, or knows the answer by its ETag, which makes that a 304.
    """
    left_out = scope["method"] == "HEAD"
    reading = left_out or scope["method"] == "GET"
    tags = [value for name, value in scope["headers"] if name == b"if-none-match"] if reading else []
    if not left_out and not tags:
        return send
    known = offered(b",".join(tags).decode("latin-1"))

    async def without_body(message: Message) -> None:
        nonlocal left_out
        if message["type"] == "http.response.start" and _is_known(message, known):
            left_out = True
            kept = [pair for pair in message["headers"] if pair[0].lower() not in _OF_BODY]
            message = {**message, "status": 304, "headers": kept}
        elif message["type"] == "http.response.body" and left_out:
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return without_body


def _is_known(start: Message, known: Collection[str]) -> bool:
    """Whether a good answer carries one of the tags that are known, or any where `*` is."""
    if start["status"] != 200:
        return False
    tags = [value.decode("latin-1") for name, value in start.get("headers", ()) if name.lower() == b"etag"]
    return any(tag in known or ANY in known for tag in tags)


def with_head(methods: Iterable[str]) -> list[str]:
    """The methods that a path has, in order, when it has `methods`."""
    known = {*methods}
    return sorted(known | {"HEAD"} if "GET" in known else known)
