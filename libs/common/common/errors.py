"""Named outcomes that end a request: raised where the rule breaks, rendered once, in `web`, as RFC 9457 problems."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input: where (JSON pointer or parameter name), a stable code, a sentence."""

    pointer: str
    code: str
    detail: str


class RollcallError(Exception):
    """An error of ours. It was logged under the answer's `correlation_id`; nothing was kept of the request."""

    status = 500
    type = "internal"
    title = "Something went wrong on our side"
    retryable = False

    def __init__(self, detail: str = "", *, faults: Sequence[Fault] = (), retry_after: int | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.faults = tuple(faults)
        self.retry_after = retry_after


class NotFoundError(RollcallError):
    """No such thing, or nothing that this caller may see: the two are told alike."""

    status = 404
    type = "not-found"
    title = "Not found"


class InvalidError(RollcallError):
    """The request is well-formed but breaks a rule; `errors` names each place."""

    status = 422
    type = "invalid"
    title = "The request breaks a rule"


class ConflictError(RollcallError):
    """The thing is not in a state that allows this."""

    status = 409
    type = "conflict"
    title = "Not possible in the present state"


class UnderWayError(RollcallError):
    """The first request under the same idempotency key is still being answered: ask again in a few seconds."""

    status = 409
    type = "under-way"
    title = "The same request is under way"
    retryable = True


class StaleError(RollcallError):
    """`If-Match` names a state that has been changed since."""

    status = 412
    type = "stale"
    title = "Changed since it was read"


class NotAcceptableError(RollcallError):
    """The thing is not to be had in any of the media types that the caller accepts."""

    status = 406
    type = "not-acceptable"
    title = "Not available in an acceptable form"


class TooLargeError(RollcallError):
    """More rows, marks or bytes than one request may carry."""

    status = 413
    type = "too-large"
    title = "The request is too large"


class UnauthenticatedError(RollcallError):
    """No token, or one that does not hold."""

    status = 401
    type = "unauthenticated"
    title = "A valid bearer token is needed"


class ForbiddenError(RollcallError):
    """The token is valid, but lacks the scope that the route needs; the OpenAPI document names it."""

    status = 403
    type = "forbidden"
    title = "The token lacks a scope"


class AgreementError(RollcallError):
    """Nothing is agreed with the client that the token was given to, or not for today: see `/v1/consumers`."""

    status = 403
    type = "no-agreement"
    title = "No agreement with this client is in force"


class PurposeError(RollcallError):
    """The header `Purpose` names what the data may not be used for by this client's agreement."""

    status = 403
    type = "purpose-not-agreed"
    title = "The purpose was not agreed"


class CohortError(RollcallError):
    """The client may see children of some cohorts only; this is about others as well, or does not know cohorts."""

    status = 403
    type = "cohorts-only"
    title = "Not for a client that is limited to cohorts"


class TooManyRequestsError(RollcallError):
    """More requests than the client may send: `RateLimit-Policy` says how many, `Retry-After` when to go on."""

    status = 429
    type = "too-many-requests"
    title = "Too many requests"
    retryable = True


class RequestTimeoutError(RollcallError):
    """The request took too long to arrive. A request that is sent at once is answered."""

    status = 408
    type = "request-timeout"
    title = "The request took too long to arrive"
    retryable = True


class HeadersTooLargeError(RollcallError):
    """The request has more than 100 headers, or more than 32 KB of them."""

    status = 431
    type = "headers-too-large"
    title = "The headers are too large"


class RedactionError(RollcallError):
    """Something is left out for this client, and this can't be given without it."""

    status = 403
    type = "redacted"
    title = "Not to be had without what is left out for this client"


class UnavailableError(RollcallError):
    """Not now; the same request may succeed later."""

    status = 503
    type = "unavailable"
    title = "Not available at the moment"
    retryable = True


class MovedError(RollcallError):
    """The child is known under another id since a merge; `location` is the same path with that id."""

    status = 308
    type = "moved"
    title = "Known under another id"

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class MalformedError(RollcallError):
    """The request can't be read: no JSON, not UTF-8, or with NUL or half a surrogate pair in it."""

    status = 400
    type = "malformed"
    title = "The request can't be read"


class MethodNotAllowedError(RollcallError):
    """The path is there, but not for this method; `Allow` names those it has."""

    status = 405
    type = "method-not-allowed"
    title = "The path has no such method"


class UnsupportedMediaTypeError(RollcallError):
    """The `Content-Type` is none that the path takes: `application/json`, unless the OpenAPI document says more."""

    status = 415
    type = "unsupported-media-type"
    title = "The body is of a type that this path does not take"
