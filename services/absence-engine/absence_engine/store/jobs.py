"""Which process works on a job: one at a time, for as long as its connection lasts. One that dies leaves no lock."""

from common.db import Transaction

SIMULATIONS, RECONCILIATIONS = 7_201_946, 7_201_947
"""The first key of the advisory locks of each kind of job; the second is made of the job's id."""

LOCK = "select pg_try_advisory_lock($1, hashtext($2))"


async def lock(connection: Transaction, kind: int, job_id: str) -> bool:
    """Takes a job; False when another process has it."""
    return bool(await connection.fetchval(LOCK, kind, job_id))
