"""Personal targets: what attendance is asked of a child for whom the usual one is out of reach, and why."""

from datetime import date, datetime
from typing import NamedTuple

from common.db import Transaction, keyring

PUT = """
insert into personal_target (pupil_id, attendance, from_date, to_date, said_at, said)
values ($1, $2, $3, $4, $5, $6) on conflict (pupil_id) do update
set attendance = excluded.attendance, from_date = excluded.from_date, to_date = excluded.to_date,
    said_at = excluded.said_at, said = excluded.said
"""
LATEST = """
select pupil_id::text, attendance, from_date, to_date, said_at, said from personal_target
where pupil_id = any(array(select pupil_id from child where survivor = $1) || $1::uuid)
order by said_at desc, pupil_id limit 1
"""


class Target(NamedTuple):
    """The attendance (basis points) asked of a child from a day to another, both inclusive; `to` None: for good."""

    attendance: int
    from_: date
    to: date | None
    reason: str
    by: str
    said_at: datetime


async def put(tx: Transaction, pupil_id: str, target: Target) -> None:
    """Keeps what is asked of a child, instead of what was."""
    attendance, first, last, reason, by, said_at = target
    said = keyring(tx).seal_json((reason, by), f"personal_target/{pupil_id}")
    await tx.execute(PUT, pupil_id, attendance, first, last, said_at, said)


async def latest(tx: Transaction, living_id: str) -> Target | None:
    """What was said last under any of a living child's ids."""
    row = await tx.fetchrow(LATEST, living_id)
    if row is None:
        return None
    pupil_id, attendance, first, last, said_at, said = row
    reason, by = keyring(tx).open_json(said, f"personal_target/{pupil_id}", tuple[str, str])
    return Target(attendance, first, last, reason, by, said_at)
