"""Reconciliations with what others counted."""

from alembic import op

revision = "0012"
down_revision = "0011"

RECONCILIATION = """
create table reconciliation (
    reconciliation_id uuid primary key,
    subject text not null,
    created_at timestamptz not null,
    schools integer[],
    answer jsonb not null
)
"""


def upgrade() -> None:
    """Makes the table."""
    op.execute(RECONCILIATION)
