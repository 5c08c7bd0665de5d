"""`at_least=URN:SEQUENCE` and `Prefer: wait=N`: an answer that has counted what the caller has just sent."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from common.db import Database
from common.errors import Fault, InvalidError
from common.listen import Signal
from common.security import Caller, needs
from fastapi import Depends, Header, Query

from absence_engine.actions.waiting import until_counted

DEFAULT_SECONDS, MOST_SECONDS = 5, 30
MOST_URN, MOST_SEQUENCE = 2**31 - 1, 2**63 - 1

_PAIR = re.compile(r"([0-9]{1,10}):([0-9]{1,19})")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,9})\"?(?=$|[,;\s])", re.IGNORECASE)
_ASYNC = re.compile(r"(?:^|[,;\s])respond-async(?=$|[,;\s])", re.IGNORECASE)

Reader = Annotated[Caller, needs("totals:read")]
ChildReader = Annotated[Caller, needs("totals:read", by_child=True)]
"""Of routes about one child, which are open to cohorts."""


def waiter(database: Database, signal: Signal) -> Any:
    """The dependency of every route: waits, if asked to, once the caller is known."""

    async def wait(
        caller: ChildReader,
        at_least: Annotated[
            list[str] | None,
            Query(
                description="Answer only when this entry of a school's ledger has been counted: `URN:SEQUENCE`; once "
                "per school. 503 when it has not been in time.",
                examples=["100001:812"],
            ),
        ] = None,
        prefer: Annotated[
            str | None, Header(description="`wait=N`: seconds to wait, 5 by default, 30 at most.")
        ] = None,
    ) -> None:
        if wanted := parse(at_least or ()):
            await until_counted(database, signal, wanted, seconds_of(prefer))

    return Depends(wait)


def parse(pairs: Sequence[str]) -> dict[int, int]:
    """Sequence by URN; InvalidError for what is no such pair, and for a school that is named twice."""
    found: dict[int, int] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        urn, sequence = (int(match[1]), int(match[2])) if match else (0, 0)
        if not (0 < urn <= MOST_URN and sequence <= MOST_SEQUENCE) or urn in found:
            fault = Fault("at_least", "bad-at-least", "Write URN:SEQUENCE, once per school, for example 100001:812.")
            raise InvalidError("at_least can't be read.", faults=[fault])
        found[urn] = sequence
    return found


def seconds_of(prefer: str | None) -> int:
    """How long to wait, by RFC 7240; preferences that we don't know are passed over."""
    match = _WAIT.search(prefer or "")
    return min(int(match[1]), MOST_SECONDS) if match else DEFAULT_SECONDS


def prefers_async(prefer: str | None) -> bool:
    """Whether an answer that may take long is to be looked for later, by RFC 7240."""
    return _ASYNC.search(prefer or "") is not None
