"""What patterns need of siblings: who they are, their years, and whether a caller may know who they are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from common.db import Transaction
from common.security import Caller

from absence_engine.domain.marks import YearMarks, child_year
from absence_engine.domain.patterns.kept import Kept, Shown
from absence_engine.domain.patterns.siblings import KIND, hidden
from absence_engine.domain.records import ChildRecord
from absence_engine.store import children, households, progress
from absence_engine.store import figures as reading

Kin = Mapping[str, Sequence[tuple[str, YearMarks]]]
"""By child, its siblings with their marks of one year."""


async def waiting(tx: Transaction, ids: Collection[str]) -> tuple[dict[str, str], set[str]]:
    """Whom each id of some living children means, and which of them wait for the end of a write or a rebuild."""
    owners = {pupil_id: pupil_id for pupil_id in ids} | await children.dead_ids(tx, ids)
    still = await progress.still_waiting(tx, owners)
    return owners, {owners[pupil_id] for pupil_id, waits in still.items() if waits}


async def with_siblings(
    tx: Transaction, ids: Sequence[str], year: int, on: date
) -> tuple[list[ChildRecord], Kin, set[str]]:
    """The records of some living children, what their siblings of a day had in a year, and those of the children with a
    sibling who waits: of these nothing can be said.
    """
    siblings = await households.siblings(tx, ids, on)
    beside = sorted({other for others in siblings.values() for other in others}.difference(ids))
    _, waits = await waiting(tx, beside)
    records = await reading.records(tx, [*ids, *beside])
    concerned = {other for others in siblings.values() for other in others}
    years = {record.pupil_id: _year(record, year) for record in records if record.pupil_id in concerned}
    kin = {
        child: [(other, marks) for other in others if (marks := years[other]) is not None]
        for child, others in siblings.items()
    }
    unclear = {child for child, others in siblings.items() if not waits.isdisjoint(others)}
    return records[: len(ids)], kin, unclear


async def as_seen(tx: Transaction, shown: Sequence[Shown], caller: Caller) -> list[Shown]:
    """Patterns as a caller may see them: without siblings at schools that are hidden from it, and without those of
    siblings where these are left out.
    """
    if "siblings" in caller.redactions:
        return [one for one in shown if one.kind != KIND]
    schools = caller.reach.schools
    if schools is None or not (named := {one.what for one in shown if one.kind == KIND}):
        return list(shown)
    seen = await households.seen(tx, named, schools)
    return [hidden(one) if one.kind == KIND and one.what not in seen else one for one in shown]


async def kept_as_seen(tx: Transaction, kept: Sequence[Kept], caller: Caller) -> list[Kept]:
    """As `as_seen`, of patterns that were said."""
    seen = await as_seen(tx, [one.shown for one in kept], caller)
    return [one._replace(shown=shown) for one, shown in zip(kept, seen, strict=True)]


def _year(record: ChildRecord, year: int) -> YearMarks | None:
    sheets = [sheet for sheet in record.sheets if sheet.year == year]
    return child_year(year, sheets, record) if sheets else None
