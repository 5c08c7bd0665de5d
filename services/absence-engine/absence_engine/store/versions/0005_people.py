"""What is said of children for a time."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the dated flags of a child."""
    op.execute("alter table child add column flag_spans jsonb not null default '[]'")
