"""The frame around every request, as plain ASGI: correlation id, what a body may be, headers, metrics, the access line.

It is the outermost layer, so that answers of the framework itself get the same headers; and it costs microseconds,
which a stack of middleware classes would not.
"""

from collections.abc import Collection
from time import perf_counter

import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import correlation, metrics
from common.errors import MalformedError, RollcallError
from common.web import bodies, problems
from common.web.bare import asked, bare

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

log = structlog.get_logger()


class Frame:
    """Wraps an ASGI application; what is below `/v1` takes JSON and is never cached, unless a route says otherwise.
    `streams`: paths whose routes read their bodies themselves.
    """

    def __init__(self, app: ASGIApp, streams: Collection[str] = ()) -> None:
        self._app = app
        self._streams = frozenset(streams)
        self._timers: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])  # of a header sent twice, the last
        offered = headers.get(b"x-correlation-id", b"").decode("latin-1")
        private = scope["path"].startswith("/v1/")
        ours = _headers(correlation.accept(offered), private)
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

        answer = bare(scope, framed_send)
        metrics.HTTP_IN_FLIGHT.inc()
        try:
            try:
                streamed = scope["path"] in self._streams
                checked = await _checked(scope, headers, receive, json_only=private, streamed=streamed)
            except RollcallError as error:
                await problems.response(error, scope["path"])(scope, receive, answer)
            else:
                await self._app(request, checked, answer)
        finally:
            metrics.HTTP_IN_FLIGHT.dec()
            self._record(scope["method"], request, status, perf_counter() - started)

    def _record(self, method: str, request: Scope, status: int, seconds: float) -> None:
        route = getattr(request.get("route"), "path", "unmatched")
        method = method if method in _METHODS else "other"
        key = (method, route, status)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = metrics.HTTP_SECONDS.labels(method, route, status)
        timer.observe(seconds)
        log.debug("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


async def _checked(
    scope: Scope, headers: dict[bytes, bytes], receive: Receive, *, json_only: bool, streamed: bool
) -> Receive:
    """The `receive` for the application, with a body that may be; raises what makes the request unanswerable."""
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise MalformedError("The address contains the NUL character.")
    length = headers.get(b"content-length", b"0")
    if streamed or scope["method"] not in _WITH_BODY or (length == b"0" and b"transfer-encoding" not in headers):
        return receive
    body = await bodies.read(receive, int(length) if length.isdigit() else None)
    if json_only and body:
        bodies.check_json(body, headers.get(b"content-type", b"").decode("latin-1"))
    return bodies.replay(body, receive)


def _headers(correlation_id: str, private: bool) -> list[tuple[bytes, bytes]]:
    """What every answer carries, unless the route has set it."""
    headers = [
        (b"x-correlation-id", correlation_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", _POLICY),
    ]
    if private:
        headers.append((b"cache-control", b"no-store"))
    return headers
