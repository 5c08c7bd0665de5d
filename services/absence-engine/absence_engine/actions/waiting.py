"""Waiting until entries have been counted (`at_least`): by signal after a commit here, by NOTIFY from other replicas,
and by looking again now and then.
"""

import time
from collections.abc import Mapping

from common.db import Database
from common.errors import Fault, InvalidError, UnavailableError
from common.listen import Signal

from absence_engine.store import progress

LOOK_SECONDS = 0.5


async def until_counted(database: Database, signal: Signal, wanted: Mapping[int, int], seconds: float) -> None:
    """Returns once each school (URN) is evaluated up to its number.

    After `seconds`: InvalidError when a school was never heard of (its first entry may have been on the way),
    UnavailableError when one is behind.
    """
    deadline = time.monotonic() + seconds
    while True:
        turn = signal.turn
        async with database.connection() as connection:
            counted = {one.urn: one.sequence for one in await progress.freshness(connection, list(wanted))}
        if all(urn in counted and counted[urn] >= number for urn, number in wanted.items()):
            return
        left = deadline - time.monotonic()
        if left <= 0:
            break
        await signal.wait(turn, min(left, LOOK_SECONDS))
    if unknown := sorted(wanted.keys() - counted.keys()):
        faults = [Fault("at_least", "unknown-school", f"No entry of school {urn} was ever read.") for urn in unknown]
        raise InvalidError("A school is not known.", faults=faults)
    raise UnavailableError("These entries have not been counted yet.", retry_after=1)
