"""A POST that is sent twice is done once: its `Idempotency-Key` names it for a day.

What a request came to is kept, sealed, under its key in the transaction that did it, and given again to whoever sends
the same under the same key. So there is no moment at which it is done and not known; and a request that failed leaves
nothing behind, so that it may be mended and sent again. A service that uses this has the table `answered` (`tables`).
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from common.access.caller import Caller
from common.access.reach import Reach
from common.db import Transaction, keyring
from common.errors import Fault, InvalidError, NotFoundError, UnderWayError

T = TypeVar("T")

KEY_HOLDS = timedelta(hours=24)
RETRY_AFTER = 2

LOCK = "select pg_try_advisory_xact_lock(hashtextextended($1, 7201946302))"
FIND = "select fingerprint, sealed from answered where subject = $1 and key = $2 and answered_at > $3"
FORGET = """
delete from answered where (subject, key) in (
    select subject, key from answered where answered_at <= $1 order by answered_at limit 100 for update skip locked
)
"""
"""A few at a time: each request makes room for many."""
KEEP = """
insert into answered (subject, key, fingerprint, sealed, answered_at) values ($1, $2, $3, $4, $5)
on conflict (subject, key) do update
set fingerprint = excluded.fingerprint, sealed = excluded.sealed, answered_at = excluded.answered_at
"""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with a key: whose it is, how far this goes, and a digest of all that it says."""

    subject: str
    key: str
    fingerprint: str
    reach: Reach


def keyed(caller: Caller, key: str | None, *said: str) -> Keyed | None:
    """A request of a token that says this; None when it has no key. The token's own schools are part of it, not those
    of the agreement, which change when a school moves: who lost an answer then would never get it.
    """
    if key is None:
        return None
    whole = [caller.token_reach.listed, *said]
    return Keyed(caller.subject, key, hashlib.sha256(msgspec.json.encode(whole)).hexdigest(), caller.reach)


async def once(
    tx: Transaction,
    request: Keyed | None,
    now: datetime,
    kind: Any,
    work: Callable[[], Awaitable[T]],
    urns: Callable[[T], Iterable[int]],
) -> T:
    """What `work` comes to, or came to under this key in the last day; `kind`: its type, which JSON can hold. `urns`:
    the schools that it tells of.

    InvalidError: the key names something else. UnderWayError: the first request is still being answered. NotFoundError:
    it tells of a school that is not there for the caller any more.
    """
    if request is None:
        return await work()
    if not await tx.fetchval(LOCK, f"{request.subject} {request.key}"):
        raise UnderWayError("The first request under this idempotency key is under way.", retry_after=RETRY_AFTER)
    earlier = await tx.fetchrow(FIND, request.subject, request.key, now - KEY_HOLDS)
    if earlier is not None:
        if earlier["fingerprint"] != request.fingerprint:
            fault = Fault("Idempotency-Key", "other-body", "The key was used for something else in the last 24 hours.")
            raise InvalidError("The idempotency key belongs to another request.", faults=[fault])
        answered: T = keyring(tx).open_json(earlier["sealed"], answer_place(request.subject, request.key), kind)
        if not request.reach.covers(urns(answered)):
            raise NotFoundError
        return answered
    result = await work()
    await tx.execute(FORGET, now - KEY_HOLDS)
    sealed = keyring(tx).seal_json(result, answer_place(request.subject, request.key))
    await tx.execute(KEEP, request.subject, request.key, request.fingerprint, sealed, now)
    return result


def answer_place(subject: str, key: str) -> str:
    """What an answer is sealed for."""
    return msgspec.json.encode(["answered", subject, key]).decode()
