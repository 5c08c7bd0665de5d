"""Logging: one JSON object a line on standard error. Events, not sentences; ids, never names (invariant 6).

An error is told by its kind and where it came from; its own words only when they can't hold what somebody sent: a
database's complaint quotes the row, a validator's the input.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TypeAlias, cast

import asyncpg
import structlog
from pydantic import ValidationError

from common.correlation import correlation_id

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]
EventDict: TypeAlias = MutableMapping[str, Any]

_QUOTES_INPUT = (asyncpg.PostgresError, asyncpg.InterfaceError, ValidationError, UnicodeError)
_FRAMES = 12


def configure_logging(level: str = "info") -> None:
    """Once per process: structlog, and what libraries say through the standard library, in one form."""
    shared: list[structlog.typing.Processor] = [
        _add_correlation,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_error,
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def _add_correlation(_: Any, __: str, event: EventDict) -> EventDict:
    if current := correlation_id():
        event.setdefault("correlation_id", current)
    return event


def _tell_error(_: Any, __: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by the chain of errors: kind, harmless words, the last frames."""
    given: object = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = cast("ExcInfo", given)[1]
    if isinstance(given, BaseException):
        event["error"] = describe(given)
    return event


def describe(error: BaseException) -> list[dict[str, Any]]:
    """The error and what led to it, the first cause last."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        frames = traceback.extract_tb(current.__traceback__)[-_FRAMES:]
        told: dict[str, Any] = {
            "kind": type(current).__name__,
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if not _quotes_input(current):
            told["words"] = str(current)
        if isinstance(current, asyncpg.PostgresError):
            told["sqlstate"] = current.sqlstate
        chain.append(told)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _quotes_input(error: BaseException) -> bool:
    """Whether an error's own words can hold what somebody sent; SQLAlchemy is not loaded to ask that."""
    alchemy = sys.modules.get("sqlalchemy.exc")
    return isinstance(error, _QUOTES_INPUT) or (alchemy is not None and isinstance(error, alchemy.StatementError))
