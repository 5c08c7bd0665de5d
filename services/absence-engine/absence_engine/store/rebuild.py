"""Emptying what the ledgers can tell again; episodes and aliases stay (they are history)."""

from common import ledger
from common.db import Transaction

from absence_engine.store.policies import LOCK_TURN

# Every child waits for each of its schools: nobody is evaluated before all of them are read again.
EVERYBODY_WAITS = """
insert into pending (urn, pupil_id)
select urn, pupil_id from sheet union select urn, pupil_id from enrolment
on conflict do nothing
"""
RAISE_EPOCH = "update engine set epoch = epoch + 1, history_from = null"


async def start_again(tx: Transaction) -> None:
    """Forgets marks, enrolments, calendars, facts and positions. The topic is read again from its beginning."""
    await ledger.reset(tx)  # first, as consumers begin with these rows too
    await tx.execute(LOCK_TURN)  # next, as publications begin with it, and then look at schools
    await tx.execute(EVERYBODY_WAITS)
    await tx.execute("truncate sheet, enrolment, calendar, school, household, coverage, mark_day, mark_group")
    await tx.execute(
        "update child set version = 0, date_of_birth = null, year_group = null, flags = '{}', flag_spans = '[]'"
    )
    await tx.execute(RAISE_EPOCH)
