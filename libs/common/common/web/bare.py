"""Answers without a body: HEAD is answered wherever GET is, with the same status and headers (RFC 9110, 9.1, 9.3.2)."""

from collections.abc import Iterable

from starlette.types import Message, Scope, Send


def asked(scope: Scope) -> Scope:
    """The request that the application answers: for HEAD the GET whose headers it asks for."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def bare(scope: Scope, send: Send) -> Send:
    """A `send` for the application that leaves out the body where the request, in `scope`, wants none."""
    if scope["method"] != "HEAD":
        return send

    async def without_body(message: Message) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return without_body


def with_head(methods: Iterable[str]) -> list[str]:
    """The methods that a path has, in order, when it has `methods`."""
    known = {*methods}
    return sorted(known | {"HEAD"} if "GET" in known else known)
