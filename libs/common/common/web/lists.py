"""Lists: `{"items": […], "next": path or null}`, with opaque cursors that stay good while data moves."""

import base64
import binascii
import json
from typing import Annotated, Any, Generic, TypeVar, cast

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.errors import Fault, InvalidError

Item = TypeVar("Item")

PageSize = Annotated[int, Query(ge=1, le=1000, description="How many items a page has at most.")]
"""`page_size: PageSize = 100` in a route's signature."""


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
        raise InvalidError(
            "The cursor is not one that we gave.",
            faults=[Fault("cursor", "bad-cursor", "Use the `next` path of the page before, unchanged.")],
        )
    return cast("dict[str, Any]", position)


def next_path(request: Request, cursor: str) -> str:
    """The path of the next page: this request's path and parameters with `cursor` set to the new one."""
    url = request.url.include_query_params(cursor=cursor)
    return f"{url.path}?{url.query}"
