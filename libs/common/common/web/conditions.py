"""Entity tags and the requests that name them (RFC 9110, 8.8.3 and 13.1).

A tag is `"state-digest"`. The state is what a write changes, and all that `If-Match` asks for; the digest is of all
that is shown, which may change without such a write: the numbers of a ledger, marks beside a notice. `If-None-Match` of
a GET asks for the whole tag, and is heeded by the frame (`bare`): a route sets its `ETag`, and says so by `TAGGED`.
"""

import hashlib
from typing import Annotated, Any

from fastapi import Depends, Header
from pydantic import BaseModel

from common.preconditions import Precondition

ETAG: dict[str, Any] = {"ETag": {"description": "Stands for what is shown.", "schema": {"type": "string"}}}
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}}
"""`responses=TAGGED` of a route whose answer carries an ETag."""

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="An ETag: change it only if it is still as read; `*`: if it is.")
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="`*`: only if there is none yet.")]


def tag(state: str, shown: BaseModel) -> str:
    """The ETag of an answer that shows something in a state."""
    return f'"{state}-{digest(shown.model_dump_json().encode())}"'


def digest(body: bytes) -> str:
    """A short text that stands for a body."""
    return hashlib.sha256(body).hexdigest()[:16]


def unless_changed(if_match: IfMatch = None) -> Precondition:
    """What a change of something that is there asks."""
    return Precondition(None if if_match is None else _states(if_match))


def before_putting(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Precondition:
    """What a PUT asks that makes or changes something."""
    none_match = None if if_none_match is None else _states(if_none_match.replace("W/", ""))
    return Precondition(unless_changed(if_match).match, none_match)


Unchanged = Annotated[Precondition, Depends(unless_changed)]
Putting = Annotated[Precondition, Depends(before_putting)]


def offered(if_none_match: str) -> set[str]:
    """The tags of an If-None-Match header; a weak one is as good (RFC 9110, 13.1.2)."""
    return {one.strip().removeprefix("W/") for one in if_none_match.split(",")}


def _states(listed: str) -> frozenset[str]:
    """The states in a list of tags; what is none of our tags, a weak one for example, is no state of anything."""
    return frozenset(one.strip().strip('"').partition("-")[0] for one in listed.split(","))
