"""What is agreed with clients, and what of that is still to be announced."""

from alembic import op

revision = "0016"
down_revision = "0015"

CONSUMER = """
create table consumer (
    client_id text primary key,
    version bigint not null,
    organisation text not null,
    organisation_type text not null,
    reference text,
    purposes text[] not null,
    agreement_from date not null,
    agreement_to date,
    scopes text[] not null,
    las text[],
    urns integer[],
    cohorts text[],
    redactions text[] not null,
    revoked_at timestamptz,
    schools integer[]
)
"""
ANNOUNCEMENT = """
create table announcement (
    id bigint generated always as identity primary key,
    key text not null,
    event_id text not null,
    body bytea not null
)
"""


def upgrade() -> None:
    """Adds its tables."""
    op.execute(CONSUMER)
    op.execute(ANNOUNCEMENT)
