"""Patterns that were told, and how far each school has been looked at for them."""

from alembic import op

revision = "0011"
down_revision = "0010"

PATTERN = """
create table pattern (
    pattern_id uuid primary key,
    origin uuid not null,
    kind text not null,
    what text not null,
    year smallint not null,
    school_urn integer not null,
    detail jsonb not null,
    policy_version text not null,
    detected_at timestamptz not null,
    gone_at timestamptz,
    epoch integer not null,
    revision integer not null
)
"""
LOOK = """
create table pattern_look (
    urn integer primary key,
    sequence bigint,
    day date,
    looked_on date,
    policy_turn bigint
)
"""


def upgrade() -> None:
    """Makes both, empty: every school is looked at once."""
    op.execute(PATTERN)
    op.execute("create index pattern_origin on pattern (origin)")
    op.execute("create index pattern_school on pattern (school_urn, detected_at, pattern_id)")
    op.execute(LOOK)
