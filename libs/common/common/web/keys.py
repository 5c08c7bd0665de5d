"""The header `Idempotency-Key`, by which a POST names itself (`common.idempotency`)."""

from typing import Any

from fastapi import Header, Request
from pydantic import BaseModel

from common import idempotency
from common.idempotency import Keyed
from common.security import Caller


def idempotency_key(thing: str) -> Any:
    """The header that names what a POST makes, so that sending it twice makes it once."""
    return Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description=f"Names the {thing} for 24 hours: the same body again is the same {thing}.",
    )


def keyed(caller: Caller, key: str | None, request: Request, sent: BaseModel) -> Keyed | None:
    """A request with its idempotency key: the same place and body are the same request; None when it has no key."""
    return idempotency.keyed(caller, key, request.url.path, sent.model_dump_json())
