"""Errors as RFC 9457 problem documents: every status from 400 up looks like this, and is rendered here alone.

`type` is the path of a page that explains it (`pages`); the catalogue of types is the tree of RollcallError classes.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from common import errors
from common.correlation import correlation_id
from common.errors import Fault, MovedError, RollcallError
from common.web.bare import with_head
from common.web.words import words

MEDIA_TYPE = "application/problem+json"
FAULTS_SHOWN = 100
RETRY_AFTER_SECONDS = 1

log = structlog.get_logger()

_BY_STATUS: Mapping[int, type[RollcallError]] = {
    400: errors.MalformedError,
    401: errors.UnauthenticatedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    405: errors.MethodNotAllowedError,
    408: errors.RequestTimeoutError,
    413: errors.TooLargeError,
    415: errors.UnsupportedMediaTypeError,
    422: errors.InvalidError,
    503: errors.UnavailableError,
}

CONFLICTS: dict[int | str, dict[str, Any]] = {409: {"description": errors.ConflictError.title}}
"""`responses=CONFLICTS` of a route that may answer so and is no POST: of those the document says it anyway."""

_DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg makes of a server that ends in the midst of an answer
    ConnectionError,
    FileNotFoundError,  # the socket of an embedded server that is being started again
    TimeoutError,
)


def catalogue() -> Iterator[type[RollcallError]]:
    """Every kind of problem there is, services' own included; MovedError is none."""
    pending: list[type[RollcallError]] = [RollcallError]
    while pending:
        kind = pending.pop(0)
        if kind is not MovedError:
            yield kind
        pending.extend(kind.__subclasses__())


def body(error: RollcallError, path: str) -> dict[str, Any]:
    """The document's members. `path` becomes `instance`."""
    return {
        "type": f"/problems/{error.type}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail or error.title,
        "instance": path,
        "correlation_id": correlation_id(),
        "retryable": error.retryable,
        "errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in error.faults[:FAULTS_SHOWN]],
    }


def response(error: RollcallError, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that ended in `error`."""
    extra = dict(headers or {})
    if isinstance(error, errors.UnauthenticatedError):
        extra["www-authenticate"] = 'Bearer realm="rollcall"'
    elif isinstance(error, errors.ForbiddenError):
        extra["www-authenticate"] = 'Bearer realm="rollcall", error="insufficient_scope"'
    if error.retry_after is not None or error.retryable:
        extra["retry-after"] = str(error.retry_after or RETRY_AFTER_SECONDS)
    content = json.dumps(body(error, path), separators=(",", ":")).encode()
    return Response(content, error.status, extra, MEDIA_TYPE)


def install(app: FastAPI, methods: Callable[[str], Sequence[str]]) -> None:
    """Makes the application answer problems, its framework's own errors included."""

    async def rollcall_error(request: Request, error: Exception) -> Response:
        known = cast("RollcallError", error)
        if isinstance(known, MovedError):
            return Response(status_code=known.status, headers={"location": _with_query(known.location, request)})
        return response(known, request.url.path)

    async def http_error(request: Request, error: Exception) -> Response:
        http = cast("HTTPException", error)
        kind = _BY_STATUS.get(http.status_code, RollcallError if http.status_code >= 500 else errors.MalformedError)
        headers = dict(http.headers or {})
        if http.status_code == 405:
            named = headers.pop("Allow", "").split(", ")
            headers["allow"] = ", ".join(methods(request.url.path) or with_head(named))
        return response(kind(), request.url.path, headers)

    async def invalid(request: Request, error: Exception) -> Response:
        wrong = cast("RequestValidationError", error)
        in_path = any(item["loc"][0] == "path" for item in wrong.errors())
        if in_path and request.method not in (known := methods(request.url.path)):
            return response(errors.MethodNotAllowedError(), request.url.path, {"allow": ", ".join(known)})
        return response(_from_validation(wrong), request.url.path)

    async def refused_by_database(request: Request, error: Exception) -> Response:
        log.warning("value refused by the database", kind=type(error).__name__, route=_route(request))
        detail = "A value is out of the range that can be kept."
        return response(errors.InvalidError(detail), request.url.path)

    async def database_away(request: Request, error: Exception) -> Response:
        log.warning("database away", kind=type(error).__name__, route=_route(request))
        return response(errors.UnavailableError("The database does not answer."), request.url.path)

    async def unexpected(request: Request, error: Exception) -> Response:
        return response(RollcallError("The error was logged under this correlation id."), request.url.path)

    app.add_exception_handler(RollcallError, rollcall_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(asyncpg.DataError, refused_by_database)
    for kind in _DATABASE_AWAY:
        app.add_exception_handler(kind, database_away)
    app.add_exception_handler(Exception, unexpected)


def _with_query(location: str, request: Request) -> str:
    query = request.url.query
    return f"{location}?{query}" if query and "?" not in location else location


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "unmatched")


def _from_validation(error: RequestValidationError) -> RollcallError:
    """Pydantic's list as faults: 400 when the body is no JSON at all, else 422 with pointers into it."""
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return errors.MalformedError("The body is not JSON.")
    faults = [
        Fault(pointer(item["loc"]), str(item["type"]).replace("_", "-"), words(item)) for item in found[:FAULTS_SHOWN]
    ]
    return errors.InvalidError(f"{len(found)} value(s) are missing or not of the right form.", faults=faults)


def pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) into the body, or the name of a parameter."""
    place, *rest = location
    if place != "body":
        return str(rest[0]) if rest else str(place)
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in rest)
