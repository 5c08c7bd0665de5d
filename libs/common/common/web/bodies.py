"""What a body may be: at most 4 MB of JSON in UTF-8, without what no text may hold. Read before the route runs."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from starlette.types import Message, Receive

from common.errors import MalformedError, TooLargeError, UnsupportedMediaTypeError

LIMIT_BYTES = 4 * 1024 * 1024

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|NaN|Infinity")


async def read(receive: Receive, declared: int | None) -> bytes:
    """The body; TooLargeError before more than the limit of it is kept, at once when `declared` says so."""
    if declared is not None and declared > LIMIT_BYTES:
        raise TooLargeError(f"A body has at most {LIMIT_BYTES} bytes.")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client went away: there is nobody to answer
            raise MalformedError("The body ended early.")
        part = message.get("body", b"")
        size += len(part)
        if size > LIMIT_BYTES:
            raise TooLargeError(f"A body has at most {LIMIT_BYTES} bytes.")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and after it whatever comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def check_json(body: bytes, content_type: str) -> None:
    """UnsupportedMediaTypeError when it does not say JSON; MalformedError for what PostgreSQL and JSON both refuse.

    Whether it is JSON at all is left to the route's parser: here only what that parser would let through.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        raise UnsupportedMediaTypeError("Send `Content-Type: application/json`.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("The body is not UTF-8.") from None
    if _SUSPECT.search(body):
        _check_values(body)


def _check_values(body: bytes) -> None:
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedError("The body is not JSON.") from None
    for text in _texts(value):
        if "\x00" in text:
            raise MalformedError("A text contains the NUL character.")
        if not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise MalformedError("A text contains half of a surrogate pair.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of members included."""
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            members = cast("dict[str, Any]", item)
            stack.extend(members)
            stack.extend(members.values())
        elif isinstance(item, list):
            stack.extend(cast("list[Any]", item))
