"""Jobs: what was sent is kept in parts until it is done with, and what became of each mark until the job is forgotten.

Whoever works on a job has its row locked; the job moves in the transaction that brings its marks.
"""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from common.db import Transaction, keyring

from registers.domain.batches.jobs import Job, Upload
from registers.domain.batches.table import Layout
from registers.domain.batches.values import Warned

BEGIN = """
insert into batch (job_id, subject, schools, state, form, dry_run, idempotency_key, correlation_id, created_at,
    touched_at)
values ($1, $2, $3, 'receiving', $4, $5, $6, $7, $8, $8)
on conflict (subject, idempotency_key) where idempotency_key is not null do nothing
returning true
"""
JOB = """
select job_id::text, subject, schools, state, form, dry_run, fingerprint, correlation_id, created_at, touched_at,
    started_at, ended_at, layout, bytes, position, lines, pieces, counts, warnings, sequences, problem
from batch
"""
READ = JOB + "where job_id = $1"
BY_KEY = JOB + "where subject = $1 and idempotency_key = $2"
TAKE = f"""{JOB}
where state in ('queued', 'running') and job_id is distinct from $1::uuid
order by touched_at, job_id limit 1 for update skip locked
"""
HOLD = f"{JOB} where job_id = $1 and position = $2 and state in ('queued', 'running') for update skip locked"
FORGET_KEY = "update batch set idempotency_key = null where job_id = $1"
ADD_PART = "insert into batch_part (job_id, first_byte, sealed) values ($1, $2, $3)"
TOUCH = "update batch set touched_at = $2 where job_id = $1 and state = 'receiving' returning true"
QUEUE = """
update batch set state = 'queued', fingerprint = $2, bytes = $3, layout = $4, position = $5, lines = $6,
    warnings = $7, touched_at = $8
where job_id = $1 and state = 'receiving' returning true
"""
SLICE = """
select first_byte, sealed from batch_part
where job_id = $1 and first_byte <= $2 order by first_byte desc limit 1
"""
MOVE = """
update batch set state = $2, position = $3, lines = $4, pieces = $5, counts = $6, warnings = $7, sequences = $8,
    problem = $9, started_at = $10, ended_at = $11, touched_at = $12
where job_id = $1
"""
ADD_RESULT = "insert into batch_result (job_id, piece, sealed, sealed_errors) values ($1, $2, $3, $4)"
RESULT = "select sealed, sealed_errors from batch_result where job_id = $1 and piece = $2"
DROP_PARTS = "delete from batch_part where job_id = $1"
DROP_RESULTS = "delete from batch_result where job_id = $1"
DROP = "delete from batch where job_id = $1"
OLD = """
select job_id::text from batch
where (ended_at < $1) or (state = 'receiving' and touched_at < $2)
order by touched_at limit 10 for update skip locked
"""


async def begin(tx: Transaction, upload: Upload, now: datetime) -> bool:
    """Makes the job of a batch that is about to come; False when its sender has used the idempotency key already."""
    schools = None if upload.schools is None else sorted(upload.schools)
    made = await tx.fetchval(
        BEGIN,
        upload.job_id,
        upload.subject,
        schools,
        upload.form,
        upload.dry_run,
        upload.idempotency_key,
        upload.correlation_id,
        now,
    )
    return made is True


async def read(tx: Transaction, job_id: str) -> Job | None:
    """One job."""
    return _job(await tx.fetchrow(READ, job_id))


async def by_key(tx: Transaction, subject: str, key: str) -> Job | None:
    """The job that a sender made with an idempotency key."""
    return _job(await tx.fetchrow(BY_KEY, subject, key))


async def take(tx: Transaction, beside: str | None = None) -> Job | None:
    """The job that has waited longest for its turn and that nobody is working on, locked; never `beside`."""
    return _job(await tx.fetchrow(TAKE, beside))


async def hold(tx: Transaction, job: Job) -> Job | None:
    """This job, locked, if it stands at the same position and nobody is working on it."""
    return _job(await tx.fetchrow(HOLD, job.job_id, job.position))


async def forget_key(tx: Transaction, job_id: str) -> None:
    """The key of this job may be used again."""
    await tx.execute(FORGET_KEY, job_id)


