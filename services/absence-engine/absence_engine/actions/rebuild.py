"""Starts again from the ledgers' first entries, when sheets are in doubt: `rollcall republish` brings what the topic
has not kept. Episodes and aliases stay: they are history, and children are evaluated when all their schools are past
where they were.
"""

import structlog
from common.db import Database, Transaction

from absence_engine.store import progress
from absence_engine.store import rebuild as store

log = structlog.get_logger()


async def rebuild(database: Database) -> int:
    """Empties what can be told again; the new epoch. Running consumers notice by themselves."""

    async def work(tx: Transaction) -> int:
        await store.start_again(tx)
        return await progress.epoch(tx)

    epoch = await database.in_transaction(work)
    log.info("rebuild began", epoch=epoch)
    return epoch
