"""The frame around every request, as plain ASGI: correlation id, who asks and how much, what a body may be, headers,
metrics, the access line.

It is the outermost layer, so that answers of the framework itself get the same headers; and it costs microseconds,
which a stack of middleware classes would not.
"""

from collections.abc import Collection
from time import perf_counter

import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import correlation, metrics
from common.errors import (
    MalformedError,
    RollcallError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from common.security import Caller, Verifier
from common.turns import Turn
from common.web import bodies, problems
from common.web.bare import asked, bare
from common.web.limits import Limits
from common.web.redact import redacting

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CLOSE = (b"connection", b"close")
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
]
"""What every answer carries, unless the route has set it. The last one means something on TLS only."""

Headers = list[tuple[bytes, bytes]]

log = structlog.get_logger()


class Frame:
    """Wraps an ASGI application; what is below `/v1` takes JSON and is never cached, unless a route says otherwise.
    `streams`: paths whose routes read their bodies themselves.
    """

    def __init__(self, app: ASGIApp, verifier: Verifier, limits: Limits, streams: Collection[str] = ()) -> None:
        self._app, self._verifier, self._limits = app, verifier, limits
        self._streams = frozenset(streams)
        self._timers: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])  # of a header sent twice, the last
        correlation_id = correlation.accept(headers.get(b"x-correlation-id", b"").decode("latin-1"))
        ours: Headers = [(b"x-correlation-id", correlation_id.encode()), *_SECURITY]
        status = 500
        request = asked(scope)

        async def framed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                theirs = message["headers"] = list(message.get("headers", ()))
                present = {name.lower() for name, _ in theirs}
                theirs.extend(pair for pair in ours if pair[0] not in present)
            await send(message)

        metrics.HTTP_IN_FLIGHT.inc()
        try:
            await self._answer(scope, request, headers, receive, bare(scope, framed_send), ours)
        finally:
            metrics.HTTP_IN_FLIGHT.dec()
            self._record(scope["method"], request, status, perf_counter() - started)

    async def _answer(
        self, scope: Scope, request: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, ours: Headers
    ) -> None:
        """Has the application answer what may be asked, in its turn. What `ours` gets in the meantime goes along."""
        turn: Turn | None = None
        unread = scope["method"] in _WITH_BODY and _has_body(headers)
        try:
            _check_address(scope)
            _check_headers(scope, headers)
            caller: Caller | None = None
            if private := scope["path"].startswith("/v1/"):
                ours.append((b"cache-control", b"no-store"))
                caller = await self._caller(headers)
                turn = await self._admit(scope, caller, ours)
            if unread and private and caller is None:  # it is of no use, whatever it is: the answer is 401, or 404
                ours.append(_CLOSE)
                receive = bodies.replay(b"", receive)
            elif unread:
                receive = await self._read(scope, headers, receive, json_only=private)
            unread = False
            await self._app(request, receive, redacting(request, receive, send))
        except RollcallError as error:
            if unread or (isinstance(error, TooManyRequestsError) and not await self._limits.hold()):
                ours.append(_CLOSE)
            await problems.response(error, scope["path"])(scope, receive, send)
        finally:
            if turn is not None:
                turn.end()

    async def _caller(self, headers: dict[bytes, bytes]) -> Caller | None:
        """Whose good token it is. That there is none, the route says: only it knows whether it needs one."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return None
        try:
            return self._verifier.remembered(token) or await self._verifier.verify(token)
        except (UnauthenticatedError, UnavailableError):
            return None

    async def _admit(self, scope: Scope, caller: Caller | None, ours: Headers) -> Turn | None:
        """Counts the request, and waits for its turn; TooManyRequestsError. Nobody's are not refused, but slowed."""
        if caller is None:
            await self._limits.slow()
            return None
        if (bucket := self._limits.bucket(caller.client_id, scope["method"])) is not None:
            try:
                self._limits.take(bucket)
            finally:
                ours.extend(bucket.headers())
        return await self._limits.turn(caller.client_id, streamed=scope["path"] in self._streams)

    async def _read(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, *, json_only: bool) -> Receive:
        """The `receive` for the application, with a body that may be; raises what makes the request unanswerable."""
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaTypeError("Send the body as it is, without a `Content-Encoding`.")
        if scope["path"] in self._streams:
            return receive
        length = headers.get(b"content-length", b"")
        body = await bodies.read(receive, int(length) if length.isdigit() else None)
        if json_only and body:
            bodies.check_json(body, headers.get(b"content-type", b"").decode("latin-1"))
        return bodies.replay(body, receive)

    def _record(self, method: str, request: Scope, status: int, seconds: float) -> None:
        route = getattr(request.get("route"), "path", "unmatched")
        method = method if method in _METHODS else "other"
        key = (method, route, status)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = metrics.HTTP_SECONDS.labels(method, route, status)
        timer.observe(seconds)
        log.debug("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _check_address(scope: Scope) -> None:
    """MalformedError when it holds what no text may hold."""
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise MalformedError("The address contains the NUL character.")


def _check_headers(scope: Scope, headers: dict[bytes, bytes]) -> None:
    """MalformedError when it is not one client that asks: who is let in has to be who is counted."""
    if len(headers) < len(scope["headers"]) and sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
        raise MalformedError("There is more than one `Authorization` header.")