async def add_part(tx: Transaction, job_id: str, first_byte: int, body: bytes, now: datetime) -> bool:
    """Keeps a part of what is sent; False when the job has been given up meanwhile."""
    if not await tx.fetchval(TOUCH, job_id, now):
        return False
    if body:
        sealed = keyring(tx).seal(body, f"batch_part/{job_id}/{first_byte}")
        await tx.execute(ADD_PART, job_id, first_byte, sealed)
    return True


async def queue(tx: Transaction, job: Job) -> bool:
    """All of it is here: the job can be worked on. False when it has been given up meanwhile."""
    layout = None if job.layout is None else msgspec.json.encode(job.layout._asdict()).decode()
    queued = await tx.fetchval(
        QUEUE,
        job.job_id,
        job.fingerprint,
        job.bytes,
        layout,
        job.position,
        job.lines,
        _warnings(job),
        job.touched_at,
    )
    return queued is True


async def slice_of(tx: Transaction, job_id: str, position: int, size: int) -> bytes:
    """At most `size` bytes of what was sent, from `position` on; fewer at the end of a part."""
    part = await tx.fetchrow(SLICE, job_id, position)
    if part is None:
        return b""
    start = position - part["first_byte"]
    return keyring(tx).open(part["sealed"], f"batch_part/{job_id}/{part['first_byte']}")[start : start + size]


async def move(tx: Transaction, job: Job) -> None:
    """Keeps how far a job is; what was sent is let go when it has ended."""
    await tx.execute(
        MOVE,
        job.job_id,
        job.state,
        job.position,
        job.lines,
        job.pieces,
        _json(job.counts),
        _warnings(job),
        _json({str(urn): number for urn, number in job.sequences.items()}),
        None if job.problem is None else _json(job.problem),
        job.started_at,
        job.ended_at,
        job.touched_at,
    )
    if job.ended_at is not None:
        await tx.execute(DROP_PARTS, job.job_id)


async def add_result(tx: Transaction, job_id: str, piece: int, body: bytes, errors: bytes | None) -> None:
    """Keeps what became of the marks of a piece."""
    ring, place = keyring(tx), f"batch_result/{job_id}/{piece}"
    sealed_errors = None if errors is None else ring.seal(errors, f"{place}/errors")
    await tx.execute(ADD_RESULT, job_id, piece, ring.seal(body, place), sealed_errors)


async def result(tx: Transaction, job_id: str, piece: int) -> tuple[bytes, bytes | None] | None:
    """What became of the marks of a piece: as NDJSON, and those with a problem as CSV."""
    row = await tx.fetchrow(RESULT, job_id, piece)
    if row is None:
        return None
    ring, place, errors = keyring(tx), f"batch_result/{job_id}/{piece}", row["sealed_errors"]
    return ring.open(row["sealed"], place), None if errors is None else ring.open(errors, f"{place}/errors")


async def drop(tx: Transaction, job_ids: Collection[str]) -> None:
    """Forgets jobs."""
    for job_id in job_ids:
        for statement in (DROP_PARTS, DROP_RESULTS, DROP):
            await tx.execute(statement, job_id)


async def old(tx: Transaction, ended: datetime, silent: datetime) -> list[str]:
    """Some jobs that ended before `ended`, or whose sender has been silent since before `silent`; locked."""
    return [row["job_id"] for row in await tx.fetch(OLD, ended, silent)]


def _job(row: Any) -> Job | None:
    if row is None:
        return None
    found = dict(row)
    layout = msgspec.json.decode(found["layout"]) if found["layout"] else None
    warnings: dict[str, dict[str, int]] = msgspec.json.decode(found["warnings"])
    sequences: dict[str, int] = msgspec.json.decode(found["sequences"])
    return Job(
        **found
        | {
            "schools": None if found["schools"] is None else frozenset(found["schools"]),
            "layout": None if layout is None else Layout(**layout),
            "counts": msgspec.json.decode(found["counts"]),
            "warnings": {code: Warned(**warned) for code, warned in warnings.items()},
            "sequences": {int(urn): number for urn, number in sequences.items()},
            "problem": msgspec.json.decode(found["problem"]) if found["problem"] else None,
        }
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _warnings(job: Job) -> str:
    return _json({code: asdict(warned) for code, warned in job.warnings.items()})
