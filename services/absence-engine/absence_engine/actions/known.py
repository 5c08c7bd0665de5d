"""What was known at a moment: children with the marks that the ledgers' entries had told by then, and the episodes that
follow from these.

Marks are as they were known. Who a child is, its roll, its date of birth, the calendars and the policy are today's.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.db import Transaction
from common.errors import Fault, InvalidError

from absence_engine.actions.holding import Holding, Policies
from absence_engine.domain.claims import Episode, as_told, claims
from absence_engine.domain.history import History, millis
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars, ChildRecord, Sheet
from absence_engine.domain.spans import Child, Scope, Span, spans
from absence_engine.store import children, episodes, schools
from absence_engine.store import history as store

TODAYS = ("identities", "roll", "dates of birth", "calendars", "policy")
"""What is today's in an answer as known at a moment."""


async def history_of(tx: Transaction, record: ChildRecord) -> History:
    """All changes of a child's marks."""
    return History.of(record.sheets, await store.of_sheets(tx, [sheet[:3] for sheet in record.sheets]))


async def as_known(tx: Transaction, records: Sequence[ChildRecord], on: datetime) -> list[ChildRecord]:
    """Children as they were known at a moment; InvalidError for one before history was kept."""
    known = await sheets_as_known(tx, [sheet for record in records for sheet in record.sheets], on)
    sheets = {sheet[:3]: sheet for sheet in known}
    return [record._replace(sheets=tuple(sheets[sheet[:3]] for sheet in record.sheets)) for record in records]


async def sheets_as_known(tx: Transaction, sheets: Sequence[Sheet], on: datetime) -> list[Sheet]:
    """Sheets as they were known at a moment, school by school: the history of many is too much to be in memory at once.
    InvalidError for a moment before history was kept.
    """
    await check(tx, on, "as_known_on")
    by_school: dict[int, list[Sheet]] = {}
    for sheet in sheets:
        by_school.setdefault(sheet.urn, []).append(sheet)
    known: list[Sheet] = []
    for its in by_school.values():
        history = History.of(its, await store.of_sheets(tx, [sheet[:3] for sheet in its]))
        known += await asyncio.to_thread(history.known, millis(on))
    return known


async def check(tx: Transaction, on: datetime, parameter: str) -> None:
    """InvalidError for a moment before history was kept: an upgrade finds marks without it."""
    kept_from = await store.kept_from(tx)
    if kept_from is not None and on < kept_from:
        detail = f"What was known is kept from {kept_from.isoformat()} on; a rebuild reads it from the ledgers."
        raise InvalidError("Nobody knows what was known then.", faults=[Fault(parameter, "before-history", detail)])


@dataclass(frozen=True, slots=True)
class Known:
    """A child as known at a moment, and the episodes that stood then, with the spans that they were."""

    child: Child
    standing: Sequence[tuple[Episode, Span, Policy]]


class Family:
    """One child with all that its episodes follow from, but the marks: what they were is asked for moment by moment."""

    def __init__(
        self, record: ChildRecord, history: History, old: Sequence[Episode], calendars: Calendars, holding: Holding
    ) -> None:
        self.record = record
        self.history = history
        self.old = old
        self.calendars = calendars
        self._holding = holding

    @classmethod
    async def load(cls, tx: Transaction, record: ChildRecord, policies: Policies) -> "Family":
        ids = {record.pupil_id, *await children.dead_ids(tx, [record.pupil_id])}
        return cls(
            record,
            await history_of(tx, record),
            await episodes.of_children(tx, ids),
            await schools.calendars(tx, {stay.urn for stay in record.enrolments}),
            await policies.at_present(tx, {sheet.urn for sheet in record.sheets}),
        )

    def at(self, at: int) -> Known:
        """What was known at a moment (milliseconds since 1970): spans claim today's episodes as they do when marks
        change; one that no span claims was not known then, or was taken back.
        """
        return self._of(self.history.known(at))

    def counted(self, numbers: Mapping[int, int]) -> Known:
        """What was known when of each school the entries up to a number had been counted, as `at`."""
        return self._of(self.history.counted(numbers))

    def _of(self, sheets: tuple[Sheet, ...]) -> Known:
        child = Child.of(self.record._replace(sheets=sheets))
        found = self._spans(child)
        taken = {episode.episode_id for episode in self.old}
        standing: list[tuple[Episode, Span, Policy]] = []
        for kind, year in sorted({(span.kind, span.year) for span, _ in found}, key=str):
            its = [(span, policy) for span, policy in found if (span.kind, span.year) == (kind, year)]
            its_old = [episode for episode in self.old if (episode.kind, episode.year) == (kind, year)]
            for (span, policy), episode in zip(its, claims([span for span, _ in its], its_old), strict=True):
                known = as_told(child, span, episode, taken, policy)
                taken.add(known.episode_id)
                standing.append((known, span, policy))
        return Known(child, standing)

    def policy(self, child: Child, year: int | None) -> Policy:
        """The policy that holds for the child in a year, or over the years."""
        return self._holding.of_child(child.record)(year)

    def _spans(self, child: Child) -> list[tuple[Span, Policy]]:
        """All spans of a child, each with the policy by which it is one."""
        holds, scope = self._holding.of_child(child.record), Scope.whole(child)
        policies = {id(policy): policy for policy in (*map(holds, scope.years), holds(None))}.values()
        found: list[tuple[Span, Policy]] = []
        for policy in policies:
            years = frozenset(year for year in scope.years if holds(year) is policy)
            kinds = scope.kinds if holds(None) is policy else frozenset[str]()
            (its,) = spans([child], [Scope(years, kinds)], self.calendars, policy)
            found += [(span, policy) for span in its]
        return found
