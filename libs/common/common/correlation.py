"""The id that ties together what one request caused: taken from the caller or made, and carried into every event."""

import re
import uuid
from contextvars import ContextVar

HEADER = "x-correlation-id"

_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def accept(offered: str | None) -> str:
    """The caller's id when it is harmless to log and store, else a new one; it becomes the current one."""
    accepted = offered if offered and _ACCEPTED.fullmatch(offered) else uuid.uuid4().hex
    _current.set(accepted)
    return accepted


def correlation_id() -> str:
    """The current id; empty outside a request."""
    return _current.get()
