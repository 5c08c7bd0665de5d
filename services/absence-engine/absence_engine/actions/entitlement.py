"""Who on a school's roll has less than full-time education there."""

from datetime import date

from common.academic import year_of
from common.db import Transaction
from common.errors import NotFoundError

from absence_engine.actions.seen import each_seen
from absence_engine.actions.worklists import is_on_roll
from absence_engine.domain.entitlement import Entitlement, entitlement
from absence_engine.store import children, schools
from absence_engine.store import figures as store
from absence_engine.store.progress import Freshness

CHILDREN_AT_ONCE = 500


async def of_school(
    tx: Transaction, urn: int, after: str, limit: int, today: date
) -> tuple[list[Entitlement], list[Freshness]]:
    """Of the children on the roll today, by id, those after one, who have or had less in the present year; and how far
    the school is counted. NotFoundError when it is not known.
    """
    await store.snapshot(tx)
    if await store.school(tx, urn) is None:
        raise NotFoundError("No such school.")
    year = year_of(today)
    living = await children.survivors(tx, (await schools.on_roll(tx, [urn]))[urn])
    ordered = sorted(pupil_id for pupil_id in living if pupil_id > after)
    found: list[Entitlement] = []
    for start in range(0, len(ordered), CHILDREN_AT_ONCE):
        records = await store.records(tx, ordered[start : start + CHILDREN_AT_ONCE])
        its = [entitlement(record, urn, year, today) for record in records if is_on_roll(record, urn, today)]
        found += [one for one in its if one is not None]
        if len(found) >= limit:
            break
    return found[:limit], await each_seen(tx, [urn], year, today)
