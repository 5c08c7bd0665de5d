"""The door of the kit: passes every request on to the sandbox, keeps what went through, plants the faults."""

import hashlib
import json
import time
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rollcall.conformance.faults import STATUS, Fault, Faults
from rollcall.conformance.stream import Exchange

MOST_BYTES = 64 * 1024 * 1024
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "content-encoding", "date")
)
_DROP = "rollcall.drop"
Headers = list[tuple[bytes, bytes]]


class Droppable(HttpToolsProtocol):
    """uvicorn's, which lets the application cut the connection: a lost answer."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope.setdefault("extensions", {})[_DROP] = {"drop": self.transport.abort}  # type: ignore[typeddict-item]


class Proxy:
    """An ASGI application. `exchanges` is what has gone through; `retry_after` what its faults ask for, in seconds."""

    def __init__(self, sandbox: httpx.AsyncClient, retry_after: int) -> None:
        self.exchanges: list[Exchange] = []
        self._sandbox = sandbox
        self._retry_after = retry_after
        self._faults = Faults()
        self._began = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the kit does not speak {scope['type']}")
        at = self._now()
        body = await _read(receive)
        request = _Request(scope, body)
        fault = self._faults.meets(request.method, request.path, request.digest)
        if body is None:
            status, headers, content = 413, *_problem(413, "too-large", "The kit takes 64 MB at most.", None)
        elif fault in STATUS:
            said = "Planted by the conformance kit."
            status, headers, content = STATUS[fault], *_problem(STATUS[fault], fault, said, self._retry_after)
        else:
            status, headers, content = await self._forward(request, body)
        if fault == "lost-answer":
            self._keep(request, at, 0, headers, content, fault)
            scope["extensions"][_DROP]["drop"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else content})
        self._keep(request, at, status, headers, content, fault)

    async def _forward(self, request: "_Request", body: bytes) -> tuple[int, Headers, bytes]:
        try:
            answer = await self._sandbox.request(
                request.method, request.target, headers=_passed(request.headers), content=body
            )
        except httpx.TransportError as error:
            return 503, *_problem(503, "unavailable", f"The sandbox does not answer: {type(error).__name__}.", 1)
        headers = [(name, value) for name, value in answer.headers.raw if name.lower().decode() not in _HOP_BY_HOP]
        return answer.status_code, [*headers, (b"content-length", str(len(answer.content)).encode())], answer.content

    def _keep(
        self, request: "_Request", at: float, status: int, headers: Headers, content: bytes, fault: Fault | None
    ) -> None:
        ids = [value.decode() for name, value in headers if name.lower() == b"x-correlation-id"]
        self.exchanges.append(
            Exchange(
                method=request.method,
                path=request.path,
                query=request.query,
                sent=_json(request.body),
                digest=request.digest,
                status=status,
                answer=_json(content),
                at=at,
                ended=self._now(),
                request_id=ids[0] if ids else f"{len(self.exchanges) + 1} at the kit",
                fault=fault,
                key=dict(request.headers).get("idempotency-key"),
            )
        )

    def _now(self) -> float:
        return time.monotonic() - self._began


class _Request:
    """A request as it came; `digest` of its body."""

    def __init__(self, scope: Scope, body: bytes | None) -> None:
        self.method = str(scope["method"])
        self.path = str(scope["path"])
        self.query = scope["query_string"].decode("latin-1")
        self.target = scope["raw_path"].decode("latin-1") + (f"?{self.query}" if self.query else "")
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.body = body or b""
        self.digest = hashlib.sha256(self.body).hexdigest()


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None of one that is too long."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        if size <= MOST_BYTES:
            parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts) if size <= MOST_BYTES else None


def _passed(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that are the sandbox's business; its answer comes as it is, not compressed."""
    passed = [(name, value) for name, value in headers if name not in _HOP_BY_HOP and name != "accept-encoding"]
    return [*passed, ("accept-encoding", "identity")]


def _problem(status: int, kind: str, detail: str, retry_after: int | None) -> tuple[Headers, bytes]:
    """A problem document of the kit's own, as the product's are."""
    content = json.dumps(
        {
            "type": f"/problems/{kind}",
            "title": detail,
            "status": status,
            "detail": detail,
            "instance": "",
            "correlation_id": "",
            "retryable": retry_after is not None,
            "errors": [],
        }
    ).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(content)).encode())]
    return [*headers, *([] if retry_after is None else [(b"retry-after", str(retry_after).encode())])], content


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
