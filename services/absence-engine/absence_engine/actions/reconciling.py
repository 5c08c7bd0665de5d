"""Reconciliations in the background: an authority's file is counted school by school, outside the request that sent
it.
"""

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog
from common.access.reach import Reach
from common.clock import Clock
from common.db import Database, Transaction
from common.listen import Signal, notify
from common.security import Caller

from absence_engine.actions import known
from absence_engine.actions.holding import Policies
from absence_engine.actions.jobs import Jobs
from absence_engine.actions.policies import CHANNEL
from absence_engine.actions.reconcile import Others, Reconciled, Terms, keep, reconcile, schools_of
from absence_engine.domain import dfe_file
from absence_engine.store import reconciliations as store
from absence_engine.store.jobs import RECONCILIATIONS
from absence_engine.store.reconciliations import Kept

SCHOOLS_A_TURN = 20
"""After so many schools it says how far it has come."""
TRIED = timedelta(days=1)
"""For so long it is begun again when a process dies; after that it stays as it is."""

log = structlog.get_logger()

Shown = Callable[[Sequence[Reconciled], Others], Mapping[str, Any]]
"""What of an answer is told of the rows."""


class StoppedError(Exception):
    """The process ends: somebody else, or the next start, will do it."""


class Sent(msgspec.Struct):
    """What was sent, to be read again: the file, its days and moment, the schools of the token (None: all)."""

    file: str
    first: date | None
    last: date | None
    known_on: datetime | None
    schools: list[int] | None

    @classmethod
    def of(cls, body: bytes, terms: Terms, caller: Caller) -> "Sent":
        """The file compressed, as text: a document of JSON holds it."""
        schools = caller.reach.listed
        return cls(base64.b64encode(zlib.compress(body)).decode(), terms.first, terms.last, terms.known_on, schools)

    @property
    def body(self) -> bytes:
        return zlib.decompress(base64.b64decode(self.file))


async def ask(
    database: Database, clock: Clock, caller: Caller, body: bytes, terms: Terms, answer: Mapping[str, Any]
) -> str:
    """Makes a job of a file of DfE's that can be read; its id. InvalidError for a moment before history."""
    sent = Sent.of(body, terms, caller)

    if terms.known_on is not None:
        async with database.transaction() as tx:
            await known.check(tx, terms.known_on, "as_known_on")
    told = {**answer, "state": "queued", "schools_counted": 0, "asked": msgspec.to_builtins(sent)}
    kept = await keep(database, clock, Kept(caller.subject, sent.schools, told))
    await database.in_transaction(lambda tx: notify(tx, CHANNEL))
    return kept


class Reconciling(Jobs):
    """Background work: answers the files that have been asked about."""

    name, kind = "reconciling", RECONCILIATIONS

    def __init__(self, database: Database, clock: Clock, policies: Policies, changed: Signal, shown: Shown) -> None:
        super().__init__(database, clock, policies, changed)
        self._shown = shown

    async def _waiting(self, tx: Transaction) -> list[str]:
        return await store.still_open(tx, self._clock.now() - TRIED)

    async def _do(self, job_id: str, stop: asyncio.Event) -> None:
        async with self._database.transaction() as tx:
            kept = await store.read(tx, job_id)
        if kept is None or "asked" not in kept.answer:
            return  # somebody else has answered it meanwhile
        counted = 0

        async def tell() -> None:
            nonlocal counted
            if stop.is_set():
                raise StoppedError
            self._pulse.beat()
            counted += 1
            if counted % SCHOOLS_A_TURN == 1:
                async with self._database.transaction() as tx:
                    await store.advance(tx, job_id, counted)

        sent = msgspec.convert(kept.answer["asked"], Sent)
        schools = None if sent.schools is None else frozenset(sent.schools)
        caller = Caller(kept.subject, frozenset(), Reach(schools))
        rows, _ = dfe_file.read(sent.body)
        terms = Terms("dfe", sent.first, sent.last, sent.known_on)
        try:
            async with self._database.transaction() as tx:
                found, others = await reconcile(tx, caller, rows, terms, self._policies, self._clock.today(), tell)
        except StoppedError:
            return
        told = {**self._shown(found, others), "state": "done", "schools_counted": counted}
        async with self._database.transaction() as tx:
            await store.finish(tx, job_id, schools_of(found), told)
        log.info("reconciled", reconciliation_id=job_id, schools=counted)
