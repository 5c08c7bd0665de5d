"""Taking a batch in: it is kept as it comes, in parts, so that no more of it is ever in memory than a part.

What can be known at once is told at once: a body that can't be a batch, a table without the columns that are needed. An
`Idempotency-Key` names the job for a day: the same body again is the same job, another one is refused, and so is the
same one under a token for other schools, which may neither write what the job writes nor see it. What has been agreed
with the client may change meanwhile: a school that joins is no reason to refuse, one that leaves hides the job.
"""

import codecs
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta

from common.access.reach import Reach
from common.clock import Clock
from common.db import Database
from common.errors import (
    ConflictError,
    Fault,
    InvalidError,
    MalformedError,
    NotFoundError,
    TooLargeError,
    UnderWayError,
)
from common.idempotency import KEY_HOLDS

from registers.actions.jobs import may_see
from registers.domain.batches import reading
from registers.domain.batches.headings import HeadingError
from registers.domain.batches.jobs import Job, Upload
from registers.domain.batches.table import Header
from registers.domain.batches.values import MOST_BYTES, Form, MalformedBatchError, Warned
from registers.store import batches as store

PART_BYTES = 1024**2
PART_SECONDS = 10.0
"""A part is kept when it is full, or old: so that a slow sender is seen to be there."""
SILENT = timedelta(minutes=2)
"""A batch of which nothing has come for so long is given up."""


async def receive(
    database: Database, clock: Clock, upload: Upload, school_urn: int | None, chunks: AsyncIterator[bytes]
) -> Job:
    """Keeps a batch, and queues the job that works on it; or the job that the idempotency key names.

    MalformedError, InvalidError or TooLargeError for what is no batch; InvalidError for another body under a key;
    NotFoundError when its job could write to a school that is not there for the caller any more;
    UnderWayError while the first one under it is still coming in.
    """
    earlier = await _begin(database, clock, upload)
    incoming = _Incoming(upload, school_urn)
    if earlier is not None:
        async for chunk in chunks:
            incoming.look_at(chunk)
        if incoming.fingerprint() != earlier.fingerprint:
            detail = "The key was used in the last 24 hours for another batch, or with a token for other schools."
            fault = Fault("Idempotency-Key", "other-body", detail)
            raise InvalidError("The idempotency key belongs to another batch.", faults=[fault])
        if not may_see(Reach(None if upload.schools is None else frozenset(upload.schools)), earlier):
            raise NotFoundError("No such job.")
        return earlier
    try:
        return await _keep(database, clock, upload, incoming, chunks)
    except BaseException:
        async with database.transaction() as tx:
            await store.drop(tx, [upload.job_id])
        raise


async def _begin(database: Database, clock: Clock, upload: Upload) -> Job | None:
    """Makes the job, unless its key names an earlier one that counts."""
    now = clock.now()
    async with database.transaction() as tx:
        if await store.begin(tx, upload, now):
            return None
        earlier = await store.by_key(tx, upload.subject, upload.idempotency_key or "")
        if earlier is not None and earlier.state == "receiving":
            if earlier.touched_at > now - SILENT:
                raise UnderWayError("The first batch under this idempotency key is still coming in.", retry_after=5)
            await store.drop(tx, [earlier.job_id])
        elif earlier is not None:
            if earlier.created_at > now - KEY_HOLDS:
                return earlier
            await store.forget_key(tx, earlier.job_id)
        if not await store.begin(tx, upload, now):
            raise UnderWayError("Another batch under this idempotency key has just begun.", retry_after=5)
        return None


async def _keep(
    database: Database, clock: Clock, upload: Upload, incoming: "_Incoming", chunks: AsyncIterator[bytes]
) -> Job:
    part, first_byte, kept_at = bytearray(), 0, time.monotonic()

    async def keep() -> None:
        nonlocal first_byte, kept_at
        async with database.transaction() as tx:
            if not await store.add_part(tx, upload.job_id, first_byte, bytes(part), clock.now()):
                raise ConflictError("The batch came too slowly and was given up.")
        first_byte, kept_at = first_byte + len(part), time.monotonic()
        part.clear()

    async for chunk in chunks:
        incoming.look_at(chunk)
        incoming.check_head(at_end=False)
        part += chunk
        if len(part) >= PART_BYTES or time.monotonic() - kept_at >= PART_SECONDS:
            await keep()
    incoming.check_head(at_end=True)
    await keep()
    async with database.transaction() as tx:
        made = await store.read(tx, upload.job_id)
        job = None if made is None else incoming.job(made)._replace(touched_at=clock.now())
        if job is None or not await store.queue(tx, job):
            raise ConflictError("The batch came too slowly and was given up.")
        return job._replace(state="queued")


class _Incoming:
    """What is learnt of a body while it passes by."""

    def __init__(self, upload: Upload, school_urn: int | None) -> None:
        self._form: Form = upload.form
        self._school_urn = school_urn
        told = f"{upload.form} {upload.dry_run} {school_urn} {upload.token_schools}\n"
        self._digest = hashlib.sha256(told.encode())
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = True
        self._size = 0
        self._beginning: bytearray | None = bytearray()
        self._header: Header | None = None

    def look_at(self, chunk: bytes) -> None:
        """The next bytes. MalformedError for what no text may hold, TooLargeError for too many."""
        self._size += len(chunk)
        if self._size > MOST_BYTES:
            raise TooLargeError(f"A batch has at most {MOST_BYTES} bytes.")
        if b"\0" in chunk:
            raise MalformedError("The body contains the NUL character: it is not UTF-8.")
        self._digest.update(chunk)
        self._decode(chunk, at_end=False)
        if self._beginning is not None:
            self._beginning += chunk

    def _decode(self, chunk: bytes, *, at_end: bool) -> None:
        if not self._is_utf8:
            return
        try:
            self._decoder.decode(chunk, at_end)
        except UnicodeDecodeError:
            if self._form != "csv":
                raise MalformedError("The body is not UTF-8.") from None
            self._is_utf8 = False

    def check_head(self, *, at_end: bool) -> None:
        """Looks at the beginning, once there is enough of it: MalformedError or InvalidError when it is no batch's."""
        if at_end:
            self._decode(b"", at_end=True)
        if self._beginning is None or (len(self._beginning) < reading.ENOUGH_FOR_A_HEAD and not at_end):
            return
        beginning, self._beginning = bytes(self._beginning), None
        if not beginning.strip():
            raise MalformedError("The body is empty.")
        try:
            self._header = reading.head(self._form, beginning, self._school_urn)
        except MalformedBatchError as error:
            raise MalformedError(error.words) from None
        except HeadingError as error:
            raise InvalidError("The table can't be read.", faults=[Fault("header", error.code, error.words)]) from None

    def fingerprint(self) -> str:
        """What distinguishes this batch from another one."""
        return self._digest.hexdigest()

    def job(self, made: Job) -> Job:
        """The job, ready to be worked on."""
        job = made._replace(fingerprint=self.fingerprint(), bytes=self._size)
        if self._header is None:
            return job
        layout = self._header.layout._replace(encoding="utf-8" if self._is_utf8 else "cp1252")
        warnings = dict(job.warnings)
        if not self._is_utf8:
            warnings["windows-1252"] = Warned(first_line=1)
        if self._header.ignored:
            warnings["column-ignored"] = Warned(len(self._header.ignored), self._header.rows)
        return job._replace(layout=layout, position=self._header.used, lines=self._header.rows, warnings=warnings)
