"""Many registers at once: jobs, the bodies that they read, and what became of each mark."""

from alembic import op

revision = "0006"
down_revision = "0005"

BATCH = """
create table batch (
    job_id uuid primary key,
    subject text not null,
    schools integer[],
    state text not null check (state in ('receiving', 'queued', 'running', 'done', 'failed')),
    form text not null check (form in ('json', 'ndjson', 'csv')),
    dry_run boolean not null,
    idempotency_key text,
    fingerprint text,
    correlation_id text not null,
    created_at timestamptz not null,
    touched_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    layout jsonb,
    bytes bigint not null default 0,
    position bigint not null default 0,
    lines bigint not null default 0,
    pieces integer not null default 0,
    counts jsonb not null default '{}',
    warnings jsonb not null default '{}',
    sequences jsonb not null default '{}',
    problem jsonb
)
"""
"""A job: moved in the transaction of the marks that it brings. Its lock is the fence against a second worker."""

BATCH_PART = """
create table batch_part (
    job_id uuid not null,
    first_byte bigint not null,
    body bytea storage external not null,
    primary key (job_id, first_byte)
)
"""
"""Uncompressed: slices are read from the middle."""

BATCH_RESULT = """
create table batch_result (
    job_id uuid not null,
    piece integer not null,
    body bytea storage external not null,
    errors bytea,
    primary key (job_id, piece)
)
"""

INDEXES = """
create unique index batch_idempotency on batch (subject, idempotency_key) where idempotency_key is not null;
create index batch_to_do on batch (touched_at) where state in ('receiving', 'queued', 'running')
"""


def upgrade() -> None:
    """Makes its tables."""
    for table in (BATCH, BATCH_PART, BATCH_RESULT, *INDEXES.split(";")):
        op.execute(table)
