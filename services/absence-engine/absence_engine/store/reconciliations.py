"""Reconciliations as they were answered, and those that are still to be. No ledger tells them: a rebuild leaves them
alone.

One that is to be answered in the background has `asked` in its answer: what was sent, which nobody is shown.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from common.db import Transaction

ADD = """
insert into reconciliation (reconciliation_id, subject, created_at, schools, answer) values ($1, $2, $3, $4, $5)
"""
READ = "select subject, schools, answer::text from reconciliation where reconciliation_id = $1"
OPEN = """
select reconciliation_id::text from reconciliation where created_at > $1 and answer ? 'asked'
order by created_at, reconciliation_id
"""
ADVANCE = "update reconciliation set answer = answer || $2::text::jsonb where reconciliation_id = $1"
FINISH = """
update reconciliation set schools = $2, answer = (answer - 'asked') || $3::text::jsonb where reconciliation_id = $1
"""
FORGET = "delete from reconciliation where created_at < $1"
OWNERS = "select pupil_id::text, coalesce(survivor, pupil_id)::text from child where pupil_id = any($1::uuid[])"


class Kept(NamedTuple):
    """A reconciliation: whose, the schools (URN) that it tells of (None: an authority's), the answer."""

    subject: str
    schools: Sequence[int] | None
    answer: Mapping[str, Any]


async def add(tx: Transaction, reconciliation_id: str, now: datetime, kept: Kept) -> None:
    """Keeps one."""
    schools = None if kept.schools is None else list(kept.schools)
    await tx.execute(ADD, reconciliation_id, kept.subject, now, schools, msgspec.json.encode(kept.answer).decode())


async def read(tx: Transaction, reconciliation_id: str) -> Kept | None:
    """One, if there is such."""
    row = await tx.fetchrow(READ, reconciliation_id)
    return None if row is None else Kept(row[0], row[1], msgspec.json.decode(row[2]))


async def still_open(tx: Transaction, since: datetime) -> list[str]:
    """Those that are to be answered, of what was asked after a moment, oldest first."""
    return [row[0] for row in await tx.fetch(OPEN, since)]


async def advance(tx: Transaction, reconciliation_id: str, schools_counted: int) -> None:
    """Notes how far one has come."""
    told = {"state": "running", "schools_counted": schools_counted}
    await tx.execute(ADVANCE, reconciliation_id, msgspec.json.encode(told).decode())


async def finish(
    tx: Transaction, reconciliation_id: str, schools: Sequence[int] | None, answer: Mapping[str, Any]
) -> None:
    """Notes what came of one."""
    await tx.execute(FINISH, reconciliation_id, schools, msgspec.json.encode(answer).decode())


async def forget(tx: Transaction, before: datetime) -> None:
    """Forgets what was answered before a moment."""
    await tx.execute(FORGET, before)


async def owners(tx: Transaction, pupil_ids: Sequence[str]) -> dict[str, str]:
    """By id of the ledger, the living child that it means."""
    return {row[0]: row[1] for row in await tx.fetch(OWNERS, list(pupil_ids))}
