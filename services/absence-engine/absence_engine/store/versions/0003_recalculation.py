"""Schools of which many marks are still to be judged anew."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column: no school is, until its ledger says so."""
    op.execute("alter table school add column recalculating boolean not null default false")
