"""Leaving out of answers what a client's agreement leaves out: of JSON, lines of JSON and CSV, whatever the route.

A route does not know of it. What can be read in no other form than whole, a letter's page for example, is refused then;
and an ETag stands for what is shown.
"""

import csv
import io
import json
from collections.abc import Callable, Collection
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send

from common.access.fields import REDACTABLE, REDACTIONS
from common.errors import RedactionError
from common.web import problems
from common.web.conditions import digest

HEADER = b"redacted"

Edit = Callable[[bytes, bool], bytes]
"""Takes a piece of a body, and whether it is the last; gives what can be sent by then."""


def redacting(scope: Scope, receive: Receive, send: Send) -> Send:
    """A `send` for the application that leaves out what the request, in `scope`, says when the answer begins."""
    answer: _Redacted | None = None

    async def redacted(message: Message) -> None:
        nonlocal answer
        if answer is None and REDACTIONS in scope and message["type"] == "http.response.start":
            answer = _Redacted(scope, receive, send)
        await (send(message) if answer is None else answer.take(message))

    return redacted


class _Redacted:
    """One answer. It begins only when its first piece can be sent: its length and ETag are other ones by then."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._left_out: Collection[str] = scope[REDACTIONS]
        self._start: Message | None = None
        self._edit: Edit | None = None
        self._is_refused = False

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._edit is None:
            if not self._is_refused:
                await self._send(message)
        else:
            more = message.get("more_body", False)
            body = self._edit(message.get("body", b""), not more)
            if body or not more:
                await self._begun(body, whole=not more)
                await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _begin(self, start: Message) -> None:
        headers = dict(start.get("headers", ()))
        kind = headers.get(b"content-type", b"").partition(b";")[0].decode()
        if start["status"] >= 300 or not kind:
            await self._send(start)
            return
        self._edit = _editor(kind, frozenset(name for what in self._left_out for name in REDACTABLE[what]))
        if self._edit is None:
            self._is_refused = True
            refusal = RedactionError(f"Left out for this client: {', '.join(sorted(self._left_out))}.")
            await problems.response(refusal, self._scope["path"])(self._scope, self._receive, self._send)
            return
        self._start = start

    async def _begun(self, body: bytes, *, whole: bool) -> None:
        start, self._start = self._start, None
        if start is None:
            return
        named = [pair for pair in start.get("headers", ()) if pair[0].lower() != b"content-length"]
        headers = [(name, _tag(value, body) if name.lower() == b"etag" else value) for name, value in named]
        headers.append((HEADER, ", ".join(sorted(self._left_out)).encode()))
        if whole:
            headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})


def _tag(tag: bytes, body: bytes) -> bytes:
    """The ETag of what is shown in a state (`conditions`)."""
    state = tag.strip(b'"').partition(b"-")[0]
    return b'"' + state + b"-" + digest(body).encode() + b'"'


def _editor(kind: str, names: Collection[str]) -> Edit | None:
    if kind == "application/json":
        return _Whole(names)
    if kind == "application/x-ndjson":
        return _Lines(names)
    return _Table(names) if kind == "text/csv" else None


class _Whole:
    """A JSON document."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._parts: list[bytes] = []

    def __call__(self, piece: bytes, last: bool) -> bytes:
        self._parts.append(piece)
        return _without(b"".join(self._parts), self._names) if last else b""


class _Lines:
    """A JSON document in each line."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._begun = b""

    def __call__(self, piece: bytes, last: bool) -> bytes:
        *lines, self._begun = (self._begun + piece).split(b"\n")
        if last and self._begun:
            lines.append(self._begun)
        return b"".join(_without(line, self._names) + b"\n" for line in lines if line)


class _Table:
    """CSV whose first line names the columns. A line that ends within quotes goes on in the next."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._begun = b""
        self._kept: list[int] | None = None

    def __call__(self, piece: bytes, last: bool) -> bytes:
        shown = io.StringIO()
        table = csv.writer(shown)
        record = b""
        for line in (self._begun + piece).splitlines(keepends=True):
            record += line
            if (line.endswith(b"\n") or last) and record.count(b'"') % 2 == 0:
                for row in csv.reader(io.StringIO(record.decode(), newline="")):
                    table.writerow(self._shown(row))
                record = b""
        self._begun = record
        return shown.getvalue().encode()

    def _shown(self, row: list[str]) -> list[str]:
        if self._kept is None:
            self._kept = [place for place, name in enumerate(row) if name.lstrip("\ufeff") not in self._names]
        return [row[place] for place in self._kept if place < len(row)]


def _without(body: bytes, names: Collection[str]) -> bytes:
    """A JSON document without the members of these names, wherever they stand."""
    return json.dumps(_shown(json.loads(body), names), ensure_ascii=False, separators=(",", ":")).encode()


def _shown(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        hidden = {*names, "value"} if members.get("kind") in names else names  # a key: {"kind": "upn", "value": …}
        return {name: _shown(inner, names) for name, inner in members.items() if name not in hidden}
    if isinstance(value, list):
        return [_shown(inner, names) for inner in cast("list[Any]", value)]
    return value
