"""Which policy holds for whom: what has been read of the versions is kept until somebody says that others may hold.

`engine.policy_turn` says that. An evaluation asks for it after it has locked its children (`at_present`): so no child
is evaluated by a version that another process knows to be over (`docs/decisions/policy-sets.md`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from common.clock import Clock
from common.db import Transaction

from absence_engine.domain.in_force import Book, Holds, holds_for
from absence_engine.domain.marks import child_years
from absence_engine.domain.policy import Policy, policies, read
from absence_engine.domain.records import ChildRecord
from absence_engine.store import policies as store

Documents = Mapping[str, Sequence[Mapping[str, Any]]]


class Holding:
    """What holds at one turn: for an authority, a school, a child. `epoch` is the engine's."""

    def __init__(self, epoch: int, turn: int, documents: Documents, today: date, shipped: Sequence[Policy]) -> None:
        self.epoch = epoch
        self.turn = turn
        self.today = today
        everybodys = {policy.version: policy for policy in (*shipped, *_read(documents, store.ENGLAND))}
        self.england = Book.of((), list(everybodys.values()), today)
        self._books = {
            la_code: Book.of(_read(documents, la_code), self.england.all, today)
            for la_code in documents
            if la_code != store.ENGLAND
        }
        self._of_school: dict[int, Book] = {}

    async def know(self, tx: Transaction, urns: Iterable[int]) -> None:
        """Finds out whose these schools are."""
        if not self._books or not (unknown := set(urns) - self._of_school.keys()):
            return
        for urn, la_code in (await store.las(tx, unknown)).items():
            self._of_school[urn] = self.of_authority(la_code)

    def of_authority(self, la_code: str) -> Book:
        """An authority's book; one that has no version of its own has England's."""
        return self._books.get(la_code, self.england)

    def differ(self, la_code: str, other: str) -> bool:
        """Whether two authorities may have different policies."""
        return self.of_authority(la_code) is not self.of_authority(other)

    def of_school(self, urn: int) -> Book:
        """The book of a school that is known; of one that no ledger has told of, England's."""
        return self._of_school.get(urn, self.england)

    def of_child(self, record: ChildRecord) -> Holds:
        """What holds for a child whose schools are known; a `Book` where all of them have the same."""
        books = {self.of_school(sheet.urn) for sheet in record.sheets}
        if not books:
            books = {self.of_school(stay.urn) for stay in record.enrolments[-1:]} or {self.england}
        if len(books) == 1:
            return books.pop()
        return holds_for(child_years(record), self.of_school, self.england)


class Policies:
    """The policies of all authorities, as they were when they were last asked for; `shipped` are England's."""

    def __init__(self, clock: Clock, shipped: Sequence[Policy] | None = None) -> None:
        self._clock = clock
        self._shipped = policies() if shipped is None else shipped
        self._known: Holding | None = None

    async def at_present(self, tx: Transaction, urns: Iterable[int] = ()) -> Holding:
        """What holds now, with these schools known. One small row is read, and the versions when it has changed."""
        epoch, turn, day = await store.turn(tx)
        today = day or self._clock.today()
        known = self._known
        if known is None or (known.epoch, known.turn, known.today) != (epoch, turn, today):
            known = Holding(epoch, turn, await store.published(tx), today, self._shipped)
            self._known = known
        await known.know(tx, urns)
        return known


def _read(documents: Documents, la_code: str) -> list[Policy]:
    return [read(document) for document in documents.get(la_code, ())]
