"""The transaction of a write: schools locked in URN order, the work, then what it says as ledger entries, all or
nothing.

A work that finds that it concerns more than is locked raises `BeginAgainError`; it is begun again with all those
schools locked, so that locks are only ever taken in order. The database's own "do it again" (deadlocks, a UPN that
somebody else was faster with) is heeded in the same way.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import date, datetime
from typing import Any, TypeVar

import asyncpg
from common.clock import Clock
from common.codes import code_table
from common.correlation import correlation_id
from common.db import Database, Transaction
from common.errors import NotFoundError
from common.idempotency import Keyed, once

from registers.domain import ledger as rules
from registers.domain.ledger import Facts, Head
from registers.store import ledger, schools

T = TypeVar("T")

ATTEMPTS = 8


class BeginAgainError(Exception):
    """The write concerns schools, or children, that are not locked; `urns` are the further schools."""

    def __init__(self, urns: Collection[int] = ()) -> None:
        super().__init__(f"{len(urns)} more schools")
        self.urns = frozenset(urns)


class Write:
    """One write under way. `today` and `now` are the same for all of it; what it says is collected by school."""

    def __init__(
        self, tx: Transaction, heads: dict[int, Head], now: datetime, today: date, household_key: bytes | None
    ) -> None:
        self.tx = tx
        self.household_key = household_key
        self.now = now
        self.today = today
        self.codes = code_table()
        self._heads = heads
        self._facts: dict[int, Facts] = {}

    def needs(self, urns: Collection[int]) -> None:
        """BeginAgainError unless all these schools are locked."""
        if missing := set(urns) - self._heads.keys():
            raise BeginAgainError(missing)

    def facts(self, urn: int) -> Facts:
        """Where what the write says about a school is collected."""
        self.needs([urn])
        return self._facts.setdefault(urn, Facts())

    def sequence(self, urn: int) -> int:
        """The number of the school's last entry: once the write is announced, the one that it stands behind."""
        return self._heads[urn].number

    async def announce(self) -> bool:
        """Appends what was collected to the ledgers; whether there was anything."""
        said = False
        for urn, facts in sorted(self._facts.items()):
            entries = rules.chain(facts, self._heads[urn], self.now, new_id, correlation_id())
            self._heads[urn] = rules.after(self._heads[urn], entries)
            await ledger.append(self.tx, entries)
            said = said or bool(entries)
        return said


class Writer:
    """Runs writes. `wake` is called after each commit that added to a ledger. Without a `household_key` nobody is told
    of households.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wake: Callable[[], None],
        keyed: Keyed | None = None,
        kind: Any = Any,
        household_key: bytes | None = None,
    ) -> None:
        self.household_key = household_key
        self._database = database
        self.clock = clock
        self.wake = wake
        self._keyed, self._kind = keyed, tuple[kind, dict[int, int], bool]

    def once(self, keyed: Keyed | None, kind: Any) -> "Writer":
        """The writer of one request, which does once what its key names, if it has one. `kind`: what a work of it comes
        to.
        """
        if keyed is None:
            return self
        return Writer(self._database, self.clock, self.wake, keyed, kind, self.household_key)

    async def run(self, urns: Collection[int], work: Callable[[Write], Awaitable[T]]) -> tuple[T, dict[int, int]]:
        """Does `work` in a transaction with these schools locked; its result, and each locked school's last number.

        NotFoundError when a school is not known.
        """
        wanted = frozenset(urns)
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._once(wanted, work)
            except BeginAgainError as error:
                wanted |= error.urns
            except asyncpg.UniqueViolationError:
                continue
        return await self._once(wanted, work)

    async def _once(self, urns: frozenset[int], work: Callable[[Write], Awaitable[T]]) -> tuple[T, dict[int, int]]:
        async def attempt(tx: Transaction) -> tuple[T, dict[int, int], bool]:
            heads = await schools.lock(tx, urns)
            if len(heads) < len(urns):
                raise NotFoundError("No such school.")
            write = Write(tx, heads, self.clock.now(), self.clock.today(), self.household_key)
            result = await work(write)
            said = await write.announce()
            return result, {urn: write.sequence(urn) for urn in urns}, said

        result, sequences, said = await self._database.in_transaction(
            lambda tx: once(tx, self._keyed, self.clock.now(), self._kind, lambda: attempt(tx), lambda done: done[1])
        )
        if said:
            self.wake()
        return result, sequences


def new_id() -> str:
    """A new opaque id."""
    return str(uuid.uuid4())
