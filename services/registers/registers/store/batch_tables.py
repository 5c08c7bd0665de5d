"""The tables of batches: `batch` are jobs and how far they are, `batch_part` what was sent to them until they are done,
`batch_result` what became of the marks of each piece.
"""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from registers.store.table import Table, column, key


class Batch(Table, table=True):
    """A job that takes many registers: how far it is, and what came of it so far."""

    __table_args__ = (
        Index(
            "batch_idempotency",
            "subject",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key is not null"),
        ),
        Index(
            "batch_to_do",
            "touched_at",
            postgresql_where=text("state in ('receiving', 'queued', 'running')"),
        ),
    )
    job_id: UUID = key(Uuid)
    subject: str = column(Text)
    schools: list[int] | None = column(ARRAY(Integer), null=True)
    state: str = column(Text)
    form: str = column(Text)
    dry_run: bool
    idempotency_key: str | None = column(Text, null=True)
    fingerprint: str | None = column(Text, null=True)
    correlation_id: str = column(Text)
    created_at: dt.datetime = column(DateTime(timezone=True))
    touched_at: dt.datetime = column(DateTime(timezone=True))
    started_at: dt.datetime | None = column(DateTime(timezone=True), null=True)
    ended_at: dt.datetime | None = column(DateTime(timezone=True), null=True)
    layout: dict[str, Any] | None = column(JSONB, null=True)
    bytes: int = column(BigInteger, server_default=text("0"))
    position: int = column(BigInteger, server_default=text("0"))
    lines: int = column(BigInteger, server_default=text("0"))
    pieces: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    counts: dict[str, Any] = column(JSONB, server_default=text("'{}'"))
    warnings: dict[str, Any] = column(JSONB, server_default=text("'{}'"))
    sequences: dict[str, Any] = column(JSONB, server_default=text("'{}'"))
    problem: dict[str, Any] | None = column(JSONB, null=True)


class BatchPart(Table, table=True):
    """A piece of what was sent to a job, sealed, until it is done."""

    job_id: UUID = key(Uuid)
    first_byte: int = key(BigInteger)
    sealed: bytes = column(LargeBinary)


class BatchResult(Table, table=True):
    """What became of the marks of a piece, sealed: NDJSON, and those with a problem as CSV."""

    job_id: UUID = key(Uuid)
    piece: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sealed: bytes = column(LargeBinary)
    sealed_errors: bytes | None = column(LargeBinary, null=True)
