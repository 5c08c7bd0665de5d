"""Contacts that may not be written to."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Letters say why they are withheld."""
    op.execute("alter table letter add column withheld_why text")
