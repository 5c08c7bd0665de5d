"""Registers that are expected, reasons that are chased."""

from alembic import op
from common.indexes import build_index

revision = "0005"
down_revision = "0004"

CHASED = """
create table chased (
    urn integer not null,
    date date not null,
    session smallint not null,
    pupil_id uuid not null,
    state text not null,
    due_on date,
    primary key (urn, date, session, pupil_id)
)
"""

MISSED = """
create table missed (
    urn integer not null,
    date date not null,
    session smallint not null,
    closes_at timestamptz not null,
    announced_at timestamptz not null,
    marked integer not null,
    expected integer not null,
    ended text,
    ended_at timestamptz,
    primary key (urn, date, session)
)
"""

MISSED_NOW = "create index missed_now on missed (date, urn) where ended is null"


def upgrade() -> None:
    """Adds its tables and indexes; those of `mark`, the largest table, while registers come in."""
    build_index("mark_not_established", "mark (urn, date) where standing and code = 'N'")
    build_index("mark_detailed", "mark (urn, date) where details ?| array['arrived_at', 'reason_detail']")
    for statement in (CHASED, MISSED, MISSED_NOW):
        op.execute(statement)
