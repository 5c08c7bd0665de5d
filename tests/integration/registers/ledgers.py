"""What must hold of registers' database after whatever was done to it: checked at the end of every test here."""

from collections import defaultdict
from typing import Any

from common.db import Database
from common.events import decode
from common.events.registers import MarkQuarantined, MarkReleased, PupilMerged, SessionMarked

LEDGER = "select urn, number, entry_id::text, type, write_last, body from ledger order by urn, number"
HEADS = "select urn, last_number, last_entry::text from school"
STANDING = "select urn, date, session, pupil_id::text, code from mark where standing and code is not null"
WAITING = "select count(*) from mark where problem is not null"
UNKNOWN = "select count(*) from unresolved"
TWICE = """
select m.urn, m.date, m.session, coalesce(p.survivor, p.pupil_id)
from mark as m join pupil as p using (pupil_id) where m.standing group by 1, 2, 3, 4 having count(*) > 1
"""
SURVIVORS_THAT_DIED = (
    "select d.pupil_id from pupil as d join pupil as s on s.pupil_id = d.survivor where s.survivor is not null"
)


async def check(database: Database) -> None:
    """Each ledger is dense and chained, its writes are whole, and it folds to the marks that stand and wait."""
    async with database.transaction() as tx:
        entries = [tuple(row) for row in await tx.fetch(LEDGER)]
        heads = {urn: (number, entry) for urn, number, entry in await tx.fetch(HEADS)}
        standing = {tuple(row)[:4]: row["code"] for row in await tx.fetch(STANDING)}
        waiting = await tx.fetchval(WAITING) + await tx.fetchval(UNKNOWN)
        assert not await tx.fetch(TWICE), "two marks stand in one slot"
        assert not await tx.fetch(SURVIVORS_THAT_DIED)
    ledgers: dict[int, list[Any]] = defaultdict(list)
    for urn, number, entry_id, kind, write_last, body in entries:
        event = decode(body)
        previous = ledgers[urn][-1].id if ledgers[urn] else None
        assert number == len(ledgers[urn]) + 1 == event.sequence
        assert (event.id, event.type, event.schoolurn, event.subject) == (entry_id, kind, urn, str(urn))
        assert (event.data.previous, event.data.write_last) == (previous, write_last)
        ledgers[urn].append(event)
    for urn, (number, entry) in heads.items():
        assert (len(ledgers[urn]), ledgers[urn][-1].id if ledgers[urn] else None) == (number, entry)
        _check_writes(ledgers[urn])
    assert fold(ledgers) == standing
    assert _waiting(ledgers) == waiting


def _check_writes(ledger: list[Any]) -> None:
    """Every write ends at its own last entry."""
    at = 0
    while at < len(ledger):
        last = ledger[at].data.write_last
        assert at < last <= len(ledger)
        assert {event.data.write_last for event in ledger[at:last]} == {last}
        at = last


def fold(ledgers: dict[int, list[Any]]) -> dict[tuple[Any, ...], str]:
    """The standing marks that ledgers tell of: (urn, date, session, pupil_id) -> code."""
    from datetime import date

    standing: dict[tuple[Any, ...], str] = {}
    for urn, ledger in ledgers.items():
        for event in ledger:
            if isinstance(event.data, SessionMarked):
                on, half = date.fromisoformat(event.data.date), ["AM", "PM"].index(event.data.session)
                for mark in event.data.marks:
                    if mark.code is None:
                        del standing[urn, on, half, mark.pupil_id]  # never told of a mark that does not stand
                    else:
                        assert standing.get((urn, on, half, mark.pupil_id)) != mark.code, "said twice"
                        standing[urn, on, half, mark.pupil_id] = mark.code
    return standing


def _waiting(ledgers: dict[int, list[Any]]) -> int:
    """How many marks wait, by what the ledgers say."""
    count = 0
    for ledger in ledgers.values():
        for event in ledger:
            if isinstance(event.data, MarkQuarantined):
                count += len(event.data.marks)
            elif isinstance(event.data, MarkReleased):
                count -= len(event.data.marks)
            elif isinstance(event.data, PupilMerged):
                assert event.data.pupil_id != event.data.survivor
    return count
