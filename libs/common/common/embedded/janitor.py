"""Retention: records are kept in time partitions of a week, made ahead of time, and dropped when all in one is too old.

Dropping a table costs nothing, whatever is in it; deleting rows would cost as much as writing them did.
"""

from datetime import date, timedelta

from common.db import Transaction

RETENTION = timedelta(days=14)
"""How long a record is kept at least. What is lost from view here stands in the ledgers: `rollcall republish`."""
SPAN = timedelta(days=7)
AHEAD = 3
"""How many weeks, this one included, have their partition already: the janitor may fail for two."""

ONE_AT_A_TIME = "select pg_advisory_xact_lock(0, 2)"
LOCK_TIMEOUT = "set local lock_timeout = '2s'"
TODAY = "select current_date"
THERE = """
select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'record'::regclass
"""
# Values of a few KB stay in the row: one read fetches them.
MAKE = """
create table if not exists "{name}" partition of record for values from ('{start}') to ('{end}')
with (toast_tuple_target = 8160)
"""
DROP = 'drop table "{name}"'


async def sweep(tx: Transaction, retention: timedelta = RETENTION) -> list[str]:
    """Makes the partitions of the weeks to come, drops those that are past their time, and tells the names dropped."""
    await tx.execute(ONE_AT_A_TIME)  # all services of a process do this at the start
    await tx.execute(LOCK_TIMEOUT)
    today: date = await tx.fetchval(TODAY)
    there = {row["name"] for row in await tx.fetch(THERE)}
    this_week = today - timedelta(days=today.weekday())
    for start in (this_week + SPAN * week for week in range(AHEAD)):
        if _name(start) not in there:
            await tx.execute(MAKE.format(name=_name(start), start=start, end=start + SPAN))
    old = sorted(name for name in there if _start(name) + SPAN <= today - retention)
    for name in old:
        await tx.execute(DROP.format(name=name))
    return old


def _name(start: date) -> str:
    return f"record_{start:%Y%m%d}"


def _start(name: str) -> date:
    digits = name.removeprefix("record_")
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
