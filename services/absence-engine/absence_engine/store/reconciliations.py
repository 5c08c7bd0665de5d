"""Reconciliations as they were answered. No ledger tells them: a rebuild leaves them alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from common.db import Transaction

ADD = """
insert into reconciliation (reconciliation_id, subject, created_at, schools, answer) values ($1, $2, $3, $4, $5)
"""
READ = "select subject, schools, answer::text from reconciliation where reconciliation_id = $1"
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


async def forget(tx: Transaction, before: datetime) -> None:
    """Forgets what was answered before a moment."""
    await tx.execute(FORGET, before)


async def owners(tx: Transaction, pupil_ids: Sequence[str]) -> dict[str, str]:
    """By id of the ledger, the living child that it means."""
    return {row[0]: row[1] for row in await tx.fetch(OWNERS, list(pupil_ids))}
