"""Lists: `{"items": […], "next": path or null}`, with opaque cursors that stay good while data moves."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar, cast

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.errors import Fault, InvalidError

Item = TypeVar("Item")
Found = TypeVar("Found")
Place = TypeVar("Place")

PageSize = Annotated[int, Query(ge=1, le=1000, description="How many items a page has at most.")]
"""`page_size: PageSize = 100` in a route's signature."""


Cursor = Annotated[str | None, Query(description="Where the page begins: the `next` path of the page before has it.")]
"""`cursor: Cursor = None` in a route's signature."""


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="Path of the next page; null on the last.", examples=[None])


def encode_cursor(position: dict[str, Any]) -> str:
    """An opaque text that stands for a position: JSON values only."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> dict[str, Any]:
    """The position; InvalidError when the text was not made by `encode_cursor`. The caller checks its fields' types."""
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        position = None
    if not isinstance(position, dict):
        raise _refused("The cursor is not one that we gave.")
    return cast("dict[str, Any]", position)


def place_of(cursor: str | None, read: Callable[[dict[str, Any]], Place]) -> Place | None:
    """Where a page begins, as `read` makes it of the cursor's position; None for the first page.

    InvalidError when the cursor is none of ours, or `read` raises what values of another list make it raise.
    """
    if cursor is None:
        return None
    position = decode_cursor(cursor)
    try:
        return read(position)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _refused("The cursor is not one of this list.") from error


def cut(
    request: Request, found: Sequence[Found], page_size: int, position: Callable[[Found], dict[str, Any]]
) -> tuple[Sequence[Found], str | None]:
    """The page among what was found from its beginning on, and the path of the next one.

    There is a next page when more was found than fits: a list asks for one more. `position` is that of an item.
    """
    page = found[:page_size]
    return page, next_path(request, encode_cursor(position(page[-1]))) if len(found) > page_size else None


def _refused(text: str) -> InvalidError:
    fault = Fault("cursor", "bad-cursor", "Use the `next` path of the page before, unchanged.")
    return InvalidError(text, faults=[fault])


def next_path(request: Request, cursor: str) -> str:
    """The path of the next page: this request's path and parameters with `cursor` set to the new one."""
    url = request.url.include_query_params(cursor=cursor)
    return f"{url.path}?{url.query}"
