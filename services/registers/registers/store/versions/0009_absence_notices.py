"""Parents' absence notices, with every version of each."""

from alembic import op

revision = "0009"
down_revision = "0008"

ABSENCE_NOTICE = """
create table absence_notice (
    notice_id uuid not null,
    version integer not null,
    number bigint not null unique generated always as identity,
    current boolean not null,
    urn integer not null,
    pupil_id uuid not null,
    state text not null,
    contact_id uuid,
    giver text not null,
    relation text,
    channel text not null,
    given_at timestamptz not null,
    first_on date not null,
    first_session smallint not null,
    last_on date,
    last_session smallint,
    reason text,
    suggested_code text,
    noted_at timestamptz not null,
    noted_by text,
    why text,
    subject text,
    idempotency_key text,
    fingerprint text,
    primary key (notice_id, version),
    check ((last_on is null) = (last_session is null)),
    check (last_on is null or (last_on, last_session) >= (first_on, first_session))
)
"""

INDEXES = (
    "create index absence_notice_day on absence_notice (urn, first_on) where current",
    "create index absence_notice_pupil on absence_notice (pupil_id)",
    "create index absence_notice_idempotency on absence_notice (urn, subject, idempotency_key) where version = 1",
)


def upgrade() -> None:
    """Adds its table."""
    for statement in (ABSENCE_NOTICE, *INDEXES):
        op.execute(statement)
