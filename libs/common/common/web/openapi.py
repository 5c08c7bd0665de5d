"""The OpenAPI 3.1 document: what FastAPI derives from the routes, and the problems that every operation may answer."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from common import errors
from common.access.fields import REDACTABLE
from common.errors import Fault, RollcallError
from common.service import Service
from common.web import examples, links, problems
from common.web.conditions import ETAG
from common.web.limits import READS, WRITES

PROBLEM = "ProblemDocument"
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": PROBLEM,
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "correlation_id", "retryable", "errors"],
    "properties": {
        "type": {"type": "string", "description": "Path of the page that explains this kind of problem; stable."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened here, in a sentence."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "correlation_id": {"type": "string", "description": "Under this id it stands in our logs."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body, or a parameter's name."},
                    "code": {"type": "string", "description": "Stable; the list may grow."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

_EVERYWHERE: tuple[type[RollcallError], ...] = (
    errors.MalformedError,
    errors.MethodNotAllowedError,
    errors.HeadersTooLargeError,
    RollcallError,
    errors.UnavailableError,
)
_BELOW_V1 = (
    errors.UnauthenticatedError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.InvalidError,
    errors.TooManyRequestsError,
)
_WITH_BODY = (errors.RequestTimeoutError, errors.TooLargeError, errors.UnsupportedMediaTypeError)
_CHANGING = (errors.ConflictError,)
_ABOUT = """Live school attendance: registers in; figures, episodes, tasks and letters out.

What the agreement with a client leaves out of answers is not there; the header `Redacted` names it."""
_PURPOSE: dict[str, Any] = {
    "name": "Purpose",
    "in": "header",
    "required": False,
    "description": "What the data is for, one of the purposes agreed with the client; the first of them if left out.",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,59}$"},
}
_REDACTED: dict[str, Any] = {
    "description": "What is left out by the client's agreement; without it nothing is.",
    "schema": {"type": "string"},
}
_METHODS_WITH_BODY = frozenset({"post", "put", "patch", "delete"})
_IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags of what you have: 304 if it is still so.",
    "schema": {"type": "string"},
}


def document(app: FastAPI, services: Sequence[Service]) -> dict[str, Any]:
    """The document of an application; made once."""
    if app.openapi_schema is None:
        tags = [dict(tag) for service in services for tag in service.tags]
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=_ABOUT,
            routes=app.routes,
            tags=[*tags, {"name": "Operations", "description": "For whoever runs it. No token needed."}],
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas[PROBLEM] = PROBLEM_SCHEMA
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                _add_problems(path, method, operation)
                if path.startswith("/v1/"):
                    _add_agreements(operation)
        _promise_less(made)
        examples.complete(made)
        links.add(made, [service.links for service in services])
        app.openapi_schema = made
    return app.openapi_schema


def _add_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    if path.startswith("/oauth/"):
        return  # its errors follow RFC 6749
    kinds = list(_EVERYWHERE)
    if path.startswith("/v1/"):
        kinds += _BELOW_V1
        kinds += _WITH_BODY if method in _METHODS_WITH_BODY else ()
        kinds += _CHANGING if method == "post" or "409" in operation.get("responses", {}) else ()
        kinds += [kind for kind in problems.catalogue() if kind.status == 412] if _is_conditional(operation) else ()
    answers = operation.setdefault("responses", {})
    for kind in kinds:
        answers[str(kind.status)] = _answer(kind, path)
        if kind is errors.TooManyRequestsError:
            answers[str(kind.status)]["headers"] = _limits(method)
    if method == "get" and "ETag" in answers.get("200", {}).get("headers", {}):
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        answers["304"] = {"description": "It is what the ETag in `If-None-Match` stands for.", "headers": ETAG}
    if path.startswith("/v1/") and "{pupil_id}" in path and method == "get":
        answers["308"] = {
            "description": errors.MovedError.title,
            "headers": {
                "Location": {"description": "The same path with the id that lives on.", "schema": {"type": "string"}}
            },
        }


def _add_agreements(operation: dict[str, Any]) -> None:
    """What an agreement with a client does to every operation (`common.access`)."""
    operation.setdefault("parameters", []).append(_PURPOSE)
    for status, answer in operation["responses"].items():
        if status.startswith("2") and answer.get("content"):
            answer["headers"] = {**answer.get("headers", {}), "Redacted": _REDACTED}


def _promise_less(made: dict[str, Any]) -> None:
    """Takes what an agreement may leave out from what answers must have: a reader who checks them by this document must
    not stumble. A shape that is sent as well stays as it is.
    """
    schemas = made["components"]["schemas"]
    operations = [one for of_path in made["paths"].values() for one in of_path.values()]
    sent = _reached([one.get("requestBody") for one in operations], schemas)
    members = {member for its in REDACTABLE.values() for member in its}
    for name in _reached([one["responses"] for one in operations], schemas) - sent:
        if "required" in schemas[name]:
            schemas[name]["required"] = [one for one in schemas[name]["required"] if one not in members]


def _reached(parts: Any, schemas: dict[str, Any]) -> set[str]:
    """The shapes that parts of the document name, and those that these name."""
    found: set[str] = set()
    left = [parts]
    while left:
        for name in set(_named(left.pop())) - found:
            found.add(name)
            left.append(schemas[name])
    return found


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        members = cast("dict[str, Any]", part)
        if "$ref" in members:
            yield str(members["$ref"]).rpartition("/")[2]
        part = list(members.values())
    if isinstance(part, list):
        for one in cast("list[Any]", part):
            yield from _named(one)


def _limits(method: str) -> dict[str, Any]:
    """The headers that tell a client's quota. All answers to it carry them but `Retry-After`, not only a 429."""
    kind = READS if method == "get" else WRITES
    told = {
        "RateLimit-Policy": ("Requests that the client has in a window of seconds.", f'"{kind}";q=30000;w=60'),
        "RateLimit": ("Requests that are left, and seconds until all are there again.", f'"{kind}";r=0;t=60'),
        "Retry-After": ("Seconds after which the request may be sent again.", "1"),
    }
    return {
        name: {"description": text, "schema": {"type": "string"}, "example": example}
        for name, (text, example) in told.items()
    }


def _is_conditional(operation: dict[str, Any]) -> bool:
    return any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", []))


def _answer(kind: type[RollcallError], path: str) -> dict[str, Any]:
    faults = [Fault("/marks/0/code", "missing", "Field required")] if kind is errors.InvalidError else []
    example = copy.deepcopy(problems.body(kind(faults=faults), path))
    example["correlation_id"] = "6f1c0a52b1f94d4fa3b0c2f2f3d5a1c7"
    return {
        "description": kind.title,
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}, "example": example}},
    }
