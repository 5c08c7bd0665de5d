"""Looking at jobs: a job is there for who made it, with a token that opens all the schools that it could write to."""

from collections.abc import AsyncIterator

from common.access.reach import Reach
from common.db import Database
from common.errors import NotFoundError
from common.security import Caller

from registers.domain.batches.jobs import Job
from registers.store import batches as store


async def job(database: Database, caller: Caller, job_id: str) -> Job:
    """One job; NotFoundError for one that is not the caller's."""
    async with database.transaction() as tx:
        found = await store.read(tx, job_id)
    if found is None or found.subject != caller.subject or not may_see(caller.reach, found):
        raise NotFoundError("No such job.")
    return found


def may_see(reach: Reach, found: Job) -> bool:
    """Whether all the schools are there that a job could write to."""
    return reach.is_everywhere or (found.schools is not None and reach.covers(found.schools))


async def results(database: Database, job: Job) -> AsyncIterator[bytes]:
    """What became of each mark so far, as NDJSON, a piece at a time."""
    async for body, _ in _pieces(database, job):
        yield body


async def errors(database: Database, job: Job) -> AsyncIterator[bytes]:
    """The marks that have a problem, as rows of CSV, a piece at a time."""
    async for _, found in _pieces(database, job):
        if found is not None:
            yield found


async def _pieces(database: Database, job: Job) -> AsyncIterator[tuple[bytes, bytes | None]]:
    for piece in range(job.pieces):
        async with database.transaction() as tx:
            found = await store.result(tx, job.job_id, piece)
        if found is None:
            return  # forgotten meanwhile
        yield found
